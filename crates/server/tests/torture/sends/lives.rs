//! Messages with a time to live: they vanish without a gap, also through a kill; with 0 they are for whoever is there.

use crate::{
    length::alone,
    support::{
        http::Api,
        server::{Server, on_disk},
        socket::{ALL, Data, Frame},
    },
};
use std::{thread, time::Duration};

fn send(api: &mut Api, text: &str, ttl: &str) -> u16 {
    let headers = [("Downlink-TTL", ttl), ("Content-Type", "text/plain")];
    api.call("POST", "/v1/channels/ada/messages", &headers, text.as_bytes()).status
}

/// On every transport, from this place on, exactly these texts come, with no gap.
#[track_caller]
fn reads(server: &Server, token: &str, after: &str, texts: &[&str]) {
    for transport in ALL {
        let mut socket = server.opening(transport, token).after(after).open();
        assert_eq!(socket.texts(texts.len()), texts, "{transport:?}");
        assert_eq!(socket.left_text(), None, "{transport:?}");
    }
}

#[test]
fn a_message_vanishes_when_its_time_is_over_also_through_a_kill() {
    let _alone = alone();
    for durability in ["fsync", "os"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let token = api.token("ada");
        let start = server.opening(ALL[0], &token).open().at();
        assert_eq!(send(&mut api, "short", "1"), 201);
        assert_eq!(send(&mut api, "long", "3600"), 201);
        api.send("ada", "kept");
        reads(&server, &token, &start, &["short", "long", "kept"]);
        // The next life goes on counting where the one before stopped.
        let server = server.restart();
        thread::sleep(Duration::from_millis(1_300));
        reads(&server, &token, &start, &["long", "kept"]);
        assert_eq!(server.api().kept("ada"), ["long", "kept"], "{durability}");
        // While it is in memory too: of the tail, not of the disk.
        let mut api = server.api();
        assert_eq!(send(&mut api, "short again", "1"), 201);
        api.send("ada", "end");
        reads(&server, &token, &start, &["long", "kept", "short again", "end"]);
        thread::sleep(Duration::from_millis(1_300));
        reads(&server, &token, &start, &["long", "kept", "end"]);
        let server = server.restart();
        reads(&server, &token, &start, &["long", "kept", "end"]);
    }
}

#[test]
fn a_channel_whose_messages_all_vanished_has_no_gap() {
    let _alone = alone();
    let server = on_disk("os").start();
    let mut api = server.api();
    let token = api.token("ada");
    let start = server.opening(ALL[0], &token).open().at();
    for number in 0..5 {
        assert_eq!(send(&mut api, &format!("short {number}"), "1"), 201);
    }
    thread::sleep(Duration::from_millis(1_300));
    let server = server.restart();
    let sockets = ALL.map(|transport| server.opening(transport, &token).after(&start).open());
    server.api().send("ada", "first");
    for mut socket in sockets {
        assert_eq!(socket.text(), "first", "{:?}: and no gap before it", socket.transport);
    }
}

#[test]
fn a_message_without_a_life_is_for_whoever_is_there() {
    let _alone = alone();
    let server = on_disk("fsync").start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets = ALL.map(|transport| server.opening(transport, &token).open());
    let start = sockets[0].at();
    for socket in &mut sockets {
        if socket.transport == protocol::socket::Transport::LongPoll {
            socket.ask("20").unwrap();
        }
    }
    thread::sleep(Duration::from_millis(200));
    assert_eq!(send(&mut api, "passing", "0"), 202);
    for socket in &mut sockets {
        if socket.transport == protocol::socket::Transport::LongPoll {
            let answer = crate::support::http::read_response(&mut socket.wire).unwrap().json();
            assert_eq!(answer["messages"][0]["data"], "passing");
            assert_eq!(answer["messages"][0].get("id"), None);
            continue;
        }
        let frame = socket.frame();
        assert_eq!(frame, Frame::Message(None, Data::Text("passing".into())), "{:?}", socket.transport);
    }
    api.send("ada", "kept");
    reads(&server, &token, &start, &["kept"]);
    let server = server.restart();
    reads(&server, &token, &start, &["kept"]);
    assert_eq!(server.api().kept("ada"), ["kept"]);
}
