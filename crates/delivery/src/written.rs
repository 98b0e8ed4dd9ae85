//! How long a fresh message was on its way, at one look at the clock for many sockets.

use crate::{catch_up::Progress, entry::Entry, hub::Hub, socket::Socket};
use protocol::socket::Transport;

/// What became of a fresh message at some sockets. Only those count that had all before it: what others still lack, they
/// get when they take it, and how far they are behind is measured as lag.
pub(crate) struct Written<'a> {
    entry: &'a Entry,
    /// By transport. Long-polls are measured where they are answered.
    counts: [u32; 3],
}

const MEASURED: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Lines];

impl<'a> Written<'a> {
    pub(crate) fn of(entry: &'a Entry) -> Self {
        Self { entry, counts: [0; 3] }
    }

    /// How far a socket got with it.
    pub(crate) fn note(&mut self, socket: &Socket, progress: Progress) {
        if progress != Progress::UpToDate || socket.channel.id.is_canary() {
            return;
        }
        match socket.transport {
            Transport::WebSocket => self.counts[0] += 1,
            Transport::Sse => self.counts[1] += 1,
            Transport::Lines => self.counts[2] += 1,
            Transport::LongPoll => {}
        }
        if let Some(follower) = &self.entry.message.origin.follower {
            follower.written(self.entry.offset(), socket.transport);
        }
    }

    /// It took so long to all of them; to all but the last a moment less.
    pub(crate) fn measure(&mut self, hub: &Hub) {
        let counts = std::mem::take(&mut self.counts);
        let at_us = self.entry.message.origin.at_us;
        if at_us == 0 || counts == [0; 3] {
            return;
        }
        let us = hub.clock.now_us().saturating_sub(at_us);
        for (transport, count) in MEASURED.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            hub.counters.written.of(transport).observe_many(us, u64::from(count));
        }
    }
}
