//! `DELETE /v1/channels/{client_id}`: the channel begins anew.

mod races;
mod remains;

use crate::support::{
    server::{memory, on_disk},
    socket::{ALL, Frame},
    token::{TOKEN_KEY, claims, sign},
};
use protocol::socket::Transport;

const GONE: u16 = 4410;

/// The code of a refusal on a transport.
fn gone(transport: Transport) -> u16 {
    if transport == Transport::WebSocket { GONE } else { 410 }
}

#[test]
fn its_sockets_end_and_its_earlier_tokens_open_nothing() {
    let server = memory().start();
    for transport in ALL {
        let mut api = server.api();
        let id = format!("{transport:?}");
        let (token, bystander) = (api.token(&id), api.token("bystander"));
        let foreign = sign(&claims(&id), TOKEN_KEY);
        api.send(&id, "before");
        let mut socket = server.opening(transport, &token).open();
        let mut other = server.opening(transport, &bystander).open();
        assert_eq!(socket.text(), "before");
        let cursor = socket.at();
        let answer = api.call("DELETE", &format!("/v1/channels/{id}"), &[], b"");
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        match transport {
            // Its next poll comes with a token that opens nothing any more.
            Transport::LongPoll => assert_eq!(socket.frame(), Frame::End(Some(410))),
            _ => assert_eq!(socket.closed().0, GONE, "{transport:?}"),
        }
        for token in [&token, &foreign] {
            assert_eq!(server.opening(transport, token).refused().0, gone(transport), "{transport:?}");
        }
        let answer = api.call("POST", &format!("/v1/messages?to={token}"), &[], b"to a token from before");
        assert_eq!((answer.status, answer.json()["id"].is_null()), (201, true), "it reaches nobody");
        assert!(api.kept(&id).is_empty());
        // New ones just work, at once.
        let fresh = api.token(&id);
        api.send(&id, "after");
        assert_eq!(server.opening(transport, &fresh).open().text(), "after");
        let mut resumed = server.opening(transport, &fresh).after(&cursor).open();
        assert_eq!(resumed.text(), "after", "{transport:?}: and nothing from before");
        api.send("bystander", "still here");
        assert_eq!(other.text(), "still here");
    }
}

#[test]
fn a_cursor_from_before_what_was_deleted_hears_of_a_gap() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let start = server.opening(Transport::Lines, &token).open().at();
    api.send("ada", "before");
    assert_eq!(api.call("DELETE", "/v1/channels?client_id=ada", &[], b"").status, 204);
    let fresh = api.token("ada");
    api.send("ada", "after");
    let mut socket = server.opening(Transport::WebSocket, &fresh).after(&start).open();
    assert_eq!((socket.gap().as_str(), socket.text().as_str()), ("trimmed", "after"));
}

#[test]
fn a_deletion_outlives_a_kill() {
    for durability in ["fsync", "os"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let token = api.token("ada");
        api.send("ada", "before");
        assert_eq!(api.call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
        let fresh = api.token("ada");
        let server = server.restart();
        assert_eq!(server.opening(Transport::Sse, &token).refused().0, 410, "{durability}");
        assert!(server.api().kept("ada").is_empty(), "{durability}");
        server.api().send("ada", "after");
        assert_eq!(server.opening(Transport::Sse, &fresh).open().text(), "after");
    }
}

#[test]
fn who_opens_while_it_is_deleted_does_not_stay() {
    let server = memory().start();
    let address = server.address;
    for round in 0..40 {
        let id = format!("round {round}");
        let token = server.api().token(&id);
        let opening = server.opening(ALL[round % 3], &token);
        let opened = std::thread::spawn(move || opening.try_open());
        let path = format!("/v1/channels?client_id={}", crate::support::http::escape(&id));
        let mut api = crate::support::http::Api::new(address);
        assert_eq!(api.call("DELETE", &path, &[], b"").status, 204);
        let _socket = opened.join().unwrap();
        crate::support::until("nobody is there", || (api.sockets(&id) == 0).then_some(()));
    }
}

#[test]
fn a_renewal_with_a_token_from_before_ends_the_socket() {
    let server = memory().start();
    let mut api = server.api();
    let old = api.token("ada");
    assert_eq!(api.call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
    let fresh = api.token("ada");
    let mut socket = server.opening(Transport::WebSocket, &fresh).open();
    socket.say(&format!(r#"{{"token":"{old}"}}"#));
    assert_eq!(socket.closed().0, GONE);
}

#[test]
fn what_is_no_channel_is_not_deleted() {
    let server = memory().start();
    let mut api = server.api();
    for (path, status) in [
        ("/v1/channels", 400),
        ("/v1/channels?client_id=", 400),
        ("/v1/channels?id=ada", 400),
        ("/v1/channels/ada/messages", 405),
        ("/v1/channels/%ff", 400),
        ("/v1/channels/never-seen", 204),
    ] {
        assert_eq!(api.call("DELETE", path, &[], b"").status, status, "{path}");
    }
    let answer = api.try_call("DELETE", "/v1/channels/ada", &[], b"").unwrap();
    assert_eq!(answer.status, 401, "without a key");
}
