//! Readers that pause for longer than the kernel would wait, and readers that only seem to.

use crate::support::{
    http::Api,
    server::on_disk,
    socket::{STREAMS, Socket},
    until,
};
use std::{thread, time::Duration};

/// Far more than the kernel holds for a connection on both of its ends.
const MESSAGES: usize = 700;

fn fill(api: &mut Api, id: &str) {
    let filler = "x".repeat(20_000);
    (0..MESSAGES).for_each(|number| drop(api.send(id, &format!("{number} {filler}"))));
}

/// Half a minute: three times what the kernel waits for a peer that is gone, and two pings.
#[test]
fn a_reader_that_pauses_goes_on_reading_on_its_connection() {
    let server = on_disk("os").start();
    let mut api = server.api();
    let token = api.token("slow");
    let mut sockets: Vec<Socket> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    fill(&mut api, "slow");
    thread::sleep(Duration::from_secs(30));
    for socket in &mut sockets {
        for number in 0..MESSAGES {
            // Fails at an end of the connection.
            let text = socket.text();
            assert!(
                text.starts_with(&format!("{number} ")),
                "{:?}: {:.9} at {number}",
                socket.transport,
                text
            );
        }
    }
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
    fill(&mut api, "slow");
    // The server has seen by now that they are slow, and is patient.
    thread::sleep(Duration::from_secs(6));
    assert_eq!(api.sockets("slow"), 3);
    sockets.iter().for_each(Socket::cut);
    until("the cut is noticed", || (api.sockets("slow") == 0).then_some(()));
}
