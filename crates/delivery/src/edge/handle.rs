//! What other threads may ask of an edge thread.

use crate::{channel::Channel, entry::Fresh};
use parking_lot::Mutex;
use protocol::socket::Seconds;
use std::sync::Arc;
use tokio::sync::Notify;

/// An edge as other threads see it.
#[derive(Debug)]
pub struct EdgeHandle {
    index: u16,
    queue: Mutex<Queue>,
    /// Slots of sockets that take no more.
    blocked: Mutex<Vec<u32>>,
    /// As it was at the edge's last look.
    lag: Mutex<Lag>,
    notify: Notify,
}

/// How far sockets are behind that take no more: as of the last second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many there are.
    pub sockets: u64,
    /// Bytes of the log between one of them and its channel's newest message, at most.
    pub bytes_max: u64,
    /// For how long one of them has taken nothing, at most.
    pub seconds_max: Seconds,
}

impl Lag {
    /// One more is so far behind.
    pub(super) fn add(&mut self, bytes: u64, seconds: Seconds) {
        self.join(Self { sockets: 1, bytes_max: bytes, seconds_max: seconds });
    }

    /// That of both.
    pub(crate) fn join(&mut self, other: Self) {
        self.sockets += other.sockets;
        self.bytes_max = self.bytes_max.max(other.bytes_max);
        self.seconds_max = self.seconds_max.max(other.seconds_max);
    }
}

/// Work for an edge. Bounded: a channel stands here once, a socket once per reason.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Channels with news for sockets of this edge.
    pub(super) channels: Vec<(Arc<Channel>, Fresh)>,
    /// Slots of sockets that need pages from the broker.
    pub(super) replays: Vec<u32>,
    /// Slots of sockets of whose connection somebody else says that it takes bytes again, or has ended.
    pub(super) ready: Vec<u32>,
    /// Slots of sockets whose connection is gone or that were told to close.
    pub(super) ended: Vec<u32>,
    /// Send all sockets away.
    pub(super) drain: bool,
}

impl EdgeHandle {
    /// Most edges there can be: a channel marks them in 64 bits.
    pub const EDGES_MAX: u16 = 64;

    /// The edge with this number.
    #[must_use]
    pub fn new(index: u16) -> Arc<Self> {
        assert!(index < Self::EDGES_MAX, "the configuration allows no more edges");
        let (queue, blocked, lag) = Default::default();
        Arc::new(Self { index, queue, blocked, lag, notify: Notify::new() })
    }

    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// A channel has news. Does not wake; see [`wake`](Self::wake).
    pub(crate) fn channel(&self, channel: Arc<Channel>, fresh: Fresh) {
        self.queue.lock().channels.push((channel, fresh));
    }

    /// A socket needs pages from the broker.
    pub(crate) fn replay(&self, slot: u32) {
        self.queue.lock().replays.push(slot);
        self.wake();
    }

    /// A connection that is not the kernel's takes bytes again, or has ended.
    pub(crate) fn ready(&self, slot: u32) {
        self.queue.lock().ready.push(slot);
        self.wake();
    }

    #[cfg(test)]
    pub(crate) fn take_ready(&self) -> Vec<u32> {
        std::mem::take(&mut self.queue.lock().ready)
    }

    /// A socket takes no more. Does not wake: its edge looks once a second.
    pub(crate) fn blocked(&self, slot: u32) {
        self.blocked.lock().push(slot);
    }

    /// The sockets that took no more since the last call.
    pub(super) fn take_blocked(&self) -> Vec<u32> {
        std::mem::take(&mut *self.blocked.lock())
    }

    pub(crate) fn lag(&self) -> Lag {
        *self.lag.lock()
    }

    pub(super) fn set_lag(&self, lag: Lag) {
        *self.lag.lock() = lag;
    }

    /// A socket is to be ended.
    pub(crate) fn ended(&self, slot: u32) {
        self.queue.lock().ended.push(slot);
        self.wake();
    }

    /// The node stops: all sockets are sent away.
    pub(crate) fn drain(&self) {
        self.queue.lock().drain = true;
        self.wake();
    }

    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }

    pub(super) fn take(&self) -> Option<Queue> {
        let mut queue = self.queue.lock();
        let slots = queue.replays.len() + queue.ready.len() + queue.ended.len();
        let empty = queue.channels.is_empty() && slots == 0 && !queue.drain;
        (!empty).then(|| std::mem::take(&mut *queue))
    }
}
