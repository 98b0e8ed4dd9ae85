//! What the book's ledger holds: a record for each change, and those that stand for what is left of them.

use serde::{Deserialize, Serialize};

/// One record. Its number in the ledger is the generation of the notice that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// A client id came or went.
    Changed {
        id: &'a str,
        connected: bool,
        time_ms: u64,
        /// The application knows nothing of the notice before; both are dropped.
        cancels: bool,
    },
    /// A notice was told, or never will be.
    Settled { id: &'a str, generation: u64 },
    /// A channel was deleted.
    Deleted { key: u128, epoch: u64, offset: u64, time_ms: u64 },
    /// How far a reader of the development wire has come.
    Position { token: u128, epoch: u64, offset: u64, expires_at: u64 },
    /// In a rewritten ledger: a client id that is connected or has notices.
    Client { id: &'a str, connected: bool },
    /// In a rewritten ledger, under its own number: a notice that waits.
    Waiting { id: &'a str, connected: bool, time_ms: u64 },
}

impl<'a> Record<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("memory takes every record")
    }

    /// `None` for a record that this release does not know.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
