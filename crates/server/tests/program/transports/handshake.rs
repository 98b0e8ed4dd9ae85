//! The request that becomes a socket.

use crate::support::{
    http::{read_response, request},
    opening::Place,
    server::memory,
    socket::Frame,
    until,
    websocket::{FIN, KEY, PING, PONG, frame, read, text},
    wire::Wire,
};
use protocol::socket::Transport;

#[test]
fn frames_in_the_same_packet_as_the_handshake_are_heard() {
    let server = memory().start();
    let mut api = server.api();
    let place = api.send("ada", "one");
    let token =
        crate::support::token::sign(&crate::support::token::claims("ada"), crate::support::token::TOKEN_KEY);
    let ack = text(&format!(r#"{{"ack":"{place}"}}"#));
    let opening =
        server.opening(Transport::WebSocket, &token).behind(&frame(FIN | PING, b"early")).behind(&ack);
    let mut socket = opening.open();
    assert_eq!(socket.text(), "one");
    assert_eq!(read(&mut socket.wire).unwrap(), (PONG, b"early".to_vec()));
    until("the acknowledgement was heard", || {
        (api.get("/v1/channels/ada").json()["acked"] == place.as_str()).then_some(())
    });
    let bye = server.opening(Transport::WebSocket, &token).behind(&text(r#"{"close":true}"#));
    let mut socket = bye.open();
    assert_eq!(socket.text(), "one");
    assert_eq!(socket.closed().0, 1000);
    let refused =
        server.opening(Transport::WebSocket, "nonsense").behind(&text(r#"{"close":true}"#)).refused();
    assert_eq!(refused.0, 4401, "also a refusal is told whole");
}

#[test]
fn a_handshake_may_come_byte_by_byte_and_after_other_requests() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    api.send("ada", "one");
    let mut wire = Wire::connect(server.address).unwrap();
    // Pipelined: an ordinary request, then the handshake, in the smallest pieces.
    let mut bytes = request("GET", "/healthz", &[], b"");
    bytes.extend(server.opening(Transport::WebSocket, &token).bytes());
    for piece in bytes.chunks(3) {
        wire.send(piece).unwrap();
    }
    assert_eq!(read_response(&mut wire).unwrap().status, 200);
    assert_eq!(crate::support::http::read_head(&mut wire).unwrap().status, 101);
    let (_, open) = read(&mut wire).unwrap();
    assert!(open.starts_with(br#"{"type":"open""#));
    let (_, message) = read(&mut wire).unwrap();
    assert!(message.ends_with(br#""data":"one"}"#));
}

#[test]
fn what_is_no_websocket_is_told_which_version_is_spoken() {
    let server = memory().start();
    let token = server.api().token("ada");
    let bearer = format!("Bearer {token}");
    let good = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    for (name, wrong) in [
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Key", ""),
        ("Connection", "keep-alive"),
    ] {
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(good.iter().map(|(key, value)| (*key, if *key == name { wrong } else { value })));
        let answer = server.api().try_call("GET", "/v1/socket", &headers, b"").unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (426, "not_a_websocket"), "{name}: {wrong:?}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    }
    // Words may differ in case, and lists may have other members.
    let mut headers = vec![
        ("Authorization", bearer.as_str()),
        ("Upgrade", "WebSocket"),
        ("Connection", "keep-alive, upgrade"),
    ];
    headers.extend_from_slice(&good[2..]);
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request("GET", "/v1/socket", &headers, b"")).unwrap();
    assert_eq!(crate::support::http::read_head(&mut wire).unwrap().status, 101);
}

#[test]
fn a_request_that_opens_a_socket_has_no_body_and_the_right_method() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Accept", "text/event-stream")];
    let answer = api.try_call("GET", "/v1/socket", &headers, b"body").unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (400, "unexpected_body"));
    for method in ["POST", "PUT", "DELETE"] {
        let answer = server.api().try_call(method, "/v1/socket", &headers, b"").unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{method}");
    }
    // Without any token.
    let answer = server.opening(Transport::Sse, "").place(Place::Nowhere).refused();
    assert_eq!(answer, (401, "invalid_token".into()));
}

#[test]
fn a_stream_drops_what_its_client_sends() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in [Transport::Sse, Transport::Lines] {
        let mut socket = server.opening(transport, &token).behind(b"GET /healthz HTTP/1.1\r\n\r\n").open();
        socket.wire.send(&[b'x'; 100_000]).unwrap();
        api.send("ada", "one");
        assert_ne!(socket.frame(), Frame::End(None), "{transport:?}");
    }
}
