//! Tokens as texts that travel far: items 15, 16, 17.

use crate::{
    dev_wire,
    support::{
        http::Api,
        opening::Place,
        server::{Server, memory},
        socket::ALL,
        token::{TOKEN_KEY, claims, sign},
    },
};
use protocol::socket::Transport;
use serde_json::json;

/// All that a part of a token may hold, and what separates the parts.
const ALPHABET: &[u8; 65] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

#[test]
fn item_15_a_token_needs_no_escaping_anywhere() {
    let server = memory().start();
    let mut api = server.api();
    for id in ["a", "a/b?c=d&e#f", "<script>\"'\\", "ünïcödé 😀", "\n\r\t", &"%".repeat(256)] {
        for _ in 0..20 {
            let token = api.token(id);
            assert!(token.bytes().all(|byte| ALPHABET.contains(&byte)), "{token}");
        }
        let token = api.token(id);
        for transport in ALL {
            drop(server.opening(transport, &token).place(Place::Query).open());
        }
        let (line, _) = dev_wire::ask(&server, "GET", &format!("command=connect&channel={token}"));
        assert_eq!(line, "HTTP/1.1 200 OK", "{id:?}");
    }
}

/// The status of a connect, over a connection that is kept.
fn connect(api: &mut Api, token: &str) -> u16 {
    api.try_call("GET", &format!("/_ah/channel/dev?command=connect&channel={token}"), &[], b"")
        .unwrap()
        .status
}

/// A token that differs in one place.
fn with(token: &str, place: usize, byte: u8) -> String {
    let mut bytes = token.as_bytes().to_vec();
    bytes[place] = byte;
    String::from_utf8(bytes).unwrap()
}

#[test]
fn item_16_a_token_with_any_other_character_opens_nothing() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("a");
    assert_eq!(connect(&mut api, &token), 200);
    let bytes = token.as_bytes();
    for (place, good) in bytes.iter().enumerate() {
        // The last characters of a part have bits that a careless reader of base64 drops: all are tried there.
        let last = place + 1 == bytes.len() || bytes[place + 1] == b'.';
        let others = ALPHABET.iter().filter(|other| *other != good);
        for other in
            others.enumerate().filter(|(index, _)| last || (index + place) % 16 == 0).map(|(_, other)| *other)
        {
            let altered = with(&token, place, other);
            assert_eq!(connect(&mut api, &altered), 401, "{} at {place}", other as char);
        }
        let mut shorter = token.clone();
        shorter.remove(place);
        assert_eq!(connect(&mut api, &shorter), 401, "without its {place}th character");
    }
    for extra in [format!("{token}A"), format!("{token}="), format!("{token}."), format!("A{token}")] {
        assert_eq!(connect(&mut api, &extra), 401);
    }
    assert_eq!(connect(&mut api, &token), 200, "it itself is as good as ever");
}

fn is_refused(server: &Server, token: &str, what: &str) {
    for transport in ALL {
        let refused = server.opening(transport, token).refused();
        assert!(matches!(refused.0, 401 | 4401), "{what}, {transport:?}: {refused:?}");
    }
    let (line, _) = dev_wire::ask(server, "GET", &format!("command=poll&channel={token}"));
    assert_eq!(line, "HTTP/1.1 401 Invalid+token.", "{what}");
}

#[test]
fn item_16_a_token_cannot_be_made_without_the_secret() {
    let server = memory().start();
    let elsewhere = memory().env("DOWNLINK_TOKEN_KEY", "the-secret-of-another-app-0123456789abcdef").start();
    let (mine, theirs) = (server.api().token("a"), elsewhere.api().token("a"));
    is_refused(&server, &theirs, "of another app");
    is_refused(&elsewhere, &mine, "of another app");
    // What the old development server made, which needed no secret.
    let old = "0f3a5e1c9d2b48760f3a5e1c9d2b4876-channel-123-4102444800-a";
    for (what, forged) in [
        ("the old form", old.to_owned()),
        ("the client id", "a".to_owned()),
        ("no key", sign(&claims("a"), "")),
        ("a known word as the key", sign(&claims("a"), "secret")),
        ("the client id as the key", sign(&claims("a"), "a")),
    ] {
        is_refused(&server, &forged, what);
    }
    // Its parts do not make another.
    let other = server.api().token("b");
    let [mine, other]: [Vec<&str>; 2] = [&mine, &other].map(|token| token.split('.').collect());
    is_refused(&server, &[mine[0], mine[1], other[2]].join("."), "another's signature");
    drop(server.opening(Transport::Sse, &sign(&claims("a"), TOKEN_KEY)).open());
}

#[test]
fn item_17_a_token_opens_several_times_and_a_kept_cursor_repeats_nothing() {
    let server = memory().start();
    let mut api = server.api();
    for transport in ALL {
        let id = format!("{transport:?}");
        let token = api.token(&id);
        let mut cursor = None::<String>;
        for round in 0..6 {
            let texts = [0, 1].map(|number| format!("{round}.{number}"));
            for text in &texts {
                api.send(&id, text);
            }
            // A reload, with what the tab remembers of where it was.
            let mut opening = server.opening(transport, &token);
            if let Some(cursor) = &cursor {
                opening = opening.after(cursor);
            }
            let mut socket = opening.open();
            assert_eq!(socket.texts(2), texts, "{transport:?}: the new ones, and no other");
            cursor = Some(socket.at());
        }
        // Another tab of the same token has had nothing yet.
        assert_eq!(server.opening(transport, &token).open().texts(12)[0], "0.0", "{transport:?}");
        for number in 0..12 {
            let expected = format!("{}.{}", number / 2, number % 2);
            dev_wire::ask(&server, "GET", &format!("command=connect&channel={token}"));
            assert_eq!(dev_wire::poll(&server, &token), Some(expected), "connecting rewinds nothing");
        }
    }
    let mut short = claims("a");
    short["exp"] = json!(crate::support::token::now() + 2);
    let short = sign(&short, TOKEN_KEY);
    drop(server.opening(Transport::Sse, &short).open());
    crate::support::until("its time is over", || {
        server
            .opening(Transport::Sse, &short)
            .try_open()
            .unwrap()
            .err()
            .map(|refusal| assert_eq!(refusal.status, 401))
    });
}
