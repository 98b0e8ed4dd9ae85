//! The one that writes: it numbers, lays down and syncs.
//!
//! A batch is laid down in memory first, with the links it will have, then written at once, and only then
//! told to the index; so a write that fails leaves nothing behind but bytes that are cut off again.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;

use crate::address::{Key, Link, Links, Offset, Place};
use crate::error::{AppendError, SyncError, is_full};
use crate::files::Files;
use crate::record::{self, Entry, KEYS_MAX, Numbered, RECORD_BYTES_MAX};

/// 64 MiB: what one write may bring. The writer's memory is bounded by it.
pub const BATCH_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A buffer that a large batch has blown up beyond this is given back.
const BUFFER_KEPT_BYTES: usize = 1024 * 1024;

/// Appends to the journal. There is exactly one.
pub struct Writer {
    /// The files, and where the next record goes.
    pub(crate) files: Files,
    /// The time of the last record: times never run backwards.
    last_time_ms: u64,
    /// Whether something was written that no sync has confirmed.
    unsynced: bool,
    /// Where records are laid down; kept so that the hot path does not allocate.
    buffer: Vec<u8>,
    /// Places of the keys of the batch being laid down, which the index must not know yet.
    pending: HashMap<Key, Place, BuildHasherDefault<KeyHasher>>,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Where its record lies.
    pub offset: Offset,
    /// When it was appended: `now`, or the time of the record before if that is later.
    pub time_ms: u64,
    /// Its links, sorted by key.
    pub links: Links,
}

impl Writer {
    pub(crate) fn new(files: Files, last_time_ms: u64) -> Self {
        let (buffer, pending) = (Vec::new(), HashMap::default());
        Self { files, last_time_ms, unsynced: false, buffer, pending }
    }

    /// Numbers a batch and writes it with one write; all or nothing.
    ///
    /// Readers see it at once, though it is not synced.
    pub fn append(&mut self, batch: &[Entry<'_>], now_ms: u64) -> Result<Vec<Appended>, AppendError> {
        if let [entry] = batch {
            return Ok(vec![self.append_one(*entry, now_ms)?]);
        }
        let mut bytes = 0;
        for entry in batch {
            bytes += checked_length(entry)?.next_multiple_of(8);
        }
        let time_ms = self.prepare(bytes, now_ms)?;
        self.pending.clear();
        let mut appended = Vec::with_capacity(batch.len());
        for entry in batch {
            let offset = self.next_offset();
            let links = self.links(entry.keys);
            for link in links.iter() {
                self.pending.insert(link.key, Place { offset, ordinal: link.ordinal });
            }
            self.lay_down(entry, offset, time_ms, &links);
            appended.push(Appended { offset, time_ms, links });
        }
        self.write(time_ms)?;
        if let Some(last) = appended.last() {
            self.files.log.set_written(last.offset);
            for (key, place) in &self.pending {
                self.files.log.index.put(*key, *place);
            }
            self.files.log.set_end(last.offset);
        }
        Ok(appended)
    }

    /// Numbers and writes one entry. For an entry of one key it allocates nothing.
    pub fn append_one(&mut self, entry: Entry<'_>, now_ms: u64) -> Result<Appended, AppendError> {
        let bytes = checked_length(&entry)?.next_multiple_of(8);
        let time_ms = self.prepare(bytes, now_ms)?;
        self.pending.clear();
        let offset = self.next_offset();
        let links = self.links(entry.keys);
        self.lay_down(&entry, offset, time_ms, &links);
        self.write(time_ms)?;
        self.files.log.set_written(offset);
        for link in links.iter() {
            self.files.log.index.put(link.key, Place { offset, ordinal: link.ordinal });
        }
        self.files.log.set_end(offset);
        Ok(Appended { offset, time_ms, links })
    }

    /// Makes all that was appended survive a power loss. An error is final.
    pub fn sync(&mut self) -> Result<(), SyncError> {
        if self.files.is_poisoned() {
            return Err(SyncError::Poisoned);
        }
        if self.unsynced {
            self.files.sync().map_err(SyncError::Io)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Whether a write or sync failed, so that nothing can be written until a restart.
    pub fn is_poisoned(&self) -> bool {
        self.files.is_poisoned()
    }

    /// Leaves the journal closed: synced, and marked so that the next start has nothing to repair.
    pub fn close(mut self) -> Result<(), SyncError> {
        self.sync()?;
        self.files.close().map_err(SyncError::Io)
    }

    /// Makes room for `bytes` in the active segment; returns the time that the records get.
    fn prepare(&mut self, bytes: u64, now_ms: u64) -> Result<u64, AppendError> {
        if self.files.is_poisoned() {
            return Err(AppendError::Poisoned);
        }
        if bytes > BATCH_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes, max: BATCH_BYTES_MAX });
        }
        if self.files.must_rotate(bytes) {
            self.rotate().map_err(append_error)?;
        }
        self.files.make_room(bytes).map_err(append_error)?;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        Ok(now_ms.max(self.last_time_ms))
    }

