//! A gap is said exactly if something may be missing.

use crate::support::{
    http::Api,
    server::{Server, memory, on_disk},
    socket::{ALL, Frame, STREAMS},
    token, until,
};
use protocol::socket::Transport;
use serde_json::json;

/// So many messages that those before them are dropped by their bytes.
fn push_out(api: &mut Api) {
    let items: Vec<_> = (0..50).map(|_| json!({"to": "other", "data": "x".repeat(32_000)})).collect();
    assert_eq!(api.post("/v1/messages", &json!(items)).status, 200);
}

/// A server that keeps a megabyte, which is the least.
fn small(durability: &str) -> Server {
    on_disk(durability).env("DOWNLINK_RETENTION_BYTES", "1048576").start()
}

#[test]
fn a_channel_of_too_many_messages_keeps_the_newest_and_says_so() {
    for durability in ["memory", "os", "fsync"] {
        let server = on_disk(durability).env("DOWNLINK_RETENTION_MESSAGES", "3").start();
        let mut api = server.api();
        let token = api.token("ada");
        let places: Vec<String> = (0..6).map(|number| api.send("ada", &number.to_string())).collect();
        for transport in ALL {
            let mut behind = server.opening(transport, &token).open();
            assert_eq!(behind.gap(), "trimmed", "{durability}, {transport:?}");
            assert_eq!(behind.texts(3), ["3", "4", "5"]);
            // From the third on everything is there.
            let mut near = server.opening(transport, &token).after(&places[2]).open();
            assert_eq!(near.texts(3), ["3", "4", "5"], "{durability}, {transport:?}: no gap");
            let mut far = server.opening(transport, &token).after(&places[1]).open();
            assert_eq!(far.gap(), "trimmed", "{durability}, {transport:?}");
        }
        let page = api.get(&format!("/v1/channels/ada/messages?after={}", places[0])).json();
        assert_eq!((&page["gap"]["reason"], &page["messages"][0]["data"]), (&json!("trimmed"), &json!("3")));
        assert_eq!(api.get("/v1/channels/ada/messages").json()["gap"], json!(null));
    }
}

#[test]
fn what_was_dropped_for_its_bytes_is_a_gap_and_nothing_else_is() {
    for durability in ["memory", "os"] {
        let server = small(durability);
        let mut api = server.api();
        let ada = api.token("ada");
        let tokens: Vec<String> =
            ALL.iter().map(|transport| api.token(&format!("silent {transport:?}"))).collect();
        let idle = STREAMS.iter().zip(&tokens);
        let mut idle: Vec<_> =
            idle.map(|(transport, token)| server.opening(*transport, token).open()).collect();
        api.send("ada", "lost");
        until("the message is dropped", || {
            push_out(&mut api);
            api.kept("ada").is_empty().then_some(())
        });
        for (transport, silent) in ALL.into_iter().zip(&tokens) {
            let mut socket = server.opening(transport, &ada).open();
            assert_eq!(socket.gap(), "trimmed", "{durability}, {transport:?}");
            // Nothing is known of that channel, so something may have been in it.
            let mut unknown = server.opening(transport, silent).open();
            assert_eq!(unknown.gap(), "trimmed", "{durability}, {transport:?}");
            let id = format!("silent {transport:?}");
            let fresh = api.token(&id);
            let marker = api.send(&id, "marker");
            let mut socket = server.opening(transport, &fresh).open();
            assert_eq!(socket.text(), "marker", "{durability}, {transport:?}: a token of now misses nothing");
            let mut again = server.opening(transport, &fresh).after(&marker).open();
            api.send(&id, "end");
            assert_eq!(again.text(), "end", "{durability}, {transport:?}");
        }
        for socket in &mut idle {
            assert_eq!(socket.text(), "marker", "whoever was there all the time misses nothing");
        }
    }
}

