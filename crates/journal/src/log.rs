//! What the one writer and the many readers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::address::{LogStart, Offset};
use crate::index::Index;
use crate::segment::Segment;

/// The log as readers see it.
pub(crate) struct Log {
    pub(crate) epoch: u64,
    pub(crate) index: Index,
    kept: RwLock<Kept>,
    /// The last record in the files. Raised before the index tells of the record, so that what the index
    /// names can be read.
    written: AtomicU64,
    /// The last record. Raised after the index tells of it, so that what lies before the end can be found.
    end: AtomicU64,
    /// Keys whose newest record lies here or before may be unknown. Raised before the index forgets them.
    forgotten: AtomicU64,
}

/// What changes together when a segment is added or dropped.
struct Kept {
    /// Oldest first, never empty. The last one is the one being written.
    segments: Vec<Arc<Segment>>,
    start: LogStart,
}

impl Log {
    /// A log of at least one segment, oldest first. Of keys whose newest record is `forgotten` or lies before it the
    /// index need not tell.
    pub(crate) fn new(
        epoch: u64,
        index: Index,
        segments: Vec<Arc<Segment>>,
        end: Offset,
        forgotten: Offset,
    ) -> Self {
        let start = segments.first().map(|segment| start_at(segment)).unwrap_or_default();
        let kept = RwLock::new(Kept { segments, start });
        let (written, end) = (AtomicU64::new(end.0), AtomicU64::new(end.0));
        Self { epoch, index, kept, written, end, forgotten: AtomicU64::new(forgotten.0) }
    }

    pub(crate) fn start(&self) -> LogStart {
        self.kept.read().start
    }

    pub(crate) fn kept_segments(&self) -> usize {
        self.kept.read().segments.len()
    }

    /// Bytes of all kept segments. Between two of them there may be a leap, which takes none.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let kept = self.kept.read();
        let sealed = kept.segments.windows(2).map(|pair| pair[1].header.previous_end - pair[0].base());
        let active = kept.segments.last().map_or(0, |active| self.end().0.saturating_sub(active.base()));
        sealed.sum::<u64>() + active
    }

    pub(crate) fn end(&self) -> Offset {
        Offset(self.end.load(Ordering::Acquire))
    }

    pub(crate) fn forgotten(&self) -> Offset {
        Offset(self.forgotten.load(Ordering::Acquire))
    }

    /// From now on keys whose newest record is `upto` or lies before it may be forgotten. Never lowers.
    pub(crate) fn forget(&self, upto: Offset) {
        self.forgotten.fetch_max(upto.0, Ordering::AcqRel);
    }

    /// Whether there is anything at `offset` yet.
    pub(crate) fn is_written(&self, offset: Offset) -> bool {
        offset.0 <= self.written.load(Ordering::Acquire)
    }

    /// The records up to `last` are in the files.
    pub(crate) fn set_written(&self, last: Offset) {
        self.written.store(last.0, Ordering::Release);
    }

    /// The index tells of the records up to `end`.
    pub(crate) fn set_end(&self, end: Offset) {
        self.end.store(end.0, Ordering::Release);
    }

    /// The segment that holds the record at `offset`, or held it: `None` if it has been dropped.
    pub(crate) fn segment_of(&self, offset: Offset) -> Option<Arc<Segment>> {
        let kept = self.kept.read();
        // Most reads are of what was written last.
        let newest = kept.segments.last().filter(|segment| segment.base() <= offset.0);
        newest.cloned().or_else(|| {
            let after = kept.segments.partition_point(|segment| segment.base() <= offset.0);
            kept.segments.get(after.checked_sub(1)?).cloned()
        })
    }

    /// The oldest segment, unless it is the one being written.
    pub(crate) fn oldest_sealed(&self) -> Option<Arc<Segment>> {
        let kept = self.kept.read();
        kept.segments.first().filter(|_| kept.segments.len() > 1).cloned()
    }

    /// Begins a new segment.
    pub(crate) fn push(&self, segment: Arc<Segment>) {
        self.kept.write().segments.push(segment);
    }

    /// Drops the oldest segment; returns where the log starts then.
    pub(crate) fn drop_oldest(&self) -> LogStart {
        let mut kept = self.kept.write();
        let dropped = kept.segments.remove(0);
        kept.start = kept.segments.first().map(|segment| start_at(segment)).unwrap_or_default();
        let start = kept.start;
        drop(kept);
        // Freeing its memory or blocks is not done under the lock.
        drop(dropped);
        start
    }
}

fn start_at(segment: &Segment) -> LogStart {
    LogStart { offset: segment.header.last_offset, time_ms: segment.header.last_time_ms }
}
