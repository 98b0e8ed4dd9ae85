//! Attacks by those who have nothing: on connections before they are sockets.

use super::Target;
use crate::support::http::request;
use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// Connections that an attack holds at once.
const HELD: usize = 500;

/// Holds many connections and lets the oldest go for a new one.
fn hold(target: &Target, begin: &[u8], pause: Duration) {
    let mut held: VecDeque<TcpStream> = VecDeque::new();
    while target.goes_on() {
        if let Ok(mut stream) = target.connect() {
            let _ = stream.write_all(begin);
            held.push_back(stream);
        }
        if held.len() > HELD {
            held.pop_front();
        }
        target.rest(pause);
    }
}

pub(super) fn silent(target: &Target) {
    hold(target, b"", Duration::from_micros(500));
}

/// Nearly all that a head may have, and no end.
pub(super) fn endless_heads(target: &Target) {
    let begin = format!("GET /v1/socket HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(16_000));
    hold(target, begin.as_bytes(), Duration::from_millis(1));
}

/// Connects and resets, some with half a request, some with nothing.
pub(super) fn resets(target: &Target) {
    let mut number = 0u32;
    while target.goes_on() {
        if let Ok(mut stream) = target.connect() {
            number += 1;
            if number.is_multiple_of(2) {
                let _ = stream.write_all(b"GET /v1/socket HTTP/1.1\r\nUpgrade: websocket\r\n");
            }
            if !number.is_multiple_of(3) {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
        }
        target.rest(Duration::from_micros(300));
    }
}

/// Many heads, a byte each now and then.
pub(super) fn slow_heads(target: &Target) {
    let head = b"GET /v1/socket HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n";
    let mut held: Vec<(TcpStream, usize)> = Vec::new();
    let mut last = Instant::now();
    while target.goes_on() {
        if held.len() < HELD
            && let Ok(stream) = target.connect()
        {
            held.push((stream, 0));
        }
        if last.elapsed() > Duration::from_secs(1) {
            last = Instant::now();
            held.retain_mut(|(stream, at)| {
                *at += 1;
                stream.write_all(&head[*at - 1..*at]).is_ok()
            });
        }
        target.rest(Duration::from_micros(500));
    }
}

/// Calls of the API without its key, with large heads, on kept connections.
pub(super) fn refused(target: &Target) {
    let padding = "x".repeat(4000);
    let bytes = request("POST", "/v1/channels/attacked/messages", &[("X", &padding)], b"hello");
    let mut answer = [0; 1024];
    while target.goes_on() {
        let Ok(mut stream) = target.connect() else { continue };
        for _ in 0..50 {
            if !target.goes_on() || stream.write_all(&bytes).is_err() || stream.read(&mut answer).is_err() {
                break;
            }
            target.rest(Duration::from_millis(1));
        }
    }
}
