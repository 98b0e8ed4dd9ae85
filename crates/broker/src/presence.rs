//! The seam between delivery and whatever remembers who is there: what every presence store promises.
//!
//! A client id is *connected* while it has a socket anywhere, and *disconnected* after that. A change is recorded
//! first and told to the application then, as a [`Notice`]; the record outlives a crash, so the last state always goes
//! out. What the application has not been told of may be dropped in pairs that cancel out.

use crate::error::RecordError;
use async_trait::async_trait;
use protocol::{cursor::Cursor, id::ClientId};
use std::time::Duration;

/// A client id has its first socket, or no longer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose state changes.
    pub id: ClientId,
    /// The new state.
    pub connected: bool,
}

/// What the application is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Of whom.
    pub id: ClientId,
    /// Whether it came or went.
    pub connected: bool,
    /// Rises from one notice of a client id to the next, also across restarts and lost data. Below 2^53, so that every
    /// language can hold it.
    pub generation: u64,
    /// When it came or went, in milliseconds since 1970.
    pub time_ms: u64,
}

/// How much a store holds, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Client ids that were recorded as connected.
    pub connected: usize,
    /// Notices that the application has not been told.
    pub waiting: usize,
}

/// Remembers who is connected, and what the application is still to be told.
///
/// `now_ms` is the caller's clock in milliseconds since 1970.
#[async_trait]
pub trait PresenceStore: Send + Sync {
    /// Whether other nodes ask for what is recorded here: then it is recorded also where no application is told.
    fn is_shared(&self) -> bool {
        false
    }

    /// The state that was recorded last, of all nodes together.
    fn is_connected(&self, id: &ClientId) -> bool;

    /// Whether a client id is recorded as connected to this node.
    fn is_here(&self, id: &ClientId) -> bool {
        self.is_connected(id)
    }

    /// All who are recorded as connected to this node: after a start, those whose return is waited for.
    fn here(&self) -> Vec<ClientId>;

    /// Whether a client id is recorded as connected to another node.
    fn is_elsewhere(&self, _id: &ClientId) -> bool {
        false
    }

    /// The first `limit` client ids after `after` that are recorded as connected to other nodes, in the order of their
    /// bytes.
    fn elsewhere(&self, _after: Option<&ClientId>, _limit: usize) -> Vec<ClientId> {
        Vec::new()
    }

    /// All of whom this node is to tell the application something.
    fn waiting(&self) -> Vec<ClientId>;

    /// Waits until this node is to tell the application something that no call here brought about: because of what
    /// other nodes recorded, or because the duty of telling came to this node. One caller waits.
    async fn news(&self) -> Vec<ClientId> {
        std::future::pending().await
    }

    /// Waits until this node does not count any more: the others heard nothing of it for too long, and have its clients
    /// recorded as disconnected. The caller then ends all of its sockets and calls again; only that brings the node
    /// back. Nothing is recorded meanwhile. One caller waits.
    async fn counted_out(&self) {
        std::future::pending().await
    }

    /// This node stops, and its sockets come back elsewhere, all of them within this time. Who does not is
    /// disconnected then.
    async fn leave(&self, _return_within: Duration) {}

    /// Records changes of this node's clients, those that are none left out. When this returns `Ok` they survive what the
    /// durability names.
    /// Returns those of whom there is now something to tell.
    ///
    /// # Errors
    /// [`RecordError`]; none of them counts then, and the call may be repeated.
    async fn record(&self, changes: Vec<Change>, now_ms: u64) -> Result<Vec<ClientId>, RecordError>;

    /// The oldest notice of a client id. From now on the application may know of it, so it is dropped no more. `None` also
    /// while another node tells the application.
    fn begin(&self, id: &ClientId) -> Option<Notice>;

    /// The application was told, or is never to be. Returns those of whom there is more to tell.
    async fn settle(&self, notices: Vec<Notice>) -> Vec<ClientId>;

    /// How much there is.
    fn standing(&self) -> Standing;

    /// How far a reader of the old development wire has come that opened with the token of this hash.
    fn position(&self, token: u128) -> Option<Cursor>;

    /// Keeps how far it has come, for as long as its token lives (`expires_at`: seconds since 1970). Written when this
    /// returns, not synced: a message is then lost to a power loss rather than repeated by a crash.
    async fn keep_position(&self, token: u128, position: Cursor, expires_at: u64);
}
