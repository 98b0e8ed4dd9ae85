//! Is this client connected, did it get the message, and why is it behind?

use super::{events, look, until_state};
use crate::support::{application::Application, http::escape, server::memory, socket::ALL, until};
use protocol::socket::Transport;
use serde_json::{Value, json};

/// Far more than the kernel holds for a connection on both of its ends.
const FILLERS: usize = 700;

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

#[test]
fn a_client_that_never_came_has_what_waits_for_it() {
    let server = memory().start();
    let mut api = server.api();
    api.send("ada", "hello");
    let look = look(&mut api, "ada");
    assert_eq!(
        (&look["connected"], &look["sockets"], &look["handed"]),
        (&json!(false), &json!([]), &json!([]))
    );
    let sentence = look["why"]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("Not connected, and not seen in the "), "{sentence}");
    assert_eq!(events(&look), [""; 0]);
}

#[test]
fn a_socket_on_any_transport_shows_how_far_it_is() {
    let server = memory().start();
    let mut api = server.api();
    for transport in ALL {
        let id = format!("client {transport:?}");
        let token = api.token(&id);
        let mut socket = server.opening(transport, &token).open();
        let place = api.send(&id, "hello");
        assert_eq!(socket.text(), "hello");
        let offset: u64 = place.split_once('.').unwrap().1.parse().unwrap();
        let look = until_state(&server, &id, "up_to_date");
        let shown = &look["sockets"][0];
        assert_eq!(
            (&shown["transport"], &shown["behind"]),
            (&json!(transport.as_str()), &json!(0)),
            "{look}"
        );
        assert_eq!((&shown["address"], &shown["acked"]), (&json!("127.0.0.1"), &json!(null)));
        assert!((7000..=7201).contains(&shown["token_seconds_left"].as_u64().unwrap()), "{shown}");
        let handed = numbers(&look["handed"][0]);
        assert!(handed[0] < offset && offset <= handed[1], "{offset} was handed over: {look}");
        assert_eq!(look["events"][0]["transport"], transport.as_str());
        let say = format!(r#"{{"ack":"{place}"}}"#);
        if transport == Transport::WebSocket {
            socket.say(&say);
        } else {
            let path = format!("/v1/socket/{}", socket.name);
            assert_eq!(server.api().try_call("POST", &path, &[], say.as_bytes()).unwrap().status, 204);
        }
        until("it is acknowledged", || {
            let look = super::look(&mut api, &id);
            let sentence = look["why"]["sentence"].as_str().unwrap().to_owned();
            (look["acked"] == offset && sentence.contains("acknowledged the newest")).then_some(())
        });
    }
}

#[test]
fn a_page_that_takes_nothing_is_said_to_be_blocked() {
    let server = memory().start();
    let mut api = server.api();
    let socket = server.opening(Transport::WebSocket, &api.token("slow")).open();
    let filler = "x".repeat(20_000);
    let mut last = String::new();
    for _ in 0..FILLERS {
        last = api.send("slow", &filler);
    }
    let look = until("it is noticed for a while", || {
        let look = look(&mut api, "slow");
        (look["why"]["state"] == "blocked" && events(&look).contains(&"slow")).then_some(look)
    });
    let sentence = look["why"]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("Its page has taken nothing for "), "{sentence}");
    let behind = look["sockets"][0]["behind"].as_u64().unwrap();
    assert!(behind > 0 && sentence.contains(&format!("{behind} message")), "{look}");
    let offset: u64 = last.split_once('.').unwrap().1.parse().unwrap();
    assert!(numbers(&look["handed"][0])[1] < offset, "the newest was not handed over: {look}");
    assert_eq!(events(&look)[0], "connected");
    drop(socket);
    let gone = until_state(&server, "slow", "not_connected");
    let sentence = gone["why"]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("its connection ended without a word") && sentence.contains("kept for it"),
        "{sentence}"
    );
}

#[test]
fn how_a_socket_ended_is_told() {
    let server = memory().start();
    let mut api = server.api();
    let farewell = |api: &mut crate::support::http::Api, id: &str| {
        let mut socket = server.opening(Transport::WebSocket, &api.token(id)).open();
        socket.say(r#"{"close":true}"#);
        socket.closed();
    };
    farewell(&mut api, "polite");
    let polite = until_state(&server, "polite", "not_connected");
    assert!(polite["why"]["sentence"].as_str().unwrap().contains("its page said farewell"), "{polite}");
    assert_eq!(events(&polite), ["connected", "ended"]);

    let mut socket = server.opening(Transport::Sse, &api.token("doomed")).open();
    api.call("DELETE", "/v1/channels/doomed", &[], b"");
    assert_eq!(socket.closed().0, 4410);
    let doomed = until_state(&server, "doomed", "not_connected");
    assert!(doomed["why"]["sentence"].as_str().unwrap().contains("its channel was deleted"), "{doomed}");
    assert_eq!(events(&doomed), ["connected", "deleted", "ended"]);
}

#[test]
fn sockets_are_sent_back_and_come_again_with_their_cursor() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("a/d a");
    let path = format!("/v1/console/sockets?client_id={}", escape("a/d a"));
    assert_eq!(api.call("DELETE", &path, &[], b"").json(), json!({"closed": 0}));
    let mut first = server.opening(Transport::WebSocket, &token).open();
    let mut second = server.opening(Transport::Lines, &token).open();
    let place = look(&mut api, "a/d a")["sockets"][1]["socket"].as_u64().unwrap();
    assert_eq!(api.call("DELETE", &format!("{path}&socket={place}"), &[], b"").json(), json!({"closed": 1}));
    assert_eq!(second.closed().0, 1012);
    until("one is left", || (api.sockets("a/d a") == 1).then_some(()));
    assert_eq!(api.call("DELETE", &path, &[], b"").json(), json!({"closed": 1}));
    assert_eq!(first.closed().0, 1012);
    let look = until_state(&server, "a/d a", "not_connected");
    assert!(
        look["why"]["sentence"].as_str().unwrap().contains("told to come back, and has not yet"),
        "{look}"
    );
    let _again = server.opening(Transport::WebSocket, &token).open();
    until_state(&server, "a/d a", "up_to_date");
}

#[test]
fn what_the_application_was_told_stands_in_the_timeline() {
    let app = Application::start();
    let server = crate::presence::telling(&app).start();
    let token = server.api().token("ada");
    let socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
    drop(socket);
    app.hears("ada", &[true, false]);
    let look = until("both are there", || {
        let look = look(&mut server.api(), "ada");
        (events(&look).iter().filter(|what| **what == "notice").count() == 2).then_some(look)
    });
    let texts: Vec<&str> =
        look["events"].as_array().unwrap().iter().map(|event| event["text"].as_str().unwrap()).collect();
    assert!(texts.contains(&"The application was told: connected."), "{texts:?}");
    assert!(texts.contains(&"The application was told: disconnected."), "{texts:?}");
}

#[test]
fn a_gap_is_in_the_timeline() {
    let server = memory().env("DOWNLINK_RETENTION_MESSAGES", "2").start();
    let mut api = server.api();
    let token = api.token("ada");
    for text in ["one", "two", "three"] {
        api.send("ada", text);
    }
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    socket.gap();
    assert_eq!(socket.texts(2), ["two", "three"]);
    assert_eq!(events(&look(&mut api, "ada")), ["connected", "gap"]);
}
