//! Who reads slowly over TLS loses nothing, and costs a record and not a queue.

use crate::support::{
    http::Api,
    server::memory,
    slow::Backlog,
    socket::{STREAMS, Socket},
    tls::Authority,
};
use std::time::Duration;

const READERS: usize = 24;
const BACKLOG: Backlog = Backlog { messages: 300, bytes: 16 * 1024 };

/// A record, and what comes of it in allocations.
const KEPT_BYTES: usize = 64 * 1024;

#[test]
fn slow_readers_lose_nothing_and_cost_a_record_each() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<Socket> =
        (0..READERS).map(|index| server.opening(STREAMS[index % 3], &token).open()).collect();
    BACKLOG.costs_a_bound((&server, &mut api), &mut sockets, KEPT_BYTES, |_| ());
}

/// A frame is of no use before its last byte; that comes as soon as there is room, though nothing else happens.
#[test]
fn the_end_of_a_record_follows_by_itself() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    for transport in STREAMS {
        let id = format!("{transport:?}");
        let mut socket = server.opening(transport, &api.token(&id)).open();
        socket.wire.patience = Duration::from_secs(10);
        let (before, mut sent) = (blocked(&mut api), Vec::new());
        // Each is one record, and the last one is that of which the kernel takes a part.
        while blocked(&mut api) == before {
            assert!(sent.len() < 900, "the kernel takes anything");
            sent.push(format!("{} {}", sent.len(), "y".repeat(16_000)));
            api.send(&id, &sent[sent.len() - 1]);
        }
        for text in &sent {
            assert!(socket.text() == *text, "{id}");
        }
    }
}

/// How often a socket took no more.
fn blocked(api: &mut Api) -> u64 {
    let text = api.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix("downlink_sockets_blocked_total "));
    line.unwrap().parse().unwrap()
}
