//! Filling the index at a start, from the newest keys to the oldest, so that older places never replace
//! newer ones.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::address::Offset;
use crate::disk::Disk;
use crate::error::{OpenError, corrupt, failed};
use crate::files::Span;
use crate::index::Index;
use crate::keys::{self, KeySet};
use crate::options::{IdempotencyEntry, Options, millis};
use crate::scan::Scan;
use crate::segment::Segment;

/// What is gathered from the files of keys, and from the segments that have none.
pub(crate) struct Load<'a> {
    disk: &'a dyn Disk,
    options: &'a Options,
    epoch: u64,
    now_ms: u64,
    pub(crate) index: Index,
    /// Newest first while loading.
    idempotency: Vec<IdempotencyEntry>,
    pub(crate) records_scanned: u64,
    /// Sealed segments without a file of keys, oldest first.
    pub(crate) unlisted: VecDeque<Arc<Segment>>,
    /// Segments that were dropped but whose keys are remembered, oldest first.
    pub(crate) dropped: VecDeque<Span>,
    /// Files of keys that have outlived their segments, oldest first.
    pub(crate) orphans: VecDeque<u64>,
}

impl<'a> Load<'a> {
    pub(crate) fn new(disk: &'a dyn Disk, options: &'a Options, epoch: u64, now_ms: u64) -> Self {
        Self {
            disk,
            options,
            epoch,
            now_ms,
            index: Index::new(),
            idempotency: Vec::new(),
            records_scanned: 0,
            unlisted: VecDeque::new(),
            dropped: VecDeque::new(),
            orphans: VecDeque::new(),
        }
    }

    /// Scans the last segment, up to the first record that is not good.
    pub(crate) fn active(&mut self, segment: &Segment) -> Result<Scan, OpenError> {
        let size = segment.file.size().map_err(self.failed("read a segment"))?;
        let scanned = KeySet::scan(segment, self.epoch, size);
        let (set, scan) = scanned.map_err(self.failed("read a segment"))?;
        self.records_scanned += scan.records;
        self.take(set);
        Ok(scan)
    }

    /// Loads the keys of all segments but the last; returns where these lie, oldest first.
    pub(crate) fn sealed(&mut self, segments: &[Arc<Segment>]) -> Result<VecDeque<Span>, OpenError> {
        let mut spans = VecDeque::new();
        for pair in segments.windows(2).rev() {
            let [segment, next] = pair else { continue };
            let span = Span {
                base: segment.base(),
                end: next.header.previous_end,
                last_offset: next.header.last_offset,
                last_time_ms: next.header.last_time_ms,
            };
            // Who accepts a loss wants to be rid of all damage, also of that which a start would not see.
            let listed = if self.options.accept_loss { None } else { self.listed(span)? };
            let set = match listed {
                Some(set) => set,
                None => self.unlisted(segment, span)?,
            };
            self.take(set);
            spans.push_front(span);
        }
        Ok(spans)
    }

    /// The file of keys of a sealed segment, if it is there and tells of this very segment.
    fn listed(&self, span: Span) -> Result<Option<KeySet>, OpenError> {
        match KeySet::load(self.disk, self.epoch, span.base) {
            Ok(set) => Ok(set.filter(|set| set.spans.last() == Some(&span))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read a file of keys")(error)),
        }
    }

    /// The keys of a sealed segment that has no such file.
    fn unlisted(&mut self, segment: &Arc<Segment>, span: Span) -> Result<KeySet, OpenError> {
        let scanned = KeySet::scan(segment, self.epoch, span.end - span.base);
        let (set, scan) = scanned.map_err(self.failed("read a segment"))?;
        if set.spans != [span] {
            return Err(corrupt(span.base, span.base + scan.end));
        }
        self.records_scanned += scan.records;
        if self.options.keys_files {
            self.unlisted.push_front(Arc::clone(segment));
        }
        Ok(set)
    }

    /// Loads the keys of segments that have been dropped. What is damaged there is forgotten.
    pub(crate) fn orphans(&mut self, first_base: u64) -> Result<(), OpenError> {
        let names = self.disk.list().map_err(self.failed("list the files of keys"))?;
        let remembered_ms = self.now_ms.saturating_sub(self.options.index_retention_ms());
        for base in keys::bases(&names).range(..first_base).rev() {
            let set =
                KeySet::load(self.disk, self.epoch, *base).map_err(self.failed("read a file of keys"))?;
            let Some(mut set) = set.filter(|set| is_remembered(set, remembered_ms)) else {
                drop(self.disk.remove(&keys::name(*base)));
                continue;
            };
            set.spans.retain(|span| span.last_time_ms >= remembered_ms);
            let oldest = set.spans.first().map_or(0, |span| span.base);
            set.keys.retain(|(_, place)| place.offset >= Offset(oldest));
            // A file that was merged into a newer one, just before a crash, tells nothing new.
            let newest_known = self.dropped.front().map_or(first_base, |span| span.base);
            for span in set.spans.iter().rev().filter(|span| span.base < newest_known) {
                self.dropped.push_front(*span);
            }
            self.orphans.push_front(*base);
            self.take(set);
        }
        Ok(())
    }

    fn take(&mut self, set: KeySet) {
        for (key, place) in set.keys {
            self.index.put_older(key, place);
        }
        let since_ms = self.now_ms.saturating_sub(millis(self.options.idempotency_window));
        let recent = set.idempotency.into_iter().rev().filter(|entry| entry.time_ms >= since_ms);
        self.idempotency.extend(recent);
    }

    /// The hashes within the window, oldest first, each record once.
    pub(crate) fn take_idempotency(&mut self) -> Vec<IdempotencyEntry> {
        let mut entries = std::mem::take(&mut self.idempotency);
        entries.sort_by_key(|entry| entry.offset);
        entries.dedup_by_key(|entry| entry.offset);
        entries
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(io::Error) -> OpenError + use<'a> {
        failed(self.disk, doing)
    }
}

fn is_remembered(set: &KeySet, since_ms: u64) -> bool {
    set.spans.last().is_some_and(|span| span.last_time_ms >= since_ms)
}
