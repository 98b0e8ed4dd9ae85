//! The way of a message from the broker to sockets, and of a socket into the hub.

use crate::{codec, measure::Meter, node::Node};
use broker::{
    broker::{Announce, Flush},
    message::{Draft, Link, Message, Origin, Page, Position},
};
use protocol::{cursor::Offset, socket::Transport};
use std::{hint::black_box, net::TcpStream};
use tokio::task::yield_now;

/// Sockets that are open, a channel each, unless said otherwise.
const SOCKETS: u64 = 1000;

/// Messages, sockets or resumes of a piece of work.
const OPERATIONS: u64 = 50;

const NOW_MS: u64 = codec::NOW * 1000;

/// Measures all of it.
pub(crate) fn run(meter: &mut Meter) {
    let mut node = Node::start();
    node.open_all(0..SOCKETS, Transport::WebSocket);
    announce(meter, &node);
    send(meter, &node);
    open(meter, &mut node);
    resume(meter, &mut node);
    drop(node);
    fan_out(meter);
}

/// A message as the broker announces it.
fn message(node: &Node, id: u64, offset: Offset) -> Message {
    let key = node.hub.broker.key(&node.client_id(id));
    Message {
        offset,
        time_ms: NOW_MS,
        ttl_seconds: 0,
        data: codec::text(),
        links: smallvec::smallvec![Link { key, previous: Offset(0), ordinal: 1 }],
        origin: Origin { at_us: node.hub.clock.now_us(), follower: None },
    }
}

/// The hub alone: one message to one of many channels.
fn announce(meter: &mut Meter, node: &Node) {
    let mut next = 0;
    for _ in 0..3 {
        let numbers = next..next + OPERATIONS;
        next = numbers.end;
        let mut messages: Vec<Message> =
            numbers.map(|number| message(node, number % SOCKETS, Offset(1000 + number))).collect();
        let before = node.hub.counters.deliveries.get();
        meter.measure("hub.announce.to_one_of_1000", OPERATIONS, || {
            for message in messages.drain(..) {
                node.hub.announce(message);
                node.hub.flush(Flush::Here);
            }
        });
        assert_eq!(node.hub.counters.deliveries.get(), before + OPERATIONS, "each was given to its socket");
    }
}

/// Hub and broker with `memory`: one message, one with an Idempotency-Key, ten in a call.
fn send(meter: &mut Meter, node: &Node) {
    let drafts = |from: u64, with_key: bool| -> Vec<Draft> {
        let draft = |number: u64| Draft {
            idempotency_key: with_key.then(|| format!("key-{number:08}").into()),
            ..node.draft(node.client_id(500 + number % 500))
        };
        (from..from + OPERATIONS).map(draft).collect()
    };
    // The log's addresses are to lie behind those of the announcements before: a log that has messages already.
    for draft in drafts(0, false) {
        node.run(node.send(draft));
    }
    for (name, with_key) in [("send.memory.one", false), ("send.memory.one_with_key", true)] {
        for round in 1..4 {
            let mut drafts = drafts(round * OPERATIONS, with_key);
            meter.measure(name, OPERATIONS, || {
                node.run(async {
                    for draft in drafts.drain(..) {
                        black_box(node.send(draft).await);
                    }
                });
            });
        }
    }
    for round in 4..7 {
        let mut batches: Vec<Vec<Draft>> =
            drafts(round * OPERATIONS, false).chunks(10).map(<[Draft]>::to_vec).collect();
        meter.measure("send.memory.of_ten", OPERATIONS, || {
            node.run(async {
                for batch in batches.drain(..) {
                    black_box(node.hub.broker.publish_many(batch, NOW_MS).await);
                }
            });
        });
    }
}

/// Opening a socket, token verified, until its first frames are out.
fn open(meter: &mut Meter, node: &mut Node) {
    let keyring = codec::keyring();
    for round in 0..3 {
        let numbers = 10_000 + round * OPERATIONS..10_000 + (round + 1) * OPERATIONS;
        let mut waiting: Vec<(String, TcpStream)> = numbers
            .map(|number| (codec::token(&keyring, node.client_id(number).as_str(), None), node.connect()))
            .collect();
        meter.measure("hub.open", OPERATIONS, || {
            node.run(async {
                for (token, stream) in waiting.drain(..) {
                    let grant = keyring.verify(&token, codec::NOW + 1).expect("a good token");
                    node.adopt(stream, node.open(grant.client_id, Transport::WebSocket, None).await);
                }
            });
        });
        node.settle();
    }
}

/// A socket that comes back with 100 messages to get: from the tail cache, and as pages from the broker.
fn resume(meter: &mut Meter, node: &mut Node) {
    const MISSED: u64 = 100;
    let id = node.client_id(20_000);
    let before = node.hub.broker.end();
    for _ in 0..MISSED {
        node.run(node.send(node.draft(id.clone())));
    }
    let operations = 10;
    for _ in 0..3 {
        let mut streams: Vec<TcpStream> = (0..operations).map(|_| node.connect()).collect();
        let deliveries = node.hub.counters.deliveries.get();
        meter.measure("hub.resume.100_messages", operations, || {
            node.run(async {
                for stream in streams.drain(..) {
                    node.adopt(stream, node.open(id.clone(), Transport::WebSocket, Some(before)).await);
                }
            });
        });
        assert_eq!(node.hub.counters.deliveries.get(), deliveries + operations * MISSED, "all came");
        node.settle();
    }
    let (key, page) = (node.hub.broker.key(&id), Page { messages: 100, bytes: 1 << 20 });
    for _ in 0..3 {
        meter.measure("broker.read.100_messages", operations, || {
            node.run(async {
                for _ in 0..operations {
                    let position = Position::After(before);
                    let history = node.hub.broker.history(&id, key, position, page, NOW_MS).await;
                    assert_eq!(history.expect("it is kept").messages.len() as u64, MISSED);
                }
            });
        });
    }
}

/// One message to many sockets of one channel, for each delivery. The edge sends it, as one that owns them all.
fn fan_out(meter: &mut Meter) {
    let mut node = Node::start();
    let id = node.client_id(0);
    for _ in 0..SOCKETS {
        let stream = node.connect();
        let opened = node.run(node.open(id.clone(), Transport::WebSocket, None));
        node.run(async { node.adopt(stream, opened) });
    }
    node.settle();
    for _ in 0..3 {
        let mut draft = Some(node.draft(id.clone()));
        let all = node.hub.counters.deliveries.get() + SOCKETS;
        meter.measure("hub.fan_out.to_1000", SOCKETS, || {
            node.run(async {
                node.send(draft.take().expect("sent once")).await;
                while node.hub.counters.deliveries.get() < all {
                    yield_now().await;
                }
            });
        });
        node.settle();
    }
}
