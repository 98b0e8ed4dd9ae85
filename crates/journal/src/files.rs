//! The writer's files: the segment being written, those sealed before it, and the state file.
//!
//! It knows bytes and places, not keys. A failed write or sync poisons it for good, but for a full disk,
//! after which everything is as if nothing had been tried.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::address::Offset;
use crate::disk::{Disk, DiskLock};
use crate::error::is_full;
use crate::log::Log;
use crate::options::Options;
use crate::segment::{self, HEADER_BYTES, Header, Segment};
use crate::state::State;

/// 4 MiB: room is taken ahead in steps of this, so that few syncs have to store a new file size, and so
/// that a small journal stays small.
const ALLOCATE_BYTES: u64 = 4 * 1024 * 1024;

/// 4 GiB: more than one segment can have lost, and 64 bits have room for billions of such leaps.
const LEAP_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The writer's files.
pub(crate) struct Files {
    pub(crate) disk: Arc<dyn Disk>,
    /// Keeps other processes away; shared with work that may outlive the writer.
    pub(crate) lock: Arc<DiskLock>,
    pub(crate) log: Arc<Log>,
    pub(crate) options: Options,
    pub(crate) active: Active,
    /// Where the kept sealed segments lie and how old they are, oldest first.
    pub(crate) sealed: VecDeque<Span>,
    /// What the state file says.
    pub(crate) state: State,
    /// Whether the state file says that this process, as it is set up, writes the journal.
    pub(crate) in_use: bool,
    /// Whether the next record must keep away from the end of the log: a crash may have taken records
    /// whose offsets somebody knows, and they must never name others.
    pub(crate) must_leap: bool,
    /// Sealed segments that have no file of their keys yet, oldest first.
    pub(crate) unlisted: VecDeque<Arc<Segment>>,
    /// Segments that were dropped but whose keys are remembered, oldest first.
    pub(crate) dropped: VecDeque<Span>,
    /// Files of keys that have outlived their segments, by base, oldest first.
    pub(crate) orphans: VecDeque<u64>,
    /// Before here all keys may be forgotten.
    pub(crate) forgotten: Offset,
    /// How far the index is being searched for keys to forget: the next shard, and before where.
    pub(crate) sweep: (usize, Offset),
    /// Before here all keys are forgotten.
    pub(crate) swept: Offset,
    /// Sealed segments that were not synced, since appends do not count on it; synced at the close.
    pub(crate) unsynced: Vec<Arc<Segment>>,
    pub(crate) poisoned: bool,
}

/// The segment being written.
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    /// Bytes of it that are written.
    pub(crate) used: u64,
    /// Bytes of it that surely have room.
    pub(crate) allocated: u64,
    /// The time of its first record, if it has one.
    pub(crate) first_time_ms: Option<u64>,
}

/// A stretch of the log that one segment holds or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Address of the segment's first byte.
    pub(crate) base: u64,
    /// Address after its last record.
    pub(crate) end: u64,
    /// Its last record, or the last before it.
    pub(crate) last_offset: Offset,
    /// That record's time.
    pub(crate) last_time_ms: u64,
}

impl Active {
    pub(crate) fn new(segment: Arc<Segment>) -> Self {
        Self { segment, used: HEADER_BYTES, allocated: HEADER_BYTES, first_time_ms: None }
    }
}

impl Files {
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// The address that the next record gets.
    pub(crate) fn next_address(&self) -> u64 {
        self.active.segment.base() + self.active.used
    }

    /// Whether `bytes` more belong into a new segment. The first records of a segment always fit.
    pub(crate) fn must_rotate(&self, bytes: u64) -> bool {
        let is_full = self.active.used + bytes > self.options.segment_limit();
        self.must_leap || (is_full && self.active.used > HEADER_BYTES)
    }

    /// Has the state file say that the journal is being written, before the first write.
    fn mark_in_use(&mut self) -> io::Result<()> {
        if !self.in_use {
            let (durable, boot_id) = (self.options.durable, self.options.boot_id.clone());
            let state = State { clean: false, durable, boot_id, ..self.state.clone() };
            self.try_full(|files| state.store(&*files.disk))?;
            (self.state, self.in_use) = (state, true);
        }
        Ok(())
    }

