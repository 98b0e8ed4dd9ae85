//! Readers that pause for longer than the kernel would wait, and readers that only seem to.

use crate::support::{
    server::on_disk,
    slow::Backlog,
    socket::{STREAMS, Socket},
    until,
};
use std::{thread, time::Duration};

/// Far more than the kernel holds for a connection on both of its ends.
const BACKLOG: Backlog = Backlog { messages: 700, bytes: 20_000 };

/// Half a minute: three times what the kernel waits for a peer that is gone, and two pings.
#[test]
fn a_reader_that_pauses_goes_on_reading_on_its_connection() {
    let server = on_disk("os").start();
    let mut api = server.api();
    let token = api.token("slow");
    let mut sockets: Vec<Socket> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    BACKLOG.send(&mut api, "slow", |_| ());
    thread::sleep(Duration::from_secs(30));
    BACKLOG.read(&mut sockets);
    api.send("slow", "after");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "after", "{:?}", socket.transport);
    }
    // Patience ends where the pause does: a cable that is out is noticed as ever.
    sockets.iter().for_each(Socket::cut);
    until("the cut is noticed", || (api.sockets("slow") == 0).then_some(()));
}

#[test]
fn a_reader_that_pauses_and_is_cut_is_noticed() {
    let server = on_disk("os").start();
    let mut api = server.api();
    let token = api.token("slow");
    let sockets: Vec<Socket> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    BACKLOG.send(&mut api, "slow", |_| ());
    // The server has seen by now that they are slow, and is patient.
    thread::sleep(Duration::from_secs(6));
    assert_eq!(api.sockets("slow"), 3);
    sockets.iter().for_each(Socket::cut);
    until("the cut is noticed", || (api.sockets("slow") == 0).then_some(()));
}
