//! Creating a channel, and sending one message.

use crate::support::{
    http::API_KEY,
    server::memory,
    socket::{ALL, Data, Frame, STREAMS},
    token,
};
use protocol::socket::Transport;
use serde_json::json;

#[test]
fn creating_a_channel_answers_with_a_token_for_it() {
    let server = memory().start();
    let mut api = server.api();
    let answer = api.post("/v1/channels", &json!({"client_id": "ada", "duration_minutes": 1}));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let made = answer.json();
    assert_eq!(made["client_id"], "ada");
    let expires = made["expires_at"].as_str().unwrap();
    assert!(expires.starts_with("20") && expires.ends_with('Z') && expires.len() == 24, "{expires}");
    let cursor = made["cursor"].as_str().unwrap().to_owned();
    // A message of another channel moves the log's end, and with it where the next token starts.
    api.send("bob", "x");
    let later = api.post("/v1/channels", &json!({"client_id": "ada"})).json();
    assert_ne!(later["cursor"], cursor);
    let socket = server.opening(Transport::WebSocket, made["token"].as_str().unwrap()).open();
    assert_eq!(socket.head.header("sec-websocket-protocol"), Some("downlink.v1"));
}

#[test]
fn a_body_is_text_or_bytes_as_its_type_says() {
    let server = memory().start();
    let mut api = server.api();
    let mut socket = server.opening(Transport::WebSocket, &api.token("ada")).open();
    let kinds =
        ["text/plain", "text/html; charset=utf-8", "application/json", "application/x-www-form-urlencoded"];
    for kind in kinds {
        api.call("POST", "/v1/channels/ada/messages", &[("Content-Type", kind)], b"{\"a\": \"\xc3\xa9\"}");
        assert_eq!(socket.text(), "{\"a\": \"é\"}", "{kind}: verbatim");
    }
    api.call("POST", "/v1/channels/ada/messages", &[], b"without a type");
    assert_eq!(socket.text(), "without a type");
    for kind in ["application/octet-stream", "image/png"] {
        api.call("POST", "/v1/channels/ada/messages", &[("Content-Type", kind)], b"\x00\xff");
        let Frame::Message(_, data) = socket.frame() else { panic!("no message") };
        assert_eq!(data, Data::Binary(vec![0, 255]), "{kind}");
    }
}

#[test]
fn an_answer_says_how_many_sockets_are_open() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let send = |api: &mut crate::support::http::Api| {
        let answer = api.call("POST", "/v1/messages?to=ada", &[], b"x");
        assert_eq!(answer.status, 201);
        answer.json()["sockets"].clone()
    };
    assert_eq!(send(&mut api), 0, "sending to a channel that nobody opened succeeds");
    let sockets: Vec<_> = ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    assert_eq!(send(&mut api), 4);
    drop(sockets);
}

#[test]
fn item_9_a_token_names_its_client_also_as_a_target() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut socket = server.opening(Transport::Lines, &token).open();
    assert_eq!(api.call("POST", &format!("/v1/messages?to={token}"), &[], b"one").status, 201);
    assert_eq!(api.call("POST", &format!("/v1/channels/{token}/messages"), &[], b"two").status, 201);
    assert_eq!(api.post("/v1/messages", &json!([{"to": token, "data": "three"}])).status, 200);
    assert_eq!(socket.texts(3), ["one", "two", "three"]);
    // To a token whose time is over it succeeds, and stores nothing; a forged one is a client id that is too long.
    let mut old = token::claims("ada");
    (old["iat"], old["exp"]) = (json!(token::now() - 20), json!(token::now() - 10));
    let old = token::sign(&old, token::TOKEN_KEY);
    let answer = api.call("POST", &format!("/v1/messages?to={old}"), &[], b"nobody");
    assert_eq!((answer.status, answer.json()), (201, json!({"id": null, "sockets": 0})));
    let forged = token::sign(&token::claims(&"x".repeat(200)), "another-secret-of-at-least-32-bytes!!");
    let answer = api.call("POST", &format!("/v1/messages?to={forged}"), &[], b"nobody");
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_client_id"));
    assert_eq!(api.kept("ada"), ["one", "two", "three"]);
}

#[test]
fn a_message_with_no_time_to_live_reaches_open_sockets_and_is_kept_by_nobody() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<_> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    let pass = |api: &mut crate::support::http::Api| {
        let answer = api.call("POST", "/v1/channels/ada/messages", &[("Downlink-TTL", "0")], b"now");
        assert_eq!((answer.status, answer.json()["id"].is_null()), (202, true), "{}", answer.text());
        answer.json()["sockets"].as_u64().unwrap()
    };
    assert_eq!(pass(&mut api), 3);
    let place = api.send("ada", "kept");
    for socket in &mut sockets {
        assert_eq!(socket.frame(), Frame::Message(None, Data::Text("now".into())), "{:?}", socket.transport);
        assert_eq!(socket.frame(), Frame::Message(Some(place.clone()), Data::Text("kept".into())));
    }
    assert_eq!(api.kept("ada"), ["kept"]);
    let mut late = server.opening(Transport::Sse, &token).open();
    assert_eq!(late.text(), "kept", "whoever comes later never hears of it");
    // A poll that waits gets it too.
    let mut poll = server.opening(Transport::LongPoll, &token).open();
    assert_eq!(poll.text(), "kept");
    let waiting = std::thread::spawn(move || poll.frame());
    crate::support::until("the poll waits and is given the message", || {
        pass(&mut api);
        waiting.is_finished().then_some(())
    });
    assert_eq!(waiting.join().unwrap(), Frame::Message(None, Data::Text("now".into())));
}

#[test]
fn a_message_whose_time_is_over_is_passed_over_without_a_gap() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let send = |api: &mut crate::support::http::Api, ttl: &str, text: &str| {
        let answer = api.call("POST", "/v1/channels/ada/messages", &[("Downlink-TTL", ttl)], text.as_bytes());
        assert_eq!(answer.status, 201);
    };
    send(&mut api, "1", "short");
    send(&mut api, "86400", "long");
    send(&mut api, "1", "short too");
    crate::support::until("a second has passed", || (api.kept("ada") == ["long"]).then_some(()));
    for transport in ALL {
        let mut socket = server.opening(transport, &token).open();
        assert_eq!(socket.text(), "long", "{transport:?}");
        api.call("POST", "/v1/channels/ada/messages", &[("Downlink-TTL", "0")], b"marker");
        if transport != Transport::LongPoll {
            assert_eq!(socket.text(), "marker", "{transport:?}: nothing came between");
        }
    }
}

#[test]
fn keys_are_read_as_the_standard_says() {
    let server = memory().env("DOWNLINK_API_KEY", &format!("another-key-0123456789, {API_KEY}")).start();
    let mut api = server.api();
    for (value, status) in [
        (format!("Bearer {API_KEY}"), 200),
        (format!("bearer {API_KEY}"), 200),
        ("Bearer another-key-0123456789".to_owned(), 200),
        (API_KEY.to_owned(), 401),
        (format!("Basic {API_KEY}"), 401),
        (format!("Bearer {API_KEY}x"), 401),
        (format!("Bearer {}", &API_KEY[1..]), 401),
        ("Bearer ".to_owned(), 401),
    ] {
        let answer = api.try_call("GET", "/v1/presence", &[("Authorization", &value)], b"").unwrap();
        assert_eq!(answer.status, status, "{value}");
        if status == 401 {
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}
