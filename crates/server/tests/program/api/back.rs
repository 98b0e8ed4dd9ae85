//! Requests that are not plain, one behind the other on one connection: each gives the connection back whole, with every
//! byte that came behind it.

use crate::support::{
    http::{API_KEY, Response, read_head, read_response, request},
    server::{Server, memory},
    until,
    wire::Wire,
};
use std::{thread, time::Duration};

fn call(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let key = format!("Bearer {API_KEY}");
    let headers: Vec<_> =
        [("Authorization", key.as_str())].into_iter().chain(headers.iter().copied()).collect();
    request(method, path, &headers, body)
}

fn send(body: &[u8]) -> Vec<u8> {
    call("POST", "/v1/channels/ada/messages", &[], body)
}

/// Many requests, each with its answer's status.
fn many() -> Vec<(Vec<u8>, u16)> {
    let chunked = [("Transfer-Encoding", "chunked")];
    vec![
        (
            call("POST", "/v1/channels", &[("Content-Type", "application/json")], br#"{"client_id":"ada"}"#),
            201,
        ),
        (send(b"plain"), 201),
        (call("POST", "/v1/channels/ada/messages", &chunked, b"3\r\nin \r\n6\r\npieces\r\n0\r\n\r\n"), 201),
        (call("POST", "/v1/channels/ada/messages", &chunked, b"1\r\na\r\n0\r\nTrailer: thing\r\n\r\n"), 201),
        (call("POST", "/v1/messages", &[], br#"[{"to":"ada","data":"1"},{"to":"bob","data":"2"}]"#), 200),
        (call("GET", "/v1/channels/ada", &[], b""), 200),
        (call("GET", "/nowhere", &[], b""), 404),
        (call("POST", "/nowhere", &[], b"a body that nobody reads"), 404),
        (call("DELETE", "/v1/channels/bob", &[], b""), 204),
        (request("OPTIONS", "/v1/socket", &[("Origin", "https://a.example")], b""), 204),
        (call("GET", "/v1/presence", &[("Connection", "Keep-Alive")], b""), 200),
        (call("GET", "/v1/presence", &[("Connection", "keep-alive, x-thing")], b""), 200),
        (request("POST", "/v1/socket/nobody", &[], br#"{"type":"pong"}"#), 404),
        (call("GET", "/channel.js", &[], b""), 200),
        (send(b"last"), 201),
    ]
}

#[test]
fn answers_come_in_order_whatever_was_asked() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    let (requests, statuses): (Vec<_>, Vec<_>) = many().into_iter().unzip();
    wire.send(&requests.concat()).unwrap();
    let answers: Vec<Response> = statuses.iter().map(|_| read_response(&mut wire).unwrap()).collect();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), statuses);
    for answer in answers {
        let length =
            answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).count();
        // RFC 9110, 8.6.
        assert_eq!(length, usize::from(answer.status != 204), "{:?}", answer.headers);
        assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{:?}", answer.headers);
    }
    assert_eq!(server.api().kept("ada"), ["plain", "in pieces", "a", "1", "last"]);
}

#[test]
fn requests_of_all_kinds_may_come_in_any_pieces() {
    let server = memory().start();
    // A body that nobody reads ends the connection if it is not there with its head.
    let is_read = |(request, status): &(Vec<u8>, u16)| *status != 404 || request.starts_with(b"GET");
    let (requests, statuses): (Vec<_>, Vec<_>) = many().into_iter().filter(is_read).unzip();
    let bytes = requests.concat();
    for step in [1, 97, 611] {
        let mut wire = Wire::connect(server.address).unwrap();
        for piece in bytes.chunks(step) {
            wire.send(piece).unwrap();
        }
        for status in &statuses {
            assert_eq!(read_response(&mut wire).unwrap().status, *status, "in pieces of {step}");
        }
    }
}

#[test]
fn a_head_asks_for_no_body_and_the_connection_goes_on() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    let requests = [request("HEAD", "/healthz", &[], b""), send(b"behind it")].concat();
    wire.send(&requests).unwrap();
    assert_eq!(read_head(&mut wire).unwrap().status, 200);
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
}

#[test]
fn who_asks_for_the_end_of_the_connection_gets_it() {
    let server = memory().start();
    let close = [("Connection", "close")];
    let old = b"GET /healthz HTTP/1.0\r\nHost: test\r\n\r\n".to_vec();
    for last in [call("GET", "/v1/presence", &close, b""), old] {
        let mut wire = Wire::connect(server.address).unwrap();
        wire.send(&[send(b"before"), last, send(b"never looked at")].concat()).unwrap();
        assert_eq!(read_response(&mut wire).unwrap().status, 201);
        assert_eq!(read_response(&mut wire).unwrap().status, 200);
        assert!(read_response(&mut wire).is_err());
    }
    assert_eq!(server.api().kept("ada"), ["before", "before"]);
}