#[test]
fn what_was_dropped_for_its_age_is_a_gap() {
    let server = memory().env("DOWNLINK_RETENTION_SECONDS", "1").start();
    let mut api = server.api();
    let token = api.token("ada");
    api.send("ada", "old");
    until("the message is dropped", || {
        // Time passes segment by segment, with what is sent.
        api.send("other", "x");
        api.kept("ada").is_empty().then_some(())
    });
    for transport in ALL {
        assert_eq!(server.opening(transport, &token).open().gap(), "trimmed", "{transport:?}");
    }
}

#[test]
fn a_cursor_of_another_life_or_beyond_the_end_is_a_gap_of_the_epoch() {
    let server = memory().start();
    let mut api = server.api();
    let place = api.send("ada", "first of this life");
    let (epoch, offset) = place.split_once('.').unwrap();
    let token = api.token("ada");
    let beyond = format!("{epoch}.{}", offset.parse::<u64>().unwrap() + 1_000_000);
    let other = format!("{}.{offset}", if epoch == "k3f" { "k3g" } else { "k3f" });
    for transport in ALL {
        for cursor in [&beyond, &other] {
            let mut socket = server.opening(transport, &token).after(cursor).open();
            assert_eq!(socket.gap(), "epoch", "{transport:?}, {cursor}");
            assert_eq!(socket.text(), "first of this life", "{transport:?}, {cursor}");
        }
        // A channel without a message says it too.
        let mut empty = server.opening(transport, &api.token("nobody")).after(&other).open();
        assert_eq!(empty.gap(), "epoch", "{transport:?}");
    }
}

#[test]
fn a_gap_moves_the_cursor_so_that_it_is_said_once() {
    let server = memory().env("DOWNLINK_RETENTION_MESSAGES", "1").start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in ALL {
        (0..3).for_each(|_| drop(api.send("ada", "x")));
        let mut socket = server.opening(transport, &token).open();
        assert_eq!(socket.gap(), "trimmed", "{transport:?}");
        assert_eq!(socket.text(), "x");
        let cursor = socket.at();
        let mut again = server.opening(transport, &token).after(&cursor).open();
        api.send("ada", "next");
        assert_eq!(again.text(), "next", "{transport:?}");
    }
}

#[test]
fn a_token_without_a_place_says_a_gap_if_something_after_it_was_dropped() {
    let server = small("memory");
    let mut api = server.api();
    api.send("ada", "lost");
    until("the message is dropped", || {
        push_out(&mut api);
        api.kept("ada").is_empty().then_some(())
    });
    for transport in ALL {
        let own = token::sign(&token::claims("ada"), token::TOKEN_KEY);
        assert_eq!(server.opening(transport, &own).open().gap(), "trimmed", "{transport:?}");
    }
}

/// A page that only hears pings must not age out (15 s).
#[test]
fn pings_carry_an_idle_socket_along_a_busy_log() {
    let server = small("memory");
    let mut api = server.api();
    let token = api.token("idle");
    let mut sockets: Vec<_> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    let begin: Vec<String> = sockets.iter().map(|socket| socket.at()).collect();
    api.send("mark", "lost");
    until("the start is dropped", || {
        push_out(&mut api);
        api.kept("mark").is_empty().then_some(())
    });
    for (socket, begin) in sockets.iter_mut().zip(begin) {
        assert_eq!(socket.next().unwrap(), Frame::Ping);
        assert_ne!(socket.at(), begin, "{:?}: the ping moved the cursor", socket.transport);
        assert_eq!(server.opening(socket.transport, &token).after(&begin).open().gap(), "trimmed");
    }
    let mut again: Vec<_> = sockets
        .iter()
        .flat_map(|socket| {
            let after = |transport| server.opening(transport, &token).after(&socket.at()).open();
            [after(socket.transport), after(Transport::LongPoll)]
        })
        .collect();
    api.send("idle", "hello");
    for socket in sockets.iter_mut().chain(&mut again) {
        assert_eq!(socket.text(), "hello", "{:?}: no gap", socket.transport);
    }
}