    /// Seals the active segment and begins the next one.
    pub(crate) fn rotate(&mut self) -> io::Result<()> {
        self.files.rotate(self.last_time_ms)?;
        // Sealing has synced where syncing counts.
        self.unsynced = false;
        Ok(())
    }

    fn next_offset(&self) -> Offset {
        Offset(self.files.next_address() + self.buffer.len() as u64)
    }

    /// The links that a record of these keys gets now, sorted by key.
    fn links(&self, keys: &[Key]) -> Links {
        if let [key] = keys {
            return Links::One([self.link(*key)]);
        }
        let mut links: Vec<Link> = keys.iter().map(|key| self.link(*key)).collect();
        links.sort_unstable_by_key(|link| link.key);
        links.dedup_by_key(|link| link.key);
        Links::Many(links)
    }

    fn link(&self, key: Key) -> Link {
        let place = self.pending.get(&key).copied().or_else(|| self.files.log.index.get(key));
        let Place { offset: previous, ordinal } = place.unwrap_or(Place { offset: Offset(0), ordinal: 0 });
        // Saturating: what a damaged disk holds may be any number, its checksum right by chance.
        Link { key, previous, ordinal: ordinal.saturating_add(1) }
    }

    fn lay_down(&mut self, entry: &Entry<'_>, offset: Offset, time_ms: u64, links: &[Link]) {
        // The first record of a write says whether all writes before it count as done.
        let done = !self.files.options.durable || !self.unsynced;
        let confirmed = self.buffer.is_empty() && done;
        let numbered = Numbered { epoch: self.files.log.epoch, offset, time_ms, links, confirmed };
        record::encode(entry, &numbered, &mut self.buffer);
    }

    fn write(&mut self, time_ms: u64) -> Result<(), AppendError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.files.write(&self.buffer, time_ms).map_err(append_error)?;
        self.unsynced = true;
        self.last_time_ms = time_ms;
        Ok(())
    }
}

fn append_error(error: io::Error) -> AppendError {
    if is_full(&error) { AppendError::Full } else { AppendError::Io(error) }
}

/// The length of the record that an entry becomes, if it may.
fn checked_length(entry: &Entry<'_>) -> Result<u64, AppendError> {
    if entry.keys.is_empty() || entry.keys.len() > KEYS_MAX as usize {
        return Err(AppendError::Keys { max: KEYS_MAX });
    }
    let bytes = record::length(entry.keys.len(), entry.idempotency.is_some(), entry.payload.len());
    if bytes > u64::from(RECORD_BYTES_MAX) {
        return Err(AppendError::TooLarge { bytes, max: u64::from(RECORD_BYTES_MAX) });
    }
    Ok(bytes)
}

/// Keys are hashes already.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, number: u128) {
        let folded = (number as u64) ^ ((number >> 64) as u64);
        self.0 = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}
