//! The seam between delivery and whatever stores: what every broker promises.

use crate::{
    error::{PublishError, ReadError},
    key::ChannelKey,
    message::{Draft, History, Message, Page, Passing, Position, Recipients, Stored},
};
use async_trait::async_trait;
use protocol::{
    cursor::{Cursor, Offset},
    id::ClientId,
    message::Data,
};
use serde::{Deserialize, Serialize};
use std::sync::Weak;

/// By what other nodes find this one, for as long as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeNumber(pub u32);

/// What a client said at one node to a socket of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The socket's name.
    pub socket: String,
    /// As the client wrote it.
    pub text: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heard {
    /// It was done.
    Done,
    /// No socket of this name is there.
    NoSuchSocket,
    /// It is none of the words.
    Invalid,
    /// The socket was closed for it, with this code and sentence.
    Closed(u16, String),
}

/// Where a broker's messages come out: the hub of this node.
///
/// Announcing is a value, not an event: [`announce`](Self::announce) only makes a message visible, in the order of
/// offsets; sending is done by whoever calls [`flush`](Self::flush) or later finds a socket behind.
pub trait Announce: Send + Sync {
    /// Makes a stored message visible. Called in the order of offsets, under the broker's lock: it must be short and
    /// must not call back.
    fn announce(&self, message: Message);

    /// Sends what was announced. Called after one or more announcements, outside of any lock.
    fn flush(&self, how: Flush);

    /// Sends a message that nobody keeps to those of the next sockets that are not behind, as many as one turn has room for: where
    /// to go on when others had their turn, if there are more.
    fn pass(&self, message: &Passing, from: Place) -> Option<Place>;

    /// A channel was deleted: its sockets end. Called after the deletion is in force, outside of any lock.
    fn deleted(&self, key: ChannelKey);

    /// A client said something at another node to a socket that is to be here.
    fn word(&self, word: &Word) -> Heard;

    /// The log began a new life while the program was running: every socket is sent to come back, and is told of a
    /// gap when it does.
    fn new_epoch(&self);
}

/// Who sends what was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// The calling thread may write to sockets itself.
    Here,
    /// The calling thread has other work (the next batch): hand over.
    HandOver,
}

/// Where a message that nobody keeps is, on its way through the sockets of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which of its channels comes next.
    pub channel: usize,
    /// Which socket of that one.
    pub socket: usize,
}

/// Sends a message that nobody keeps turn by turn, each from the place that the one before returned.
pub(crate) async fn in_turns(turn: impl Fn(Place) -> Option<Place>) {
    let mut from = Place::default();
    while let Some(next) = turn(from) {
        from = next;
        tokio::task::yield_now().await;
    }
}

/// Where begins what [`Broker::newest`] knows all of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStart {
    /// Messages before it are gone, or only [`Broker::history`] tells of them; 0 if there are none such.
    pub offset: Offset,
    /// When the youngest of them was stored, in milliseconds since 1970; 0 if there are none, and the highest number if
    /// that is not known.
    pub time_ms: u64,
}

/// From when on a channel counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// What lies up to here is unreadable, and tokens with an earlier position open nothing.
    pub at: Cursor,
    /// When, in milliseconds since 1970: for tokens without a position in this life of the log.
    pub time_ms: u64,
}

/// Whether a broker does its work, as a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Good,
    /// Messages are refused, for this reason. What is stored is still delivered.
    Refusing(PublishError),
}

