//! What is too much, too large or too slow is refused before it costs anything.

use crate::support::{
    http::{API_KEY, read_head, read_response, request},
    server::memory,
    wire::Wire,
};
use std::time::{Duration, Instant};

fn key() -> String {
    format!("Bearer {API_KEY}")
}

#[test]
fn too_large_is_said_before_the_body_is_read() {
    let server = memory().start();
    for (path, length, code) in [
        ("/v1/channels/ada/messages", "32769", "message_too_large"),
        ("/v1/messages?to=ada", "4000000000", "message_too_large"),
        ("/v1/messages", "16777217", "body_too_large"),
    ] {
        let mut wire = Wire::connect(server.address).unwrap();
        let headers = [("Authorization", key()), ("Content-Length", length.to_owned())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Not a byte of the body is ever sent.
        wire.send(&request("POST", path, &headers, b"")).unwrap();
        let answer = read_response(&mut wire).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (413, code), "{path}");
    }
}

#[test]
fn a_body_of_unknown_length_is_refused_when_it_grows_too_large() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    let (key, chunk) = (key(), format!("4000\r\n{}\r\n", "x".repeat(0x4000)));
    let headers = [("Authorization", key.as_str()), ("Transfer-Encoding", "chunked")];
    wire.send(&request("POST", "/v1/channels/ada/messages", &headers, b"")).unwrap();
    (0..3).for_each(|_| wire.send(chunk.as_bytes()).unwrap());
    let answer = read_response(&mut wire).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "message_too_large"));
    // And one that fits is taken.
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request("POST", "/v1/channels/ada/messages", &headers, b"")).unwrap();
    wire.send(format!("{chunk}0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
}

#[test]
fn a_client_that_asks_first_is_told_no_or_to_go_on() {
    let server = memory().start();
    let key = key();
    let ask = |length: &str| {
        let mut wire = Wire::connect(server.address).unwrap();
        let headers =
            [("Authorization", key.as_str()), ("Expect", "100-continue"), ("Content-Length", length)];
        wire.send(&request("POST", "/v1/channels/ada/messages", &headers, b"")).unwrap();
        let head = read_head(&mut wire).unwrap();
        (wire, head.status)
    };
    assert_eq!(ask("32769").1, 413);
    let (mut wire, status) = ask("5");
    assert_eq!(status, 100);
    wire.send(b"hello").unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
}

#[test]
fn the_limit_of_a_message_is_an_option() {
    let server = memory().env("DOWNLINK_MESSAGE_BYTES", "10").start();
    let mut api = server.api();
    api.send("ada", "0123456789");
    let answer = api.call("POST", "/v1/channels/ada/messages", &[], b"0123456789x");
    assert_eq!((answer.status, answer.code().as_str()), (413, "message_too_large"));
    assert!(answer.text().contains("10 bytes"), "the limit in force is named");
}

#[test]
fn heads_have_a_size() {
    let server = memory().start();
    let mut api = server.api();
    let large = "x".repeat(20_000);
    let answer = api.try_call("GET", "/healthz", &[("X-Large", &large)], b"").unwrap();
    assert!(matches!(answer.status, 431 | 414), "{}", answer.status);
    let many: Vec<(String, &str)> = (0..100).map(|number| (format!("X-{number}"), "x")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let answer = server.api().try_call("GET", "/healthz", &many, b"").unwrap();
    assert_eq!(answer.status, 431);
    assert_eq!(server.api().get("/healthz").status, 200);
}

#[test]
fn half_a_head_is_closed_after_ten_seconds() {
    let server = memory().start();
    let begin = Instant::now();
    let mut halves: Vec<Wire> =
        [&b""[..], b"GET /healthz HTT", b"GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: webso"]
            .iter()
            .map(|half| {
                let mut wire = Wire::connect(server.address).unwrap();
                wire.send(half).unwrap();
                wire
            })
            .collect();
    assert_eq!(server.api().get("/healthz").status, 200, "others are served meanwhile");
    for wire in &mut halves {
        // Whether it says so first or not: the connection ends.
        let _ = wire.rest().unwrap();
        let took = begin.elapsed();
        assert!((Duration::from_secs(9)..Duration::from_secs(20)).contains(&took), "{took:?}");
    }
}
