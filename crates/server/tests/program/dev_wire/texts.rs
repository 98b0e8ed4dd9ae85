//! What is polled is what was sent, byte for byte.

use super::{ask, poll};
use crate::support::{
    conformance::{cases, content, expand},
    http::escape,
    server::memory,
    socket::Data,
    until,
};

#[test]
fn item_42_every_message_comes_raw_and_whole() {
    let server = memory().start();
    let mut api = server.api();
    for case in cases(include_str!("../../../../../conformance/cases/sends.json")) {
        let (name, case) = (case["name"].as_str().unwrap().to_owned(), expand(&case));
        let id = case["to"].as_str().unwrap();
        let token = api.token(id);
        let (kind, bytes, data) = content(&case);
        let polled = if matches!(data, Data::Text(_)) { "application/json" } else { kind };
        let path = format!("/v1/messages?to={}", escape(id));
        assert_eq!(api.call("POST", &path, &[("Content-Type", kind)], &bytes).status, 201, "{name}");
        let (line, answer) = ask(&server, "GET", &format!("command=poll&channel={token}&client=1"));
        assert_eq!(line, "HTTP/1.1 200 OK", "{name}");
        assert_eq!(answer.header("content-type"), Some(polled), "{name}");
        assert!(answer.body == bytes, "{name}: {:?}", answer.text());
        assert_eq!(poll(&server, &token), None, "{name}: once");
    }
}

#[test]
fn a_message_whose_time_is_over_is_passed_over() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    for (ttl, text) in [("1", "short"), ("1", "short too"), ("600", "long"), ("1", "short again")] {
        let headers = [("Downlink-TTL", ttl)];
        assert_eq!(api.call("POST", "/v1/channels/ada/messages", &headers, text.as_bytes()).status, 201);
    }
    until("a second has passed", || (api.kept("ada") == ["long"]).then_some(()));
    assert_eq!(poll(&server, &token).as_deref(), Some("long"));
    assert_eq!(poll(&server, &token), None);
}

#[test]
fn item_46_a_farewell_by_post_may_have_a_body_and_every_method_connects() {
    let server = memory().start();
    for method in ["GET", "POST", "PUT"] {
        let token = server.api().token(method);
        server.api().send(method, "hello");
        let (line, answer) = ask(&server, method, &format!("command=connect&channel={token}"));
        assert_eq!((line.as_str(), answer.text().as_str()), ("HTTP/1.1 200 OK", "1"), "{method}");
        let (line, answer) = ask(&server, method, &format!("command=poll&channel={token}"));
        assert_eq!((line.as_str(), answer.text().as_str()), ("HTTP/1.1 200 OK", "hello"), "{method}");
        assert_eq!(server.api().sockets(method), 1);
        // As `navigator.sendBeacon` sends it.
        let headers = [("Content-Type", "text/plain;charset=UTF-8")];
        let path = format!("/_ah/channel/dev?command=disconnect&channel={token}");
        let answer = server.api().try_call("POST", &path, &headers, b"farewell").unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        assert_eq!(server.api().sockets(method), 0, "at once");
    }
}
