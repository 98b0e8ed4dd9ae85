//! Plain sends, and what comes between them on the same connection: whatever way it takes, the answers are the same and in
//! order.

use crate::support::{
    http::{API_KEY, read_response, request},
    server::{memory, on_disk},
    wire::Wire,
};
use std::{io, net::Shutdown, thread, time::Duration};

fn send(id: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let key = format!("Bearer {API_KEY}");
    let headers: Vec<(&str, &str)> =
        [("Authorization", key.as_str())].into_iter().chain(headers.iter().copied()).collect();
    request("POST", &format!("/v1/channels/{id}/messages"), &headers, body)
}

#[test]
fn a_plain_send_is_answered_like_any_other() {
    let server = memory().start();
    let mut plain = Wire::connect(server.address).unwrap();
    // The general server gives each request a name; in the lane it is the client's.
    plain.send(&send("ada", &[("X-Request-Id", "one")], b"one")).unwrap();
    let plain = read_response(&mut plain).unwrap();
    let mut other = Wire::connect(server.address).unwrap();
    // A header that is anything but plain.
    other.send(&send("ada", &[("TE", "trailers")], b"two")).unwrap();
    let other = read_response(&mut other).unwrap();
    assert_eq!((plain.status, other.status), (201, 201));
    let names = |response: &crate::support::http::Response| {
        let mut names: Vec<String> = response.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&plain), names(&other));
    for name in ["content-type", "cache-control", "x-content-type-options"] {
        assert_eq!(plain.header(name), other.header(name));
    }
    assert_eq!(plain.json()["sockets"], other.json()["sockets"]);
    assert!(plain.header("date").unwrap().ends_with(" GMT"));
}

#[test]
fn requests_of_all_kinds_in_one_write_are_answered_in_order() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    let many = [
        send("ada", &[], b"1"),
        send("a%64a", &[("Idempotency-Key", "k")], b"2"),
        send("ada", &[("Idempotency-Key", "k")], b"3"),
        send("ada", &[("Downlink-TTL", "0")], b"4"),
        send("ada", &[], b""),
        request("GET", "/healthz", &[], b""),
        send("ada", &[("Content-Type", "application/octet-stream")], &[0xff, 0]),
        send("ada", &[], &[0xff, 0]),
        send("ada", &[], b"last"),
    ];
    wire.send(&many.concat()).unwrap();
    let answers: Vec<u16> = many.iter().map(|_| read_response(&mut wire).unwrap().status).collect();
    assert_eq!(answers, [201, 201, 422, 202, 400, 200, 201, 400, 201]);
}

#[test]
fn a_send_may_come_in_any_pieces() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    let bytes = [send("ada", &[], b"a message in pieces"), send("ada", &[], b"another")].concat();
    for at in (0..bytes.len()).step_by(7) {
        let mut pieces = Wire::connect(server.address).unwrap();
        pieces.send(&bytes[..at]).unwrap();
        thread::sleep(Duration::from_millis(2));
        pieces.send(&bytes[at..]).unwrap();
        for _ in 0..2 {
            assert_eq!(read_response(&mut pieces).unwrap().status, 201, "cut at {at}");
        }
    }
    // Byte by byte on one connection.
    for byte in &bytes {
        wire.send(&[*byte]).unwrap();
    }
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
}

#[test]
fn a_connection_that_ends_within_a_body_sends_nothing() {
    let server = memory().start();
    let bytes = send("ada", &[], b"never whole");
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&bytes[..bytes.len() - 1]).unwrap();
    wire.stream.shutdown(Shutdown::Write).unwrap();
    let answer = read_response(&mut wire).map(|response| response.status);
    assert!(matches!(answer, Ok(400)) || answer.is_err(), "{answer:?}");
    assert!(server.api().get("/metrics").text().contains("downlink_messages_total{result=\"stored\"} 0"));
}

#[test]
fn who_ends_its_side_behind_a_send_is_answered() {
    let server = memory().start();
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&send("ada", &[], b"the last")).unwrap();
    wire.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
    assert_eq!(read_response(&mut wire).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_wrong_key_is_refused_on_a_connection_that_had_a_good_one() {
    let server = on_disk("fsync").start();
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&send("ada", &[], b"good")).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
    let wrong = [("Authorization", "Bearer wrong")];
    wire.send(&request("POST", "/v1/channels/ada/messages", &wrong, b"bad")).unwrap();
    let refused = read_response(&mut wire).unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
    wire.send(&send("ada", &[], b"good again")).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 201);
}
