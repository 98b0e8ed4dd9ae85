//! What a client may say: an acknowledgement, a new token (see `tokens`), farewell. Nothing else.

use crate::support::{
    server::memory,
    socket::{ALL, STREAMS},
    until,
};
use protocol::socket::Transport;

#[test]
fn farewell_ends_a_socket_on_every_transport() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in ALL {
        let mut socket = server.opening(transport, &token).open();
        if transport == Transport::WebSocket {
            socket.say(r#"{"close":true}"#);
        } else {
            let path = format!("/v1/socket/{}", socket.name);
            let answer = api.try_call("POST", &path, &[], br#"{"close":true}"#).unwrap();
            assert_eq!((answer.status, answer.body.len()), (204, 0), "{transport:?}");
            // A name is good for as long as its socket is.
            until("the name is gone", || {
                let again = api.try_call("POST", &path, &[], br#"{"close":true}"#).unwrap();
                (again.status == 404 && again.code() == "no_such_socket").then_some(())
            });
        }
        if transport != Transport::LongPoll {
            assert_eq!(socket.closed().0, 1000, "{transport:?}");
        }
        until("the channel is left", || (api.sockets("ada") == 0).then_some(()));
    }
}

#[test]
fn an_acknowledgement_counts_only_for_what_was_sent() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    let first = api.send("ada", "one");
    assert_eq!(socket.text(), "one");
    let beyond = format!("{}.999999999", first.split_once('.').unwrap().0);
    for cursor in [beyond.as_str(), "k3f.1", &first] {
        socket.say(&format!(r#"{{"ack":"{cursor}"}}"#));
    }
    let acked = until("one is acknowledged", || {
        let acked = api.get("/v1/channels/ada").json()["acked"].as_str().map(str::to_owned);
        acked.filter(|acked| *acked == first)
    });
    assert_eq!(acked, first);
}

#[test]
fn other_words_are_refused() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in STREAMS {
        for wrong in ["hello", "{}", r#"{"ack":"here"}"#, r#"{"say":"x"}"#, r#"{"close":true,"ack":"k3f.1"}"#]
        {
            let mut socket = server.opening(transport, &token).open();
            if transport == Transport::WebSocket {
                socket.say(wrong);
                assert_eq!(socket.closed().0, 4400, "{wrong}");
                continue;
            }
            let path = format!("/v1/socket/{}", socket.name);
            let answer = api.try_call("POST", &path, &[], wrong.as_bytes()).unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_word"), "{wrong}");
            api.send("ada", "still open");
            while socket.text() != "still open" {}
        }
    }
    let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(5_000));
    let answer = api.try_call("POST", "/v1/socket/x", &[], long.as_bytes()).unwrap();
    assert_eq!(answer.status, 413);
    for name in ["x", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%FF"] {
        let answer = api.try_call("POST", &format!("/v1/socket/{name}"), &[], br#"{"close":true}"#).unwrap();
        assert!(matches!(answer.status, 404 | 405), "{name}: {}", answer.status);
    }
}
