//! Attacks by those who have a token: on open sockets.

use super::Target;
use crate::support::{
    Random,
    http::request,
    websocket::{FIN, KEY, PING, TEXT, frame, text},
};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Sockets of each attack.
const SOCKETS: usize = 20;

/// A WebSocket of the attacker. Nothing of what comes is looked at, beyond the answer's beginning.
fn open(target: &Target) -> std::io::Result<TcpStream> {
    let mut stream = target.connect()?;
    let protocols = format!("downlink.v1, downlink.token.{}", target.token);
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Protocol", &protocols),
    ];
    stream.write_all(&request("GET", "/v1/socket", &headers, b""))?;
    let mut answer = [0; 1024];
    let count = stream.read(&mut answer)?;
    assert!(answer[..count].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer[..count]));
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Writes the same bytes to some sockets as fast as they take them. Ended ones are opened again.
fn flood(target: &Target, bytes: &[u8], pause: Duration) {
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut scratch = [0; 16 * 1024];
    while target.goes_on() {
        while streams.len() < SOCKETS {
            match open(target) {
                Ok(stream) => streams.push(stream),
                Err(_) => break,
            }
        }
        // A frame that is cut may break the next: then that socket ends, and another one comes.
        streams.retain_mut(|stream| {
            let written = match stream.write(bytes) {
                Ok(count) => count == bytes.len(),
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            let read = match stream.read(&mut scratch) {
                Ok(count) => count > 0,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            written && read
        });
        target.rest(pause);
    }
}

pub(super) fn pings(target: &Target) {
    flood(target, &frame(FIN | PING, b"").repeat(2000), Duration::from_millis(1));
}

pub(super) fn single_pings(target: &Target) {
    flood(target, &frame(FIN | PING, b"x"), Duration::from_micros(50));
}

pub(super) fn fragments(target: &Target) {
    let word = br#"{"ack":"1.0"}"#;
    let mut bytes = frame(TEXT, &word[..1]);
    for at in 1..7 {
        bytes.extend(frame(0, &word[at..=at]));
    }
    bytes.extend(frame(FIN, &word[7..]));
    flood(target, &bytes.repeat(100), Duration::from_millis(1));
}

pub(super) fn words(target: &Target) {
    let renewal = text(&format!(r#"{{"token":"{}"}}"#, target.token));
    let bytes = [text(r#"{"ack":"1.0"}"#).repeat(20), renewal].concat();
    flood(target, &bytes.repeat(5), Duration::from_millis(1));
}

/// Opens, says nonsense, and is thrown out.
pub(super) fn garbage(target: &Target) {
    let mut random = Random(0x9e37_79b9);
    while target.goes_on() {
        let Ok(mut stream) = open(target) else { continue };
        let bytes: Vec<u8> = (0..random.below(2000) + 1).map(|_| random.below(256) as u8).collect();
        let _ = stream.write_all(&bytes);
        target.rest(Duration::from_millis(1));
    }
}

/// Sockets on a busy channel that nobody reads, while they ping.
pub(super) fn deaf(target: &Target) {
    let streams: Vec<TcpStream> = (0..5 * SOCKETS).filter_map(|_| open(target).ok()).collect();
    let (mut api, large) = (target.api(), "x".repeat(16 * 1024));
    let pings = frame(FIN | PING, &[0; 100]).repeat(20);
    while target.goes_on() {
        api.send("attacked", &large);
        for mut stream in &streams {
            let _ = stream.write(&pings);
        }
        target.rest(Duration::from_millis(50));
    }
}

/// Opened and dropped, again and again.
pub(super) fn storm(target: &Target) {
    while target.goes_on() {
        drop(open(target));
        target.rest(Duration::from_micros(300));
    }
}