/// Stores, orders and announces messages.
///
/// `now_ms` is the caller's clock in milliseconds since 1970.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Says where announcements go, for as long as whoever wants them lives. Called once, before anything else.
    fn attach(&self, announce: Weak<dyn Announce>);

    /// The key of a client id's channel.
    fn key(&self, id: &ClientId) -> ChannelKey;

    /// The last announced place. Rises within an epoch.
    fn end(&self) -> Cursor;

    /// Where the log begins: what was before may be gone, or must be asked for.
    fn start(&self) -> LogStart;

    /// Stores a message. When this returns `Ok`, the message survives what the durability names, and was or will be
    /// announced, on every node. Calls for one channel are stored in the order in which they return.
    ///
    /// # Errors
    /// [`PublishError`]; only `OutcomeUnknown` leaves open whether the message is kept.
    async fn publish(&self, draft: Draft, now_ms: u64) -> Result<Stored, PublishError>;

    /// Stores many, in order, with one answer each.
    async fn publish_many(&self, drafts: Vec<Draft>, now_ms: u64) -> Vec<Result<Stored, PublishError>>;

    /// Gives a message to whoever listens now, on any node, and stores nothing.
    ///
    /// # Errors
    /// [`PublishError`] if the other nodes could not be reached.
    async fn pass(&self, to: Recipients, data: Data) -> Result<(), PublishError>;

    /// This node holds a socket of that channel: announcements of it are wanted from now on. Call it before
    /// [`newest`](Self::newest), so that nothing falls between.
    fn follow(&self, id: &ClientId, key: ChannelKey);

    /// The last socket of that channel on this node is gone.
    fn unfollow(&self, id: &ClientId, key: ChannelKey);

    /// The newest announced message of a channel; 0 if none lies behind [`start`](Self::start).
    ///
    /// # Errors
    /// [`ReadError`].
    async fn newest(&self, id: &ClientId, key: ChannelKey) -> Result<Offset, ReadError>;

    /// Reads what is kept of a channel, oldest first.
    ///
    /// # Errors
    /// [`ReadError`]. A message that was trimmed meanwhile is a gap, not an error.
    async fn history(
        &self,
        id: &ClientId,
        key: ChannelKey,
        position: Position,
        page: Page,
        now_ms: u64,
    ) -> Result<History, ReadError>;

    /// Deletes a channel: what is kept of it can be read no more, its earlier tokens open nothing, its sockets end. What
    /// is sent later, and tokens that are made later, are not touched. When this returns `Ok` that survives what the
    /// durability names.
    ///
    /// # Errors
    /// [`PublishError`]; nothing is deleted then, or perhaps, after `OutcomeUnknown`.
    async fn delete(&self, id: &ClientId, key: ChannelKey, now_ms: u64) -> Result<Deletion, PublishError>;

    /// The last deletion of a channel that this node has heard of, for as long as a token that it refuses may live. Other
    /// nodes hear of it a moment after `delete` has returned.
    fn deletion(&self, key: ChannelKey) -> Option<Deletion>;

    /// This node's number; `None` if there are no others.
    fn node(&self) -> Option<NodeNumber> {
        None
    }

    /// Hands a client's word to the node that has its socket.
    ///
    /// # Errors
    /// [`PublishError::Away`]: nobody heard it; `OutcomeUnknown`: perhaps.
    async fn hand_over(&self, _to: NodeNumber, _word: Word) -> Result<Heard, PublishError> {
        Ok(Heard::NoSuchSocket)
    }

    /// Drops what is too old and keeps the house; called about once a second.
    fn tick(&self, now_ms: u64);

    /// Whether messages are taken.
    fn health(&self) -> Health;

    /// Bytes that the kept messages take, for metrics.
    fn kept_bytes(&self) -> u64;

    /// Files that hold the kept messages, for metrics; 0 where the store is elsewhere.
    fn kept_segments(&self) -> u64 {
        0
    }

    /// Finishes what was taken, syncs, and marks a clean end. Later calls of `publish` answer `Stopping`.
    async fn close(&self);
}

impl Deletion {
    /// Whether a token was made before the deletion: by its position, else by the second in which it was made.
    #[must_use]
    pub fn refuses(&self, position: Option<Cursor>, issued_at: u64) -> bool {
        match position {
            Some(cursor) if cursor.epoch == self.at.epoch => cursor.offset < self.at.offset,
            _ => issued_at <= self.time_ms / 1000,
        }
    }
}
