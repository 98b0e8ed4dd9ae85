//! Readers that take nothing for a while: what that costs, and that they lose nothing.

use super::{http::Api, server::Server, socket::Socket};
use std::time::Duration;

/// Messages that wait for their readers.
#[derive(Clone, Copy)]
pub(crate) struct Backlog {
    pub(crate) messages: usize,
    /// Of each, beside its number.
    pub(crate) bytes: usize,
}

impl Backlog {
    /// Sends it to the channel `id`, one by one; `sent` hears of each how its text begins.
    pub(crate) fn send(&self, api: &mut Api, id: &str, mut sent: impl FnMut(&str)) {
        let filler = "x".repeat(self.bytes);
        for number in 0..self.messages {
            let begins = format!("{number} ");
            api.send(id, &format!("{begins}{filler}"));
            sent(&begins);
        }
    }

    /// Every socket gets all of it, in order, on the connection that it has.
    #[track_caller]
    pub(crate) fn read(&self, sockets: &mut [Socket]) {
        for socket in sockets {
            for number in 0..self.messages {
                // Fails at an end of the connection.
                let text = socket.text();
                let begins = text.starts_with(&format!("{number} "));
                assert!(begins, "{:?}: {text:.20} at {number}", socket.transport);
            }
        }
    }

    /// Sends it to `ada`, whose sockets read nothing meanwhile; they may cost `kept_bytes` each. Then they read all of it, and go on as
    /// all others.
    #[track_caller]
    pub(crate) fn costs_a_bound(
        &self,
        (server, api): (&Server, &mut Api),
        sockets: &mut [Socket],
        kept_bytes: usize,
        sent: impl FnMut(&str),
    ) {
        let before = server.resident_bytes();
        self.send(api, "ada", sent);
        let grown = server.resident_bytes().saturating_sub(before);
        let queued = sockets.len() * self.messages * self.bytes;
        // What is kept of the channel itself, three times over, and little else.
        let most = 4 * self.messages * self.bytes + sockets.len() * kept_bytes;
        assert!(grown < most as u64, "{grown} bytes more, of {queued} that they did not read");
        self.read(sockets);
        api.send("ada", "last");
        for socket in sockets {
            assert_eq!(socket.text(), "last");
        }
    }
}

/// What resident memory has grown by for each of so many, once what opening them took has been given back, which takes seconds.
///
/// # Panics
/// If it stays above `most`.
#[track_caller]
pub(crate) fn costs_at_most(server: &Server, before: u64, count: usize, most: u64) {
    let mut each = 0;
    for _ in 0..40 {
        each = server.resident_bytes().saturating_sub(before) / count as u64;
        if each <= most {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{each} bytes for each of {count}, and not {most}");
}
