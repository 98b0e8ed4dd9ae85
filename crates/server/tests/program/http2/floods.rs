//! Floods of frames that cost the sender little are ended, and cost nobody else anything.

use super::raw::{ACK, END_HEADERS, HEADERS, PING, RST_STREAM, Raw, SETTINGS, frame, request};
use crate::support::{server::memory, tls::Authority};
use std::time::Duration;

const ENHANCE_YOUR_CALM: u32 = 11;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
const LONG: Duration = Duration::from_secs(20);

/// CVE-2023-44487.
#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    api.send("ada", "warm");
    let before = server.resident_bytes();
    let mut raw = Raw::to(&server, &authority, &[]);
    let mut flood = Vec::new();
    for number in 0..5_000 {
        flood.extend(request(2 * number + 1, "GET", "/v1/presence", &[]));
        flood.extend(frame(RST_STREAM, 0, 2 * number + 1, &CANCEL));
    }
    // It may end while this is on its way.
    let _ = raw.send(&flood);
    let why = raw.ended(LONG);
    assert_eq!(why, Some(ENHANCE_YOUR_CALM));
    assert!(server.resident_bytes().saturating_sub(before) < 16 << 20);
    api.send("ada", "others go on");
}

#[test]
fn more_requests_than_are_allowed_are_refused_and_then_end_the_connection() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let bearer = format!("Bearer {}", api.token("ada"));
    let headers = [("authorization", bearer.as_str()), ("accept", "text/event-stream")];
    let mut raw = Raw::to(&server, &authority, &[]);
    let socket = |number: u32| request(2 * number + 1, "GET", "/v1/socket", &headers);
    raw.send(&(0..100).flat_map(socket).collect::<Vec<u8>>()).unwrap();
    crate::support::until("a hundred are open", || (api.sockets("ada") == 100).then_some(()));
    raw.send(&socket(100)).unwrap();
    let refused = raw.until(RST_STREAM);
    assert_eq!((refused.stream, refused.payload), (201, vec![0, 0, 0, 7]), "REFUSED_STREAM: nobody saw it");
    assert_eq!(api.sockets("ada"), 100, "the others stay");
    let _ = raw.send(&(101..1_000).flat_map(socket).collect::<Vec<u8>>());
    assert_eq!(raw.ended(LONG), Some(ENHANCE_YOUR_CALM));
    crate::support::until("its sockets end with it", || (api.sockets("ada") == 0).then_some(()));
}

#[test]
fn heads_without_an_end_and_floods_of_control_frames_have_bounds() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    api.send("ada", "warm");
    let before = server.resident_bytes();
    // CONTINUATION (9) after CONTINUATION, none of them the last.
    let mut endless = Raw::to(&server, &authority, &[]);
    let _ = endless.send(&frame(HEADERS, 0, 1, &[0x82]));
    for _ in 0..200 {
        if endless.send(&frame(9, 0, 1, &[0; 16_000])).is_err() {
            break;
        }
    }
    endless.ended(LONG);
    // One that ends, and is too long: the request is refused, the connection stays.
    let mut long = Raw::to(&server, &authority, &[]);
    let value = "x".repeat(200);
    let many: Vec<(&str, &str)> = (0..120).map(|_| ("x-long", value.as_str())).collect();
    let request_of = |stream, headers: &[(&str, &str)]| {
        let whole = request(stream, "GET", "/healthz", headers);
        let (head, block) = whole.split_at(9);
        let (first, second) = block.split_at(block.len().min(16_000));
        assert_eq!(head[3], HEADERS);
        [frame(HEADERS, 1, stream, first), frame(9, END_HEADERS, stream, second)].concat()
    };
    long.send(&request_of(1, &many)).unwrap();
    long.send(&request(3, "GET", "/healthz", &[])).unwrap();
    while long.next().expect("the connection stays").stream != 3 {}
    // Pings and settings without a pause, whose answers nobody reads.
    let mut noisy = Raw::to(&server, &authority, &[]);
    let pings = [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, b""), frame(PING, ACK, 0, &[1; 8])];
    noisy.wire.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    for _ in 0..200 {
        if noisy.send(&pings.concat().repeat(100)).is_err() {
            break;
        }
    }
    assert!(server.resident_bytes().saturating_sub(before) < 24 << 20);
    api.send("ada", "others go on");
}

#[test]
fn what_is_no_http_2_ends_by_itself() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let client = authority.client().speaking(&[b"h2"]);
    for nonsense in
        [&b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\xff"]
    {
        let mut wire = crate::support::wire::Wire::connect_with(server.address, Some(&client)).unwrap();
        wire.send(nonsense).unwrap();
        let _ = wire.rest();
    }
    let mut raw = Raw::to(&server, &authority, &[]);
    raw.send(&request(1, "CONNECT", "/", &[])).unwrap();
    raw.send(&request(3, "GET", "/healthz", &[("connection", "close")])).unwrap();
    raw.send(&request(5, "GET", "/healthz", &[("host", "elsewhere")])).unwrap();
    raw.send(&request(7, "GET", "/healthz", &[])).unwrap();
    let mut refused = Vec::new();
    loop {
        let came = raw.next().expect("the connection stays");
        match (came.kind, came.stream) {
            (HEADERS, 7) => {
                assert_eq!(came.payload[0], 0x88, "200, from the table");
                break;
            }
            (HEADERS, stream) => {
                assert_ne!(came.payload[0], 0x88);
                refused.push(stream);
            }
            (RST_STREAM, stream) => refused.push(stream),
            _ => {}
        }
    }
    refused.sort_unstable();
    refused.dedup();
    assert_eq!(refused, [1, 3, 5]);
}
