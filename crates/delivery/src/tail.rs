//! The newest messages of the whole node, in memory: whoever keeps up is served from here and never from the disk.

use crate::entry::Entry;
use parking_lot::RwLock;
use protocol::cursor::Offset;
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
    inner: RwLock<Inner>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    /// By rising offset.
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
}

impl Tail {
    /// An empty cache.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { inner: RwLock::default(), bytes_max }
    }

    /// Adds the newest message. Called in the order of offsets.
    pub fn push(&self, entry: Arc<Entry>) {
        let mut inner = self.inner.write();
        debug_assert!(inner.entries.back().is_none_or(|last| last.offset() < entry.offset()));
        inner.bytes += entry.bytes();
        inner.entries.push_back(entry);
        while inner.bytes > self.bytes_max && inner.entries.len() > 1 {
            let oldest = inner.entries.pop_front().expect("there are at least two");
            inner.bytes -= oldest.bytes();
        }
    }

    /// Forgets everything: a new epoch.
    pub fn clear(&self) {
        *self.inner.write() = Inner::default();
    }

    /// The messages of a channel after `cursor` up to `latest`, or `None` if not all of them are here.
    #[must_use]
    pub fn run(&self, key: broker::key::ChannelKey, cursor: Offset, latest: Offset) -> Option<Run> {
        let inner = self.inner.read();
        let mut run = Run::new();
        let mut offset = latest;
        while offset > cursor {
            if run.len() >= RUN_MAX {
                return None;
            }
            let index = inner.entries.binary_search_by_key(&offset, |entry| entry.offset()).ok()?;
            let entry = &inner.entries[index];
            offset = entry.message.link(key)?.previous;
            run.push(Arc::clone(entry));
        }
        run.reverse();
        Some(run)
    }
}
