//! Liveness: pings every 15 seconds, and what becomes of who does not answer.

use crate::support::{
    server::memory,
    socket::{Frame, STREAMS},
    until,
};
use protocol::socket::Transport;
use std::time::{Duration, Instant};

#[test]
fn pings_come_every_fifteen_seconds_and_silence_ends_a_websocket() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let begin = Instant::now();
    let mut sockets: Vec<_> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    let mut silent = server.opening(Transport::WebSocket, &token).open();
    silent.pongs = false;
    let end = api.send("other", "moves the log");
    for socket in &mut sockets {
        assert_eq!(socket.next().unwrap(), Frame::Ping, "{:?}", socket.transport);
        assert_eq!(socket.at(), end, "{:?}: a ping carries the log's end", socket.transport);
    }
    let took = begin.elapsed();
    assert!((Duration::from_secs(13)..Duration::from_secs(22)).contains(&took), "{took:?}");
    assert_eq!(silent.next().unwrap(), Frame::Ping);
    assert_eq!(silent.closed(), (4508, "No answer to pings.".into()));
    let took = begin.elapsed();
    assert!((Duration::from_secs(27)..Duration::from_secs(40)).contains(&took), "{took:?}");
    for socket in &mut sockets {
        assert_eq!(
            socket.next().unwrap(),
            Frame::Ping,
            "{:?}: who answers, or cannot, stays",
            socket.transport
        );
    }
    until("the silent one has left", || (api.sockets("ada") == 3).then_some(()));
}
