//! Who reads slowly over HTTP/2 loses nothing, costs a bound and not a queue, and holds nobody else up.

use super::frames::{CARRIED, STREAMED};
use crate::support::{
    front::Front,
    server::{memory, on_disk},
    slow::Backlog,
    socket::Socket,
    tls::Authority,
};
use protocol::socket::Transport;
use std::{thread, time::Duration};

const READERS: usize = 16;
const BACKLOG: Backlog = Backlog { messages: 200, bytes: 16 * 1024 };

/// What a socket may keep: a piece in the pipe, one on its way, one in the connection; and what comes of it in allocations.
const KEPT_BYTES: usize = 96 * 1024;

#[test]
fn slow_readers_lose_nothing_and_cost_a_bound_each() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let token = api.token("ada");
    let mut sockets: Vec<Socket> =
        (0..READERS).map(|index| front.opening(STREAMED[index % 2], &token).open()).collect();
    let mut quick = front.opening(Transport::Sse, &token).open();
    BACKLOG.costs_a_bound((&server, &mut api), &mut sockets, KEPT_BYTES, |begins| {
        // On the same connection as all those that take nothing.
        assert!(quick.text().starts_with(begins));
    });
    assert_eq!(front.connections(), 1);
}

/// Longer than the tail cache remembers, and than the kernel would wait for a peer that is gone.
#[test]
fn a_connection_whose_reader_pauses_goes_on() {
    let authority = Authority::new();
    let server = on_disk("os").tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut other = server.api();
    let token = other.token("slow");
    let mut sockets: Vec<Socket> =
        STREAMED.iter().map(|transport| front.opening(*transport, &token).open()).collect();
    front.pause();
    // More than the windows of these, so that the pipes fill; and answers that fill the connection itself.
    let backlog = Backlog { messages: 700, bytes: 20_000 };
    backlog.send(&mut other, "slow", |_| ());
    thread::sleep(Duration::from_secs(15));
    assert_eq!(other.sockets("slow"), 2);
    front.go_on();
    backlog.read(&mut sockets);
    assert_eq!(front.connections(), 1, "on the same connection");
}

/// A socket that goes on from the disk does so over HTTP/2 as well.
#[test]
fn what_is_only_on_disk_is_replayed() {
    let authority = Authority::new();
    let server = on_disk("os").env("DOWNLINK_RETENTION_MESSAGES", "100000").tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let token = api.token("ada");
    let server = {
        drop(front);
        server
    };
    let text = "z".repeat(1000);
    let items: Vec<_> =
        (0..2000).map(|n| serde_json::json!({"to": "ada", "data": format!("{n} {text}")})).collect();
    assert_eq!(server.api().post("/v1/messages", &serde_json::json!(items)).status, 200);
    let server = server.restart();
    let front = Front::of(&server, &authority);
    for transport in CARRIED {
        let mut socket = front.opening(transport, &token).open();
        for number in 0..2000 {
            assert!(socket.text().starts_with(&format!("{number} ")), "{transport:?}");
        }
    }
}
