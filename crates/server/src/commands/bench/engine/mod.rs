//! The load generator: one thread, one epoll, and no buffer for each socket, so that it costs less than what it measures.
//!
//! It opens sockets, sends messages, and judges all that comes: every message says to whom it goes and which one it is.
//! A channel is served by one sender, so that there is one right order. What to do when is `measures`' business.

mod course;
pub(crate) mod mark;
pub(crate) mod opening;
pub(crate) mod peer;
mod poller;
mod publisher;
mod sending;
mod socket;
pub(crate) mod tally;
pub(crate) mod template;
mod websocket;
pub(crate) mod wire;

use super::clock::Clock;
use peer::Peer;
use poller::{Event, Poller};
use publisher::Publisher;
use socket::Socket;
use std::collections::VecDeque;
use tally::Tally;

/// More than one TLS record, and than what a socket usually holds.
const SCRATCH_BYTES: usize = 256 * 1024;

/// Tokens from here on are senders'.
const PUBLISHERS: u64 = 1 << 40;

/// Less than a timer needs to wake a thread: such a wait is spent looking.
const SPIN_NANOSECONDS: u64 = 60_000;

/// Whose channel a socket opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Each its own; a message goes to one of them.
    Own,
    /// Each its own; a message goes to all of them, by a list of ids.
    Listed,
    /// All the same.
    Shared,
}

pub(crate) struct Engine {
    pub(crate) peer: Peer,
    pub(crate) tally: Tally,
    pub(crate) clock: Clock,
    poller: Poller,
    sockets: Vec<Socket>,
    publishers: Vec<Publisher>,
    /// Senders whose last call is answered, the one that has rested longest first.
    free: VecDeque<usize>,
    channels: Channels,
    /// Begins every client id of this run: what comes from another one is not ours.
    tag: String,
    /// Bytes of a message.
    payload: usize,
    /// The number of the next message of each channel.
    numbers: Vec<u32>,
    tokens: Vec<Box<str>>,
    /// Sockets that are being opened, and those that are open.
    opening: usize,
    open: usize,
    /// Whether sockets remember where they are.
    keeps_cursors: bool,
    scratch: Box<[u8]>,
    happened: Vec<Event>,
    calls: u64,
    seed: u64,
}

impl Engine {
    /// # Errors
    /// What the system says, if it gives no epoll or no timer.
    pub(crate) fn new(peer: Peer, channels: Channels, payload: usize) -> Result<Self, String> {
        let poller = Poller::new().map_err(|error| format!("this machine gives no epoll: {error}"))?;
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| format!("this machine gives no random bytes: {error}"))?;
        let seed = u64::from_ne_bytes(seed);
        Ok(Self {
            keeps_cursors: false,
            peer,
            tally: Tally::default(),
            clock: Clock::start(),
            poller,
            sockets: Vec::new(),
            publishers: Vec::new(),
            free: VecDeque::new(),
            channels,
            tag: format!("bench-{:08x}", seed as u32),
            payload,
            numbers: Vec::new(),
            tokens: Vec::new(),
            opening: 0,
            open: 0,
            scratch: vec![0; SCRATCH_BYTES].into(),
            happened: Vec::new(),
            calls: 0,
            seed: seed | 1,
        })
    }

    /// The client id of a socket.
    pub(crate) fn channel(&self, socket: u32) -> String {
        match self.channels {
            Channels::Shared => format!("{}-everybody", self.tag),
            Channels::Own | Channels::Listed => format!("{}-{socket:07}", self.tag),
        }
    }

    /// Sockets that are open.
    pub(crate) fn open_sockets(&self) -> usize {
        self.open
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn random(&mut self, bound: u32) -> u32 {
        // xorshift64: the state is never 0.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (((self.seed >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// Handles what is ready, and waits for it until then at most.
    ///
    /// # Errors
    /// What the system says, if it no longer tells of events.
    pub(crate) fn poll(&mut self, until: u64) -> Result<(), String> {
        let wait = until.saturating_sub(self.clock.now());
        let wait = wait.saturating_sub(SPIN_NANOSECONDS);
        let mut happened = std::mem::take(&mut self.happened);
        self.poller
            .wait(wait, &mut happened)
            .map_err(|error| format!("waiting for sockets failed: {error}"))?;
        for event in happened.drain(..) {
            if event.token >= PUBLISHERS {
                self.publisher_event((event.token - PUBLISHERS) as usize, event);
            } else {
                self.socket_event(event.token as usize, event);
            }
        }
        self.happened = happened;
        Ok(())
    }

    /// Waits until a condition holds, or the time is over; tells which.
    ///
    /// # Errors
    /// Those of [`poll`](Self::poll).
    pub(crate) fn wait_until(
        &mut self,
        end: u64,
        mut holds: impl FnMut(&Self) -> bool,
    ) -> Result<bool, String> {
        loop {
            if holds(self) {
                return Ok(true);
            }
            if self.clock.now() >= end {
                return Ok(false);
            }
            self.poll(end.min(self.clock.now() + 10_000_000))?;
        }
    }

    /// Messages that were sent, not refused, and did not come to a socket that they were for.
    pub(crate) fn lost(&self) -> u64 {
        let refused = &self.tally.refused;
        let each = self.sockets.iter().enumerate().map(|(index, socket)| {
            let channel = match self.channels {
                Channels::Own => index,
                Channels::Shared | Channels::Listed => 0,
            };
            let sent = self.numbers.get(channel).copied().unwrap_or(0);
            socket.course.lost(sent, |number| refused.contains(&(channel as u32, number)))
        });
        each.sum()
    }
}
