//! Who reads slowly over TLS loses nothing, and costs a record and not a queue.

use crate::support::{
    server::memory,
    socket::{STREAMS, Socket},
    tls::Authority,
};
use std::time::Duration;

const READERS: usize = 24;
const MESSAGES: usize = 300;
const BYTES: usize = 16 * 1024;

#[test]
fn slow_readers_lose_nothing_and_cost_a_record_each() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<Socket> =
        (0..READERS).map(|index| server.opening(STREAMS[index % 3], &token).open()).collect();
    let before = server.resident_bytes();
    for number in 0..MESSAGES {
        api.send("ada", &format!("{number} {}", "x".repeat(BYTES)));
    }
    let grown = server.resident_bytes().saturating_sub(before);
    let queued = READERS * MESSAGES * BYTES;
    // What is kept of the channel itself, three times over, and little else.
    let most = 4 * MESSAGES * BYTES + READERS * 64 * 1024;
    assert!(grown < most as u64, "{grown} bytes more, of {queued} that they did not read");
    for socket in &mut sockets {
        for number in 0..MESSAGES {
            let text = socket.text();
            assert!(text.starts_with(&format!("{number} ")), "{:?}: {:.20}", socket.transport, text);
        }
    }
    // They go on as all others.
    api.send("ada", "last");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "last");
    }
}

/// Single bytes of a record are nothing that a page sees: the frame waits for its last byte, and then it is there,
/// though nothing else happens.
#[test]
fn the_end_of_a_record_follows_by_itself() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    for transport in STREAMS {
        let id = format!("{transport:?}");
        let mut socket = server.opening(transport, &api.token(&id)).open();
        let texts: Vec<String> = (0..40).map(|number| format!("{number} {}", "y".repeat(30_000))).collect();
        for text in &texts {
            api.send(&id, text);
        }
        // All of them lie in kernels, in the one record, or in the channel.
        std::thread::sleep(Duration::from_millis(100));
        for text in &texts {
            assert!(socket.text() == *text, "{id}");
        }
    }
}
