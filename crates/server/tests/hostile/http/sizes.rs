//! Heads without measure: 16 KiB is the bound, told by 431 and an end.

use super::exchange;
use crate::{
    alone::together,
    support::{http::read_response, server::memory, until, wire::Wire},
};
use protocol::limits::HEAD_BYTES_MAX;

/// A request whose head has so many bytes, by one header, by many, or by its target.
fn heads(length: usize) -> [(&'static str, Vec<u8>, u16); 4] {
    let frame = |line: &str, rest: &str| format!("{line}\r\nHost: test\r\n{rest}\r\n").into_bytes();
    let filled = |make: &dyn Fn(&str) -> Vec<u8>| make(&"x".repeat(length - make("").len()));
    let one = filled(&|fill| frame("GET /healthz HTTP/1.1", &format!("X: {fill}\r\n")));
    let cookie = filled(&|fill| frame("GET /healthz HTTP/1.1", &format!("Cookie: a={fill}; b=c\r\n")));
    let target = filled(&|fill| frame(&format!("GET /healthz?{fill} HTTP/1.1"), ""));
    let each = (length / 60).saturating_sub(10);
    let many: String = (0..50).map(|number| format!("X-{number:02}: {}\r\n", "x".repeat(each))).collect();
    let several = filled(&|fill| frame("GET /healthz HTTP/1.1", &format!("{many}Y: {fill}\r\n")));
    [
        ("one header", one, 200),
        ("a cookie", cookie, 200),
        ("a target", target, 200),
        ("many headers", several, 200),
    ]
}

#[test]
fn a_head_of_sixteen_kilobytes_is_the_largest() {
    let _together = together();
    let server = memory().start();
    for length in [1000, 8000, 8192, 8193, 16_000, HEAD_BYTES_MAX - 1] {
        for (name, bytes, status) in heads(length) {
            assert_eq!(bytes.len(), length);
            let told = exchange(server.address, &bytes).told();
            assert_eq!(told, [status], "{length} bytes in {name}");
        }
    }
    for length in [HEAD_BYTES_MAX + 1, 17_000, 20_000, 65_536, 100_000, 1 << 20] {
        for (name, bytes, _) in heads(length) {
            let told = exchange(server.address, &bytes).told();
            assert_eq!(told, [431, 0], "{length} bytes in {name}");
        }
    }
    assert_eq!(server.api().get("/healthz").status, 200);
}

#[test]
fn a_hundred_headers_are_the_most() {
    let _together = together();
    let server = memory().start();
    // One is Host.
    for (count, expected) in [
        (50, &[200][..]),
        (99, &[200]),
        (100, &[431, 0]),
        (101, &[431, 0]),
        (1000, &[431, 0]),
        (10_000, &[431, 0]),
    ] {
        let headers: String = (0..count).map(|number| format!("a{number}:\r\n")).collect();
        let bytes = format!("GET /healthz HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        assert_eq!(exchange(server.address, bytes.as_bytes()).told(), expected, "{count} headers");
        let same: String = "a:\r\n".repeat(count);
        let bytes = format!("GET /healthz HTTP/1.1\r\nHost: test\r\n{same}\r\n");
        assert_eq!(exchange(server.address, bytes.as_bytes()).told(), expected, "{count} times one header");
    }
}

/// A head that never ends is not read for ever, and what it takes while it is read has a bound.
#[test]
fn endless_heads_cost_little() {
    const CONNECTIONS: usize = 500;
    const BYTES_MAX: u64 = 48 * 1024;
    let _together = together();
    let server = memory().start();
    server.api().get("/healthz");
    let before = server.resident_bytes();
    let begin = format!("GET /healthz HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(HEAD_BYTES_MAX - 100));
    let mut wires: Vec<Wire> = (0..CONNECTIONS)
        .map(|_| {
            let mut wire = Wire::connect(server.address).unwrap();
            wire.send(begin.as_bytes()).unwrap();
            wire
        })
        .collect();
    // Asked behind them on the same threads, so all of them were read.
    assert_eq!(server.api().get("/healthz").status, 200);
    let each = server.resident_bytes().saturating_sub(before) / CONNECTIONS as u64;
    println!("a head that is not complete: {each} bytes");
    assert!(each < BYTES_MAX, "{each} bytes for each head that is not complete");
    for wire in &mut wires {
        let _ = wire.send(&[b'x'; 4096]);
        assert_eq!(read_response(wire).unwrap().status, 431);
    }
    drop(wires);
    until("the memory is back", || (server.resident_bytes() < before + before / 4).then_some(()));
}
