//! What travels on a socket travels over HTTP/2 as it does elsewhere.

use crate::support::{
    front::Front,
    http::API_KEY,
    server::{memory, on_disk},
    socket::{Data, Frame},
    tls::Authority,
    token, until,
};
use protocol::socket::Transport;
use std::time::{Duration, Instant};

/// Those that HTTP/2 carries.
pub(crate) const CARRIED: [Transport; 3] = [Transport::Sse, Transport::Lines, Transport::LongPoll];

/// Those that stay.
pub(super) const STREAMED: [Transport; 2] = [Transport::Sse, Transport::Lines];

#[test]
fn every_kind_of_frame_comes_in_order_and_once() {
    let authority = Authority::new();
    let server = on_disk("os").tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let token = api.token("ada");
    for transport in CARRIED {
        let place = api.send("ada", "before it opened");
        let mut socket = front.opening(transport, &token).after(&place).open();
        let texts = ["one", "two\nlines", "a\rreturn", "ünï", &"x".repeat(32_768)];
        for text in texts {
            api.send("ada", text);
            assert_eq!(socket.text(), text, "{transport:?}");
        }
        let path = "/v1/channels/ada/messages";
        let binary = api.call("POST", path, &[("Content-Type", "application/octet-stream")], &[0, 255, 10]);
        assert_eq!(binary.status, 201);
        let Frame::Message(Some(_), Data::Binary(bytes)) = socket.frame() else { panic!("{transport:?}") };
        assert_eq!(bytes, [0, 255, 10]);
        // Every byte of these is six in JSON, and a megabyte's worth of them is more than fits at once.
        let heavy = "\u{1}".repeat(30_000);
        (0..8).for_each(|_| drop(api.send("ada", &heavy)));
        assert_eq!(socket.texts(8), vec![heavy.clone(); 8], "{transport:?}");
        if transport != Transport::LongPoll {
            let passing = api.call("POST", path, &[("Downlink-TTL", "0")], b"now or never");
            assert_eq!(passing.status, 202);
            assert_eq!(socket.frame(), Frame::Message(None, Data::Text("now or never".into())));
        }
    }
    assert_eq!(front.connections(), 1, "all of this went over one connection");
}

#[test]
fn a_socket_goes_on_after_its_cursor_and_hears_of_gaps() {
    let authority = Authority::new();
    let server = on_disk("os").env("DOWNLINK_RETENTION_MESSAGES", "3").tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let token = api.token("ada");
    let places: Vec<String> = (0..6).map(|number| api.send("ada", &number.to_string())).collect();
    for transport in CARRIED {
        let mut behind = front.opening(transport, &token).open();
        assert_eq!(behind.gap(), "trimmed", "{transport:?}");
        assert_eq!(behind.texts(3), ["3", "4", "5"]);
        let mut near = front.opening(transport, &token).header("Last-Event-ID", &places[3]).open();
        assert_eq!(near.texts(2), ["4", "5"], "{transport:?}: no gap");
        let mut other_life = front.opening(transport, &token).after("k3f.1").open();
        assert_eq!(other_life.gap(), "epoch", "{transport:?}");
    }
}

#[test]
fn pings_and_words_and_new_tokens() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let fresh = api.token("ada");
    let begun = Instant::now();
    for transport in STREAMED {
        let mut socket = front.opening(transport, &token::short("ada", 8)).open();
        let path = format!("/v1/socket/{}", socket.name);
        let place = api.send("ada", "one");
        assert_eq!(socket.text(), "one");
        let words = [format!(r#"{{"ack":"{place}"}}"#), format!(r#"{{"token":"{fresh}"}}"#)];
        for word in words {
            assert_eq!(api.try_call("POST", &path, &[], word.as_bytes()).unwrap().status, 204);
        }
        assert_eq!(api.get("/v1/channels/ada").json()["acked"], place.as_str());
        let end = api.send("other", "moves the log");
        assert_eq!(socket.next().unwrap(), Frame::Ping, "{transport:?}: it outlives its first token");
        assert_eq!(socket.at(), end, "{transport:?}: a ping carries the log's end");
        assert_eq!(api.try_call("POST", &path, &[], br#"{"close":true}"#).unwrap().status, 204);
        assert_eq!(socket.closed().0, 1000, "{transport:?}");
    }
    assert!(begun.elapsed() > Duration::from_secs(26), "a ping each");
    until("the channel is left", || (api.sockets("ada") == 0).then_some(()));
}

#[test]
fn a_poll_waits_and_is_answered() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let mut socket = front.opening(Transport::LongPoll, &api.token("ada")).open();
    assert_eq!(socket.next().unwrap(), Frame::Ping, "the first answer's end");
    socket.ask("20").unwrap();
    until("it waits", || (api.sockets("ada") == 1).then_some(()));
    api.send("ada", "there");
    socket.poll("20").unwrap();
    assert_eq!(socket.text(), "there");
}

#[test]
fn calls_are_answered_as_elsewhere() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let (mut over_2, mut over_1) = (front.api(), server.api());
    let calls: [(&str, &str, &[u8]); 10] = [
        ("GET", "/healthz", b""),
        ("HEAD", "/healthz", b""),
        ("HEAD", "/v1/socket", b""),
        ("GET", "/v1/channels/ada", b""),
        ("GET", "/v1/channels/ada/messages?after=nonsense", b""),
        ("GET", "/nothing/here", b""),
        ("PUT", "/v1/channels", b"x"),
        ("POST", "/v1/channels", b"no json"),
        ("POST", "/v1/channels/ada/messages", b""),
        ("GET", "/downlink.mjs", b""),
    ];
    for (method, path, body) in calls {
        let key = format!("Bearer {API_KEY}");
        // Else each has a name of its own.
        let headers = [("Authorization", key.as_str()), ("X-Request-Id", "one-name-for-both")];
        let mut answers = [&mut over_2, &mut over_1].map(|api| {
            let mut answer = match method {
                "HEAD" => head(api, path, &headers),
                _ => api.try_call(method, path, &headers, body).unwrap(),
            };
            // Everything but the time and what belongs to a connection.
            answer.headers.retain(|(name, _)| !["date", "connection"].contains(&name.as_str()));
            answer.headers.sort();
            (answer.status, answer.headers, answer.body)
        });
        let (status, headers, body) = std::mem::take(&mut answers[1]);
        assert_eq!(answers[0], (status, headers, body), "{method} {path}");
    }
    // More than a window, both ways.
    let text = "y".repeat(32_000);
    let items: Vec<_> = (0..100).map(|_| serde_json::json!({"to": "ada", "data": text})).collect();
    let stored = over_2.post("/v1/messages", &serde_json::json!(items));
    assert_eq!(stored.json().as_array().unwrap().len(), 100);
    assert_eq!(over_2.kept("ada"), vec![text; 100]);
}

/// An answer to `HEAD` says how long a body would be, and has none.
fn head(
    api: &mut crate::support::http::Api,
    path: &str,
    headers: &[(&str, &str)],
) -> crate::support::http::Response {
    let mut response = api.head(path, headers).unwrap();
    assert!(response.body.is_empty());
    response.headers.retain(|(name, _)| name != "transfer-encoding");
    response
}
