//! Dropping what is too old or too much: whole segments, and keys that have been silent for long.

use std::io;
use std::sync::Arc;

use crate::address::{LogStart, Offset};
use crate::chore::{Chore, Work};
use crate::error::{RetainError, is_full};
use crate::files::{self, Files, Span};
use crate::keys;
use crate::options::millis;
use crate::segment::HEADER_BYTES;
use crate::writer::Writer;

/// A segment is sealed when its first record has an eighth of the age at which records may go, so that
/// none is kept much longer.
const AGE_STEPS: u64 = 8;

/// Shards of the index in which one call looks for keys to forget: all of them in 16 calls.
const SHARDS_PER_CALL: usize = 16;

/// So many files of keys that have outlived their segments are merged into one.
const ORPHANS_MAX: usize = 8;

/// What was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// Where the log starts now.
    pub start: LogStart,
    /// Segments that were dropped.
    pub segments: usize,
    /// Bytes that were freed.
    pub bytes: u64,
}

impl Writer {
    /// Drops segments that are too old or too many, and forgets keys. Call it about once a second.
    ///
    /// It also does one piece of waiting work. Where appends must not wait some 100 ms for that, first
    /// [take](Self::take_chore) what there is and have another thread do it.
    pub fn retain(&mut self, now_ms: u64) -> Result<Option<Trimmed>, RetainError> {
        self.seal_by_age(now_ms);
        let trimmed = self.files.drop_old(now_ms)?;
        self.forget_some(now_ms);
        self.files.drop_orphans(now_ms)?;
        match self.take_chore(now_ms).map_or(Ok(()), Chore::run) {
            // That something was dropped must be heard of; a chore that failed is made up for at a start.
            Err(error) if trimmed.is_none() => Err(error.into()),
            _ => Ok(trimmed),
        }
    }

    /// Work for another thread, if there is any: after a segment was sealed, and after many were dropped.
    /// What is not taken [`retain`](Self::retain) does itself.
    pub fn take_chore(&mut self, now_ms: u64) -> Option<Chore> {
        let work = match self.files.list_oldest() {
            Some(work) => work,
            None => self.files.merge_orphans(now_ms, millis(self.files.options.idempotency_window))?,
        };
        Some(self.files.chore(work))
    }

    fn seal_by_age(&mut self, now_ms: u64) {
        let step_ms = millis(self.files.options.retention) / AGE_STEPS;
        let is_old = |first_ms: u64| now_ms.saturating_sub(first_ms) > step_ms;
        if !self.is_poisoned() && self.files.active.first_time_ms.is_some_and(is_old) {
            // A full disk passes; any other failure the next append tells of.
            drop(self.rotate());
        }
    }

    fn forget_some(&mut self, now_ms: u64) {
        let horizon = self.files.horizon(now_ms);
        let log = Arc::clone(&self.files.log);
        let sweep = self.files.sweep;
        // One sweep is finished before the next begins, however fast the horizon moves.
        let (next, before) = if sweep.0 < log.index.shard_count() { sweep } else { (0, horizon) };
        if before > self.files.swept {
            for shard in next..next + SHARDS_PER_CALL {
                log.index.forget(shard, before);
            }
            self.files.sweep = (next + SHARDS_PER_CALL, before);
            if next + SHARDS_PER_CALL >= log.index.shard_count() {
                self.files.swept = before;
            }
        }
    }
}

impl Files {
    fn drop_old(&mut self, now_ms: u64) -> io::Result<Option<Trimmed>> {
        let mut trimmed: Option<Trimmed> = None;
        while let Some(span) = self.sealed.front().copied().filter(|span| self.may_go(span, now_ms)) {
            self.list_before_drop(&span)?;
            if let Some(segment) = self.log.oldest_sealed() {
                // Each removal is stored before the next, so that no crash leaves a hole in the middle.
                files::remove(&*self.disk, &segment.name())?;
                self.unsynced.retain(|other| other.base() != span.base);
            }
            let start = self.log.drop_oldest();
            self.sealed.pop_front();
            self.dropped.push_back(span);
            if self.options.keys_files {
                self.orphans.push_back(span.base);
            }
            let so_far = trimmed.map_or((0, 0), |trimmed| (trimmed.segments, trimmed.bytes));
            let bytes = so_far.1 + span.end - span.base;
            trimmed = Some(Trimmed { start, segments: so_far.0 + 1, bytes });
        }
        Ok(trimmed)
    }

    fn may_go(&self, oldest: &Span, now_ms: u64) -> bool {
        let kept: u64 = self.sealed.iter().map(|span| span.end - span.base).sum();
        let is_too_much = kept + self.active.used > self.options.retention_bytes;
        let age_ms = now_ms.saturating_sub(oldest.last_time_ms);
        is_too_much || age_ms > millis(self.options.retention) || oldest.end - oldest.base == HEADER_BYTES
    }

    /// The keys of a segment must be on file before the segment goes.
    fn list_before_drop(&mut self, span: &Span) -> io::Result<()> {
        if self.unlisted.front().is_some_and(|segment| segment.base() == span.base)
            && let Some(work) = self.list_oldest()
        {
            match self.chore(work).run() {
                // When the disk is full, making room comes first.
                Err(error) if !is_full(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn list_oldest(&mut self) -> Option<Work> {
        let segment = self.unlisted.pop_front()?;
        let span = self.sealed.iter().find(|span| span.base == segment.base())?;
        Some(Work::List { until: span.end - span.base, segment })
    }

    fn merge_orphans(&mut self, now_ms: u64, window_ms: u64) -> Option<Work> {
        if self.orphans.len() <= ORPHANS_MAX {
            return None;
        }
        let bases: Vec<u64> = self.orphans.drain(..).collect();
        self.orphans.extend(bases.last());
        let horizon = self.horizon(now_ms);
        Some(Work::Merge { bases, horizon, idempotency_since_ms: now_ms.saturating_sub(window_ms) })
    }

    fn chore(&self, work: Work) -> Chore {
        let (disk, lock) = (Arc::clone(&self.disk), Arc::clone(&self.lock));
        Chore { disk, _lock: lock, epoch: self.log.epoch, work }
    }

    /// Keys whose newest record lies before this are forgotten: it was dropped, and long ago.
    fn horizon(&mut self, now_ms: u64) -> Offset {
        let since_ms = now_ms.saturating_sub(self.options.index_retention_ms());
        while let Some(span) = self.dropped.front().filter(|span| span.last_time_ms < since_ms) {
            self.forgotten = Offset(span.end);
            self.log.forget(span.last_offset);
            self.dropped.pop_front();
        }
        self.forgotten
    }

    /// Removes files of keys that are all forgotten.
    fn drop_orphans(&mut self, now_ms: u64) -> io::Result<()> {
        let horizon = self.horizon(now_ms);
        while let Some(base) = self.orphans.front().copied().filter(|base| *base < horizon.0) {
            files::remove(&*self.disk, &keys::name(base))?;
            self.orphans.pop_front();
        }
        Ok(())
    }
}
