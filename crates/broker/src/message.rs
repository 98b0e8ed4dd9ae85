//! A message before and after it is stored.

use crate::{error::PublishError, key::ChannelKey};
use protocol::{
    cursor::{Cursor, Offset},
    frame::GapReason,
    id::ClientId,
    message::Data,
    socket::Transport,
};
use smallvec::SmallVec;
use std::{slice, sync::Arc};

/// Who a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One client id.
    One(ClientId),
    /// Many: one record, one offset.
    Many(Arc<[ClientId]>),
}

/// A message that is to be stored.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who it is for.
    pub to: Recipients,
    /// What is sent, in memory of its own: it is kept for long, and a slice of a connection's buffer would keep all of that.
    pub data: Data,
    /// Seconds after which it is no longer delivered; 0 for none. (What is not stored at all is not a draft of this
    /// kind; see `Broker::pass`.)
    pub ttl_seconds: u32,
    /// A send repeated with this key is stored once.
    pub idempotency_key: Option<Box<str>>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a message comes from, for those who measure and follow it on its way. It is not stored.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// When its request came, in microseconds since 1970; 0 where nobody knows.
    pub at_us: u64,
    /// Hears of each station of its way.
    pub follower: Option<Arc<dyn Follow>>,
}

/// Follows a message. Called where the message is handled, some of it under locks: it must be short and must not call
/// back.
pub trait Follow: Send + Sync + std::fmt::Debug {
    /// It is stored, as the durability asks, and visible, on the thread that has stored it.
    fn announced(&self, offset: Offset);

    /// It was written to a socket.
    fn written(&self, offset: Offset, transport: Transport);
}

/// What the sender hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The message's place; with many recipients and a broker that stores one message each, the last one's.
    pub offset: Offset,
    /// It was stored before, under the same Idempotency-Key.
    pub repeated: bool,
    /// Recipients it was not stored for. Always empty for one recipient, and on a broker that stores all or none.
    pub failed: Vec<(ClientId, PublishError)>,
}

/// One channel that a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The channel.
    pub key: ChannelKey,
    /// The message before this one in that channel; 0 if it is the first. Where that one is not known, a place before
    /// this message from which on there is none of that channel.
    pub previous: Offset,
    /// The how-manieth message of that channel this is, of those that are known; it rises by one from one announced
    /// message to the next.
    pub ordinal: u64,
}

/// A stored message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its place.
    pub offset: Offset,
    /// When it was stored, in milliseconds since 1970, by the clock of the node that took it; of one node it never runs
    /// back along the log.
    pub time_ms: u64,
    /// Seconds after which it is no longer delivered; 0 for none.
    pub ttl_seconds: u32,
    /// What was sent.
    pub data: Data,
    /// The channels it belongs to, by rising key. Nearly always one.
    pub links: SmallVec<[Link; 1]>,
    /// Where it comes from; nothing is known of those that were read back.
    pub origin: Origin,
}

/// A message that is sent to whoever listens right now and kept by nobody.
#[derive(Clone, Debug)]
pub struct Passing {
    /// What is sent.
    pub data: Data,
    /// The channels.
    pub keys: SmallVec<[ChannelKey; 1]>,
}

/// From where a channel is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// After this place.
    After(Cursor),
    /// From this time on, in milliseconds since 1970: for tokens that were signed outside and have no place.
    Since(u64),
}

/// How much to read at once. At least one message is given if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Messages at most.
    pub messages: usize,
    /// Bytes of data at most.
    pub bytes: usize,
}

/// A stretch of what is kept.
#[derive(Clone, Debug)]
pub struct History {
    /// Said before the messages: some that should be here may be gone.
    pub gap: Option<GapReason>,
    /// The place from which `messages` go on.
    pub from: Offset,
    /// Oldest first; without those whose time to live is over.
    pub messages: Vec<Message>,
    /// Up to here nothing is left out: the position of the next read, or of a socket that had all this.
    pub upto: Offset,
    /// There is more after `upto`.
    pub more: bool,
}

impl Recipients {
    /// The ids, one or many.
    #[must_use]
    pub fn ids(&self) -> &[ClientId] {
        match self {
            Recipients::One(id) => slice::from_ref(id),
            Recipients::Many(ids) => ids,
        }
    }
}

impl Message {
    /// How this message hangs in a channel, if it belongs to it.
    #[must_use]
    pub fn link(&self, key: ChannelKey) -> Option<&Link> {
        match self.links.as_slice() {
            [link] => (link.key == key).then_some(link),
            links => links.binary_search_by_key(&key, |link| link.key).ok().map(|index| &links[index]),
        }
    }

    /// Whether its time to live is over.
    #[must_use]
    pub fn expired(&self, now_ms: u64) -> bool {
        self.ttl_seconds != 0 && now_ms >= self.time_ms + u64::from(self.ttl_seconds) * 1000
    }
}
