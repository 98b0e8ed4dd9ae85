//! What is counted on the way, for metrics.

use crate::histogram::{Histogram, SHARDS, shard};
use protocol::socket::Transport;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only rises, or that rises and falls.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Never lowers.
    pub fn raise(&self, to: u64) {
        self.0.fetch_max(to, Ordering::Relaxed);
    }

    /// Takes away.
    pub fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// Reads.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that only rises, and that every thread adds to all the time: each has a place of its own.
#[derive(Debug, Default)]
pub struct BusyCounter([Apart; SHARDS]);

/// Alone in a line of the processor's cache.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart(AtomicU64);

impl BusyCounter {
    /// Adds.
    pub fn add(&self, count: u64) {
        self.0[shard()].0.fetch_add(count, Ordering::Relaxed);
    }

    /// Reads.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.iter().map(|apart| apart.0.load(Ordering::Relaxed)).sum()
    }
}

/// Counts of this node since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Sockets that are open now, by transport.
    pub open: PerTransport,
    /// Sockets that were opened.
    pub opened: PerTransport,
    /// Messages handed to sockets.
    pub deliveries: BusyCounter,
    /// From a message's request until it was written to a socket that had all before it.
    pub written: PerTransport<Histogram>,
    /// Gaps said.
    pub gaps: Counter,
    /// Times that a socket was behind and took from the disk what the tail cache no longer had.
    pub replays: Counter,
    /// Sockets that took no more for a while.
    pub blocked: Counter,
}

/// One counter, or what else counts, for each transport.
#[derive(Debug, Default)]
pub struct PerTransport<T = Counter> {
    websocket: T,
    sse: T,
    lines: T,
    long_poll: T,
}

impl<T> PerTransport<T> {
    /// The transport's.
    #[must_use]
    pub fn of(&self, transport: Transport) -> &T {
        match transport {
            Transport::WebSocket => &self.websocket,
            Transport::Sse => &self.sse,
            Transport::Lines => &self.lines,
            Transport::LongPoll => &self.long_poll,
        }
    }
}

impl PerTransport {
    /// The sum of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        [Transport::WebSocket, Transport::Sse, Transport::Lines, Transport::LongPoll]
            .iter()
            .map(|transport| self.of(*transport).get())
            .sum()
    }
}
