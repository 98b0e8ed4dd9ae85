//! What an idle socket keeps allocated.

use crate::{measure::bytes_kept, node::Node};
use protocol::socket::Transport;

/// Just under a power of two, at which tables grow: what they hold in reserve is then small beside what is used.
const SOCKETS: u64 = 1000;

/// Bytes for each of many sockets that have a channel each, by transport. What the node itself has is not counted.
pub(crate) fn run() -> [(&'static str, f64); 4] {
    [
        ("socket.websocket", Transport::WebSocket),
        ("socket.sse", Transport::Sse),
        ("socket.lines", Transport::Lines),
        ("socket.long_poll", Transport::LongPoll),
    ]
    .map(|(name, transport)| (name, bytes(transport)))
}

fn bytes(transport: Transport) -> f64 {
    let mut node = Node::start();
    // What is made once, for the first of them.
    if transport == Transport::LongPoll {
        poll_all(&node, SOCKETS..SOCKETS + 1);
    } else {
        node.open_all(SOCKETS..SOCKETS + 1, transport);
    }
    // The browsers' ends are in this process too, as numbers in a list.
    node.expect_browsers(SOCKETS as usize);
    let (bytes, ()) = bytes_kept(|| {
        if transport == Transport::LongPoll {
            poll_all(&node, 0..SOCKETS);
        } else {
            node.open_all(0..SOCKETS, transport);
        }
    });
    assert_eq!(node.hub.counters.open.of(transport).get(), SOCKETS + 1, "all are open");
    bytes as f64 / SOCKETS as f64
}

/// Between two polls: a socket that waits for its client's next request.
fn poll_all(node: &Node, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let opened = node.run(node.open(node.client_id(number), Transport::LongPoll, None));
        node.run(async { drop(node.hub.adopt_poll(opened)) });
    }
}
