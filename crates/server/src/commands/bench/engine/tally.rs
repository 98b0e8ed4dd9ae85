//! What a run has counted.

use super::{super::histogram::Histogram, course::Arrival};
use std::collections::HashSet;

/// After so many refused messages a run is given up: it would measure refusals.
pub(crate) const REFUSALS_MAX: usize = 1_000;

#[derive(Default)]
pub(crate) struct Tally {
    /// Messages handed over.
    pub(crate) sent: u64,
    /// Those that the server said it has.
    pub(crate) accepted: u64,
    /// Deliveries: one for each socket that got a message.
    pub(crate) delivered: u64,
    pub(crate) repeated: u64,
    /// Overtaken by another message of the same channel.
    pub(crate) misordered: u64,
    /// Came to a socket that they were not for.
    pub(crate) misrouted: u64,
    /// Times that a socket was told that messages are no longer kept.
    pub(crate) gaps: u64,
    /// Channel and number of each message that the server refused: it need not come.
    pub(crate) refused: HashSet<(u32, u32)>,
    /// What the first refusal said.
    pub(crate) refusal: Option<String>,
    /// Sockets that were open and are not any more, though nobody here closed them.
    pub(crate) closed: u64,
    /// Sockets that could not be opened.
    pub(crate) failed: u64,
    /// What was said of the first of them.
    pub(crate) failure: Option<String>,
    /// Connections to send on that the server closed.
    pub(crate) reopened: u64,
    /// From when a message was due until a socket had it.
    pub(crate) latency: Histogram,
    /// From the first packet until a socket was open.
    pub(crate) opening: Histogram,
    /// When the last message came.
    pub(crate) last_arrival: u64,
}

impl Tally {
    pub(crate) fn arrived(&mut self, arrival: Arrival, due: u64, now: u64) {
        match arrival {
            Arrival::Again => {
                self.repeated += 1;
                return;
            }
            Arrival::Late => self.misordered += 1,
            Arrival::InOrder => {}
        }
        self.delivered += 1;
        self.last_arrival = now;
        self.latency.add(now.saturating_sub(due));
    }

    /// Begins to count times anew, as after a warm-up; what went wrong stays.
    pub(crate) fn forget_times(&mut self) {
        (self.sent, self.accepted, self.delivered) = (0, 0, 0);
        self.latency = Histogram::default();
    }
}
