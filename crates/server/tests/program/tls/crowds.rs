//! Many at once over TLS: what an idle socket costs, and handshakes that do not end.

use crate::support::{
    http::read_response, server::memory, slow::costs_at_most, tls::Authority, until, wire::Wire,
};
use protocol::socket::Transport;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const SOCKETS: usize = 1_000;

/// 4.3 KB were measured for as many, and 9 KB is the bound that was set.
const BYTES_MAX: u64 = 6_000;

#[test]
fn an_idle_socket_keeps_no_buffers() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let tokens: Vec<String> = (0..SOCKETS).map(|number| api.token(&number.to_string())).collect();
    let before = server.resident_bytes();
    let sockets: Vec<_> =
        tokens.iter().map(|token| server.opening(Transport::WebSocket, token).open()).collect();
    costs_at_most(&server, before, sockets.len(), BYTES_MAX);
}

/// Beginnings of a handshake that never goes on.
fn half_open(address: std::net::SocketAddr, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let beginnings: [&[u8]; 3] = [b"", b"\x16", b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc"];
    stream.write_all(beginnings[number % 3]).unwrap();
    if number % 3 == 2 {
        // Nearly a whole record of it.
        stream.write_all(&[0; 16_000]).unwrap();
    }
    stream
}

#[test]
fn handshakes_that_do_not_end_are_ended() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let begun = Instant::now();
    let streams: Vec<_> = (0..100).map(|number| half_open(server.address, number)).collect();
    server.api().send("ada", "others get in at once");
    assert!(begun.elapsed() < Duration::from_secs(5));
    for mut stream in streams {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The end, or a reset for what was not read.
        let ended = stream.read(&mut [0; 100]);
        assert!(
            matches!(ended, Ok(0))
                || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
        );
    }
    assert!(begun.elapsed() > Duration::from_secs(9), "they were given their time");
}

#[test]
fn a_flood_of_them_has_a_bound_and_others_get_in() {
    let authority = Authority::new();
    // A quarter of the descriptors, 100, may be quiet.
    let server = memory().tls(&authority).descriptors(400).start();
    server.api().send("ada", "warm");
    let (before, descriptors) = (server.resident_bytes(), server.open_descriptors());
    let mut streams = Vec::new();
    for round in 0..5 {
        streams.extend((0..100).map(|number| half_open(server.address, number)));
        server.api().send("ada", &format!("round {round}"));
        assert!(server.open_descriptors() <= descriptors + 110, "{}", server.open_descriptors());
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes for {} connections", streams.len());
    drop(streams);
    until("all are gone", || (server.open_descriptors() <= descriptors).then_some(()));
}

#[test]
fn who_speaks_plain_http_is_told_what_the_port_speaks() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let answer = read_response(&mut wire).unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("https://"), "{}", answer.text());
    assert!(wire.rest().unwrap().is_empty());
}
