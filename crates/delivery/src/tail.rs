//! The newest messages of the whole node, in memory: whoever keeps up is served from here and never from the disk.

use crate::entry::{Account, Entry};
use broker::message::Message;
use parking_lot::RwLock;
use protocol::cursor::{Epoch, Offset};
use smallvec::SmallVec;
use std::{collections::VecDeque, sync::Arc};

/// Messages that a socket still has to get, oldest first.
pub type Run = SmallVec<[Arc<Entry>; 8]>;

/// A socket that is further behind than this is served by pages from the broker: walking back longer would take
/// longer than the read it saves.
const RUN_MAX: usize = 1024;

/// The cache, bounded in bytes.
#[derive(Debug)]
pub struct Tail {
    /// By rising offset.
    entries: RwLock<VecDeque<Arc<Entry>>>,
    account: Account,
    bytes_max: usize,
}

impl Tail {
    /// An empty cache.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { entries: RwLock::default(), account: Account::default(), bytes_max }
    }

    /// Adds the newest message. Called in the order of offsets.
    pub fn push(&self, message: Message, epoch: Epoch) -> Arc<Entry> {
        let entry = Arc::new(Entry::new(message, epoch, &self.account));
        let mut entries = self.entries.write();
        debug_assert!(entries.back().is_none_or(|last| last.offset() < entry.offset()));
        entries.push_back(Arc::clone(&entry));
        while self.account.bytes() > self.bytes_max && entries.len() > 1 {
            entries.pop_front();
        }
        entry
    }

    /// Forgets everything: a new epoch.
    pub fn clear(&self) {
        self.entries.write().clear();
    }

    /// The messages of a channel after `cursor` up to `latest`, or `None` if not all of them are here.
    #[must_use]
    pub fn run(&self, key: broker::key::ChannelKey, cursor: Offset, latest: Offset) -> Option<Run> {
        let entries = self.entries.read();
        let mut run = Run::new();
        let mut offset = latest;
        while offset > cursor {
            if run.len() >= RUN_MAX {
                return None;
            }
            let index = entries.binary_search_by_key(&offset, |entry| entry.offset()).ok()?;
            let entry = &entries[index];
            offset = entry.message.link(key)?.previous;
            run.push(Arc::clone(entry));
        }
        run.reverse();
        Some(run)
    }
}