#[test]
fn a_refusal_that_came_before_the_body_does_not_take_the_body_for_a_request() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    let smuggled = send(b"smuggled");
    let refused =
        request("POST", "/v1/channels/ada/messages", &[("Authorization", "Bearer wrong")], &smuggled);
    wire.send(&[refused, send(b"behind it")].concat()).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 401);
    // The general server may read the body to its end, or end the connection.
    let next = read_response(&mut wire).map(|answer| answer.status);
    assert!(next.as_ref().map_or(true, |status| *status == 201), "{next:?}");
    assert!(!server.api().kept("ada").contains(&"smuggled".to_owned()));
}

#[test]
fn a_long_answer_is_whole_before_the_next_request_takes_the_connection() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let large = "x".repeat(30_000);
    // A megabyte, which is what such an answer holds.
    for _ in 0..40 {
        api.send("ada", &large);
    }
    let token = format!("Bearer {token}");
    let stream = [("Authorization", token.as_str()), ("Accept", "text/event-stream")];
    let kept = call("GET", "/v1/channels/ada/messages", &[], b"");
    for last in [send(b"behind it"), request("GET", "/v1/socket", &stream, b"")] {
        let mut wire = Wire::connect(server.address).unwrap();
        // More than the kernel holds while nobody reads.
        wire.send(&[kept.repeat(24), last].concat()).unwrap();
        thread::sleep(Duration::from_millis(300));
        for _ in 0..24 {
            assert!(read_response(&mut wire).unwrap().json()["messages"].as_array().unwrap().len() > 30);
        }
        assert!(matches!(read_head(&mut wire).unwrap().status, 200 | 201));
    }
}

/// A long-poll's request.
fn poll(token: &str, query: &str) -> Vec<u8> {
    let token = format!("Bearer {token}");
    let headers = [("Authorization", token.as_str()), ("Accept", "application/json")];
    request("GET", &format!("/v1/socket{query}"), &headers, b"")
}

/// A connection whose poll waits, and the socket's name.
fn waiting(server: &Server, token: &str, wait: u32) -> (Wire, String) {
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&poll(token, "")).unwrap();
    let first = read_response(&mut wire).unwrap().json();
    let (socket, cursor) = (first["socket"].as_str().unwrap(), first["cursor"].as_str().unwrap());
    wire.send(&poll(token, &format!("?socket={socket}&after={cursor}&wait={wait}"))).unwrap();
    (wire, socket.to_owned())
}

#[test]
fn what_comes_behind_a_poll_that_waits_is_answered_behind_it() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let (mut wire, socket) = waiting(&server, &token, 30);
    // More than is taken in while it waits: the rest stays with the kernel.
    let behind: Vec<Vec<u8>> = (0..400).map(|number: u32| send(number.to_string().as_bytes())).collect();
    wire.send(&behind.concat()).unwrap();
    wire.send(&poll(&token, &format!("?socket={socket}&wait=0"))).unwrap();
    thread::sleep(Duration::from_millis(100));
    api.send("ada", "to the poll");
    let answer = read_response(&mut wire).unwrap().json();
    assert_eq!(answer["messages"].as_array().unwrap().len(), 1);
    assert_eq!(answer["messages"][0]["data"], "to the poll");
    for _ in &behind {
        assert_eq!(read_response(&mut wire).unwrap().status, 201);
    }
    let last = read_response(&mut wire).unwrap().json();
    assert_eq!(last["messages"].as_array().unwrap().len(), 256, "as many as an answer may have");
}

#[test]
fn a_poll_that_waits_costs_little_and_one_whose_client_is_gone_costs_nothing() {
    const POLLS: usize = 400;
    let server = memory().start();
    let token = server.api().token("ada");
    // What all of them share is made before they are counted.
    drop((0..20).map(|_| waiting(&server, &token, 60)).collect::<Vec<_>>());
    thread::sleep(Duration::from_millis(500));
    let (bytes, descriptors) = (server.resident_bytes(), server.open_descriptors());
    let wires: Vec<_> = (0..POLLS).map(|_| waiting(&server, &token, 60)).collect();
    until("all have come", || (server.open_descriptors() >= descriptors + POLLS).then_some(()));
    // Hyper alone would keep 14 KiB for each.
    until("what their coming took is given back", || {
        (server.resident_bytes() < bytes + POLLS as u64 * 6 * 1024).then_some(())
    });
    drop(wires);
    until("nobody waits", || (server.open_descriptors() <= descriptors + 1).then_some(()));
}
