//! What was sent before a deletion is nowhere to be had, by any way and after any restart.

use super::{GONE, gone};
use crate::{
    dev_wire,
    support::{
        http::{Api, escape, read_response},
        server::{Server, memory, on_disk},
        socket::{ALL, Frame, STREAMS},
        token::{TOKEN_KEY, claims, sign},
    },
};
use protocol::socket::Transport;
use serde_json::json;
use std::{thread, time::Duration};

fn delete(api: &mut Api, id: &str) {
    let answer = api.call("DELETE", &format!("/v1/channels?client_id={}", escape(id)), &[], b"");
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{id}: {}", answer.text());
}

/// Whatever can be tried with what is left from before: tokens, and cursors of every place.
fn nothing_remains(server: &Server, tokens: &[String], cursors: &[String], after: &[String]) {
    let mut api = server.api();
    for token in tokens {
        for transport in ALL {
            let refused = server.opening(transport, token).refused();
            assert_eq!(refused.0, gone(transport), "{transport:?}");
            let resumed = server.opening(transport, token).after(&cursors[0]).refused();
            assert_eq!(resumed.0, gone(transport), "{transport:?}: with a cursor neither");
        }
        for command in ["connect", "poll", "disconnect"] {
            let (line, answer) = dev_wire::ask(server, "GET", &format!("command={command}&channel={token}"));
            assert_eq!((line.as_str(), answer.body.len()), ("HTTP/1.1 401 Invalid+token.", 0), "{command}");
        }
    }
    assert_eq!(api.kept("ada"), after);
    let fresh = api.token("ada");
    for (index, cursor) in cursors.iter().enumerate() {
        let page = api.get(&format!("/v1/channels/ada/messages?after={cursor}")).json();
        let kept: Vec<&str> = page["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["data"].as_str().unwrap())
            .collect();
        assert_eq!(kept, after, "after the {index}th cursor");
        for transport in ALL {
            let mut socket = server.opening(transport, &fresh).after(cursor).open();
            // Before the last one: more came then, and is gone.
            if index + 1 < cursors.len() {
                assert_eq!(socket.gap(), "trimmed", "{transport:?}, the {index}th cursor");
            }
            assert_eq!(socket.texts(after.len()), after, "{transport:?}, the {index}th cursor");
        }
    }
}

#[test]
fn what_was_kept_cannot_be_read_by_any_way_nor_after_a_kill() {
    for durability in ["memory", "os", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let tokens = vec![api.token("ada"), sign(&claims("ada"), TOKEN_KEY)];
        let cursors: Vec<String> = ["one", "two", "three"].iter().map(|text| api.send("ada", text)).collect();
        delete(&mut api, "ada");
        let after = ["four", "five"].map(str::to_owned);
        after.iter().for_each(|text| drop(api.send("ada", text)));
        nothing_remains(&server, &tokens, &cursors, &after);
        if durability != "memory" {
            nothing_remains(&server.restart(), &tokens, &cursors, &after);
        }
    }
}

#[test]
fn a_token_from_before_is_no_target_in_any_form() {
    let server = memory().start();
    let mut api = server.api();
    let old = api.token("ada");
    delete(&mut api, "ada");
    let fresh = api.token("ada");
    let mut socket = server.opening(Transport::WebSocket, &fresh).open();
    for path in [format!("/v1/messages?to={old}"), format!("/v1/channels/{old}/messages")] {
        for ttl in ["0", "60"] {
            let answer = api.call("POST", &path, &[("Downlink-TTL", ttl)], b"to nobody");
            assert_eq!((answer.status, answer.json()), (201, json!({"id": null, "sockets": 0})), "{path}");
        }
    }
    let items = json!([{"to": old, "data": "to nobody"}, {"to": [old], "data": "to nobody"}, {"to": fresh, "data": "to ada"}]);
    let answers = api.post("/v1/messages", &items).json();
    assert!(answers[0]["id"].is_null() && answers[2]["id"].is_string(), "{answers}");
    assert_eq!(socket.text(), "to ada");
    assert_eq!(api.kept("ada"), ["to ada"]);
}

#[test]
fn a_poll_that_waits_is_told_and_so_is_the_next_one() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let [mut waits, mut comes] = [(); 2].map(|()| server.opening(Transport::LongPoll, &token).open());
    waits.ask("20").unwrap();
    // Until it has arrived, which nothing tells.
    thread::sleep(Duration::from_millis(300));
    delete(&mut api, "ada");
    let answer = read_response(&mut waits.wire).unwrap();
    assert_eq!((answer.status, &answer.json()["close"]["code"]), (200, &json!(GONE)));
    assert_eq!(comes.frame(), Frame::End(Some(410)));
}

#[test]
fn a_renewal_with_a_token_from_before_ends_every_stream() {
    let server = memory().start();
    let mut api = server.api();
    let old = [api.token("ada"), sign(&claims("ada"), TOKEN_KEY)];
    delete(&mut api, "ada");
    let fresh = api.token("ada");
    for token in old {
        let word = format!(r#"{{"token":"{token}"}}"#);
        for transport in STREAMS {
            let mut socket = server.opening(transport, &fresh).open();
            if transport == Transport::WebSocket {
                socket.say(&word);
            } else {
                let path = format!("/v1/socket/{}", socket.name);
                let answer = api.try_call("POST", &path, &[], word.as_bytes()).unwrap();
                assert_eq!(answer.status, 410, "{transport:?}: {}", answer.text());
            }
            assert_eq!(socket.closed().0, GONE, "{transport:?}");
        }
    }
    drop(server.opening(Transport::Sse, &fresh).open());
}

#[test]
fn every_client_id_can_be_deleted_by_path_or_by_query() {
    let server = memory().start();
    let mut api = server.api();
    for id in ["a/b", "50%", "a&b=c", "1+1", "two words", "é😀", "?x#y", "a\nb", &"x".repeat(256), ".", ".."]
    {
        for by_path in [true, false] {
            let token = api.token(id);
            api.call("POST", &format!("/v1/messages?to={}", escape(id)), &[], b"kept");
            let mut socket = server.opening(Transport::Lines, &token).open();
            assert_eq!(socket.text(), "kept");
            if by_path && !matches!(id, "." | "..") {
                let answer = api.call("DELETE", &format!("/v1/channels/{}", escape(id)), &[], b"");
                assert_eq!((answer.status, answer.body.len()), (204, 0), "{id:?}");
            } else {
                delete(&mut api, id);
            }
            assert_eq!(socket.closed().0, GONE, "{id:?}");
            assert_eq!(server.opening(Transport::Lines, &token).refused().0, 410, "{id:?}");
        }
    }
}
