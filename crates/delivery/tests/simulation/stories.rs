//! What hardly ever happens, told step by step.

use super::{
    connection::connect,
    node::{Disks, Node},
    plan::Plan,
    power_disk::{PowerDisk, Random},
    reading::{Frame, Reading},
};
use crate::{clock::Clock, hub::Hub, open::Request, stream::Stream};
use broker::message::Position;
use protocol::{close::CloseCode, id::ClientId, socket::Transport};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicU64},
};

async fn a_node() -> Node {
    let wall_ms: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(1_800_000_000_000)));
    let disks = Disks { journal: PowerDisk::new(), ledger: PowerDisk::new() };
    let clock = Clock::simulated(wall_ms);
    Node::start(&Plan::of(1), &disks, clock, &mut Random(1)).await.expect("an empty disk")
}

/// Told to go by two at once, as by a stop and by its edge that finds it late: it hears it once.
#[tokio::test(start_paused = true)]
async fn simulation_of_a_socket_that_is_told_to_go_twice() {
    for transport in [Transport::WebSocket, Transport::Sse, Transport::Lines] {
        let node = a_node().await;
        let (hub, edge) = (node.hub.clone(), node.edges[0].clone());
        let opened = hub.open(a_request(&hub, transport), 0).await;
        let opened = opened.unwrap_or_else(|refused| panic!("{refused:?}"));
        let socket = Arc::clone(opened.socket());
        let (ours, theirs) = connect(4_096);
        edge.adopt(Stream::simulated(ours), opened, b"", &mut []);
        hub.restarting(&socket, 700);
        hub.restarting(&socket, 900);
        let mut reading = Reading::default();
        reading.feed(&theirs.read(4_096).expect("it is written before it ends"));
        assert!(matches!(reading.next(transport), Some(Frame::Cursor(_))), "{transport:?}");
        // A WebSocket has the protocol's own close frame behind ours.
        let closes = if transport == Transport::WebSocket { 2 } else { 1 };
        for _ in 0..closes {
            assert_eq!(reading.next(transport), Some(Frame::Close), "{transport:?}");
        }
        assert_eq!(reading.next(transport), None, "{transport:?}");
        node.kill();
    }
}

fn a_request(hub: &Hub, transport: Transport) -> Request {
    Request {
        id: ClientId::from_bytes(b"ada").expect("a good id"),
        position: Position::After(hub.broker.end()),
        transport,
        silence: None,
        token: (None, 0),
        expires_at: hub.clock.seconds() + 60,
        address: IpAddr::from([127, 0, 0, 1]),
    }
}

/// Deleted between being let in and getting its connection: it hears that, and does not only see the connection end.
#[tokio::test(start_paused = true)]
async fn simulation_of_a_channel_that_is_deleted_while_a_socket_opens() {
    for transport in [Transport::WebSocket, Transport::Sse, Transport::Lines] {
        let node = a_node().await;
        let (hub, edge) = (node.hub.clone(), node.edges[0].clone());
        let opened = hub.open(a_request(&hub, transport), 0).await;
        let opened = opened.unwrap_or_else(|refused| panic!("{refused:?}"));
        hub.close(opened.socket(), CloseCode::GONE, CloseCode::GONE.reason(), None);
        let (ours, theirs) = connect(4_096);
        edge.adopt(Stream::simulated(ours), opened, b"", &mut []);
        let mut reading = Reading::default();
        reading.feed(&theirs.read(4_096).expect("it is written before it ends"));
        assert!(matches!(reading.next(transport), Some(Frame::Cursor(_))), "{transport:?}");
        assert_eq!(reading.next(transport), Some(Frame::Close), "{transport:?}");
        assert_eq!(theirs.read(4_096).map(|bytes| bytes.len() > 4), None, "{transport:?}: and it ends");
        assert_eq!(hub.sockets(hub.broker.key(&ClientId::from_bytes(b"ada").expect("a good id"))), 0);
        node.kill();
    }
}
