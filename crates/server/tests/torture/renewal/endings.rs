//! What ends a socket that is open: its token's time, and its channel's deletion.

use crate::{
    length::alone,
    support::{
        server::memory,
        socket::{ALL, Socket},
        token::short,
    },
};
use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Reads until the server ends the socket; a long-poll is under way all the time.
pub(super) fn closing(mut socket: Socket) -> JoinHandle<(u16, String)> {
    thread::spawn(move || socket.closed())
}

#[test]
fn a_token_that_ends_closes_its_socket_and_says_so() {
    let _alone = alone();
    let server = memory().start();
    let begun = Instant::now();
    let closing = ALL.map(|transport| closing(server.opening(transport, &short("ada", 3)).open()));
    for (transport, closing) in ALL.iter().zip(closing) {
        assert_eq!(closing.join().unwrap(), (4401, "Token timed out.".into()), "{transport:?}");
        let took = begun.elapsed();
        // Tokens count in whole seconds, and the server looks once a second.
        assert!(took > Duration::from_millis(1_900) && took < Duration::from_secs(6), "{took:?}");
    }
}

#[test]
fn a_deletion_closes_every_socket_and_refuses_its_tokens() {
    let _alone = alone();
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets = ALL.map(|transport| server.opening(transport, &token).open());
    api.send("ada", "before");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "before");
    }
    let closing = sockets.map(closing);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(api.call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
    for (transport, closing) in ALL.iter().zip(closing) {
        assert_eq!(closing.join().unwrap(), (4410, "The channel was deleted.".into()), "{transport:?}");
        let (code, _) = server.opening(*transport, &token).refused();
        assert!(matches!(code, 410 | 4410), "{transport:?}: {code}");
    }
}
