//! A channel that is open on this node: how far it has come, and whose sockets are in it.

use crate::socket::Socket;
use broker::key::ChannelKey;
use parking_lot::Mutex;
use protocol::{cursor::Offset, id::ClientId};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// An open channel.
#[derive(Debug)]
pub struct Channel {
    /// Where it lies in the hub and in the log.
    pub key: ChannelKey,
    /// Its name, for presence.
    pub id: ClientId,
    /// When the first of its present sockets came, in milliseconds since 1970.
    pub since_ms: u64,
    /// The newest announced message. A value, not a queue: a slow socket sees only the newest and reads what lies
    /// between.
    latest: AtomicU64,
    /// The highest cursor that any socket acknowledged; 0 for none.
    acked: AtomicU64,
    /// Edges that have this channel in their queue, a bit each: many messages are one piece of work.
    queued: AtomicU64,
    members: Mutex<Members>,
}

/// The sockets of a channel, each at a place of its own, so that leaving needs no search.
#[derive(Debug)]
struct Members {
    places: Vec<Option<Arc<Socket>>>,
    free: Vec<u32>,
    count: u32,
    /// Sockets that are being opened: the channel stays although nobody is in it yet.
    holds: u32,
}

impl Channel {
    /// A channel without sockets.
    #[must_use]
    pub fn new(key: ChannelKey, id: ClientId, since_ms: u64) -> Self {
        Self {
            key,
            id,
            since_ms,
            latest: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            // Nearly every channel has one socket.
            members: Mutex::new(Members {
                places: Vec::with_capacity(1),
                free: Vec::new(),
                count: 0,
                holds: 0,
            }),
        }
    }

    /// The newest announced message.
    #[must_use]
    pub fn latest(&self) -> Offset {
        Offset(self.latest.load(Ordering::Acquire))
    }

    /// A message was announced, or found to be the newest. Never lowers.
    pub fn raise(&self, offset: Offset) {
        self.latest.fetch_max(offset.0, Ordering::AcqRel);
    }

    /// Back to the beginning: a new epoch.
    pub fn restart(&self) {
        self.latest.store(0, Ordering::Release);
        self.acked.store(0, Ordering::Release);
    }

    /// The highest acknowledged place.
    #[must_use]
    pub fn acked(&self) -> Option<Offset> {
        Some(Offset(self.acked.load(Ordering::Acquire))).filter(|offset| offset.0 != 0)
    }

    /// A socket acknowledged everything up to here.
    pub fn acknowledge(&self, offset: Offset) {
        self.acked.fetch_max(offset.0, Ordering::AcqRel);
    }

    /// Marks the channel as queued on an edge; false if it already was.
    pub(crate) fn enqueue(&self, edge: u16) -> bool {
        let bit = 1 << edge;
        self.queued.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// The edge takes the channel from its queue. From now on a new announcement queues it again.
    pub(crate) fn dequeue(&self, edge: u16) {
        self.queued.fetch_and(!(1 << edge), Ordering::AcqRel);
    }

    /// Sockets in this channel.
    #[must_use]
    pub fn sockets(&self) -> u32 {
        self.members.lock().count
    }

    pub(crate) fn hold(&self) {
        self.members.lock().holds += 1;
    }

    /// Whether nothing keeps the channel open after this.
    pub(crate) fn release(&self) -> bool {
        let mut members = self.members.lock();
        members.holds -= 1;
        members.holds == 0 && members.count == 0
    }

    /// Takes a socket in, and tells it its place. `None` if there are already `max`.
    pub(crate) fn join(&self, max: u32, socket: impl FnOnce(u32) -> Arc<Socket>) -> Option<Arc<Socket>> {
        let mut members = self.members.lock();
        if members.count >= max {
            return None;
        }
        members.count += 1;
        let place = members.free.pop().unwrap_or_else(|| {
            members.places.push(None);
            u32::try_from(members.places.len() - 1).expect("bounded by the limit of sockets")
        });
        let socket = socket(place);
        members.places[place as usize] = Some(Arc::clone(&socket));
        Some(socket)
    }

    /// Lets a socket go; whether nothing keeps the channel open after this.
    pub(crate) fn leave(&self, place: u32) -> bool {
        let mut members = self.members.lock();
        if members.places[place as usize].take().is_some() {
            members.free.push(place);
            members.count -= 1;
        }
        members.holds == 0 && members.count == 0
    }

    /// Up to `max` sockets, from place `next` on, which is moved behind them. Empty at the end.
    pub(crate) fn members(&self, next: &mut usize, max: usize) -> smallvec::SmallVec<[Arc<Socket>; 4]> {
        let members = self.members.lock();
        let mut found = smallvec::SmallVec::new();
        while let Some(place) = members.places.get(*next) {
            if found.len() == max {
                break;
            }
            found.extend(place.clone());
            *next += 1;
        }
        found
    }

    /// Calls `each` for every socket, some at a time, so that nobody waits long for the list.
    pub(crate) fn for_each_socket(&self, mut each: impl FnMut(&Arc<Socket>)) {
        const AT_ONCE: usize = 256;
        let mut next = 0;
        loop {
            let members = self.members(&mut next, AT_ONCE);
            if members.is_empty() {
                return;
            }
            members.iter().for_each(&mut each);
        }
    }

    /// The edges whose threads own sockets of this channel, a bit each. For large channels, all.
    pub(crate) fn edges(&self, all: u64) -> u64 {
        const LOOK_MAX: usize = 16;
        let members = self.members.lock();
        if members.places.len() > LOOK_MAX {
            return all;
        }
        members.places.iter().flatten().fold(0, |bits, socket| bits | socket.edge_bit())
    }
}