    /// Sees to it that `bytes` can be written.
    pub(crate) fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        self.mark_in_use()?;
        let needed = self.active.used + bytes;
        if needed > self.active.allocated {
            let step = needed.next_multiple_of(ALLOCATE_BYTES);
            let target = step.min(self.options.segment_limit()).max(needed);
            self.try_full(|files| files.active.segment.file.allocate(target))?;
            self.active.allocated = target;
        }
        Ok(())
    }

    /// Writes `bytes` at the end of the active segment.
    pub(crate) fn write(&mut self, bytes: &[u8], time_ms: u64) -> io::Result<()> {
        if let Err(error) = self.active.segment.file.write_at(self.active.used, bytes) {
            // Any part of it may be there. It must not lie before what a later append brings.
            self.active.allocated = self.active.used;
            let cut = self.cut();
            self.poisoned |= !is_full(&error) || cut.is_err();
            return Err(if self.poisoned { not_full(error) } else { error });
        }
        self.active.used += bytes.len() as u64;
        self.active.first_time_ms.get_or_insert(time_ms);
        Ok(())
    }

    /// Cuts off what lies behind the last record; for good, lest a power loss bring it to light.
    fn cut(&self) -> io::Result<()> {
        let file = &self.active.segment.file;
        file.set_size(self.active.used)?;
        if self.options.durable { file.sync() } else { Ok(()) }
    }

    /// Makes durable what was written to the active segment.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.active.segment.file.sync().inspect_err(|_| self.poisoned = true)
    }

    /// Seals the active segment and begins the next one.
    pub(crate) fn rotate(&mut self, last_time_ms: u64) -> io::Result<()> {
        self.mark_in_use()?;
        let end = self.next_address();
        let base = if self.must_leap { end + LEAP_BYTES } else { end };
        let last_offset = self.log.end();
        let header = Header { epoch: self.log.epoch, base, previous_end: end, last_offset, last_time_ms };
        if self.options.durable {
            // A sealed segment is whole: only the last one can be torn.
            self.try_final(|files| files.active.segment.file.sync())?;
        }
        let durable = self.options.durable;
        let created = self.try_full(|files| create(&*files.disk, header, durable));
        if created.is_err() && !self.poisoned {
            // Records still go to the segment before it, so it must not come to light after a crash.
            self.try_final(|files| remove(&*files.disk, &segment::name(base)))?;
        }
        let segment = Arc::new(created?);
        self.must_leap = false;
        self.log.push(Arc::clone(&segment));
        let sealed = std::mem::replace(&mut self.active, Active::new(segment));
        self.sealed.push_back(Span { base: sealed.segment.base(), end, last_offset, last_time_ms });
        // Room that was taken ahead and is not needed. If it cannot be given back, it is only wasted.
        drop(sealed.segment.file.set_size(sealed.used));
        self.seal(sealed.segment);
        Ok(())
    }

    /// Notes what is still to be done with a segment that has been sealed.
    fn seal(&mut self, segment: Arc<Segment>) {
        if self.options.keys_files {
            self.unlisted.push_back(Arc::clone(&segment));
        }
        if !self.options.durable {
            self.unsynced.push(segment);
        }
    }

    /// Makes all durable and says so in the state file.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        for segment in std::mem::take(&mut self.unsynced) {
            self.try_final(|_| segment.file.sync())?;
        }
        self.sync()?;
        // A leap that is still due must not be forgotten: the next start has to find out anew.
        if self.in_use && !self.must_leap {
            let state = State { clean: true, end: self.next_address(), ..self.state.clone() };
            self.try_final(|files| state.store(&*files.disk))?;
            (self.state, self.in_use) = (state, false);
        }
        Ok(())
    }

    /// Does what may fail for want of room; any other failure is final.
    fn try_full<T>(&mut self, work: impl FnOnce(&Self) -> io::Result<T>) -> io::Result<T> {
        let done = work(self);
        self.poisoned |= done.as_ref().is_err_and(|error| !is_full(error));
        done
    }

    /// Does what must not fail.
    fn try_final<T>(&mut self, work: impl FnOnce(&Self) -> io::Result<T>) -> io::Result<T> {
        let done = work(self);
        self.poisoned |= done.is_err();
        done.map_err(not_full)
    }
}

/// Makes a segment, if asked durably together with its name.
pub(crate) fn create(disk: &dyn Disk, header: Header, durable: bool) -> io::Result<Segment> {
    let segment = Segment::create(disk, header)?;
    if durable {
        segment.file.sync()?;
        disk.sync_dir()?;
    }
    Ok(segment)
}

/// Removes a file durably, if it is there.
pub(crate) fn remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.sync_dir(),
    }
}

/// An error that is final, even if its cause was want of room.
fn not_full(error: io::Error) -> io::Error {
    if is_full(&error) { io::Error::other(error) } else { error }
}
