//! A small journal with snapshots: a state that fits in memory, kept as the changes to it.
//!
//! The owner of the state appends a record for each change, and rewrites the file with what is left of them once it
//! has grown. There are no keys and no segments; everything is read at a start. A record's number rises for as long as
//! the ledger lives, also where its tail was lost: the owner says from where on numbers are surely new.
//!
//! The file is a header (8 bytes of magic, the next number, a random salt, CRC32C of it all) and frames: length, CRC32C
//! of salt, length and number, CRC32C of the payload, number, payload. The length's highest bit says that all before the
//! frame was synced when it was written; the salt keeps payloads from posing as frames. A frame without a payload is no
//! record: it stands behind what was rewritten and behind what was closed, so that damage to the last record there is not
//! taken for the trace of a crash. All numbers are little-endian.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::address::Offset;
use crate::disk::{Disk, DiskFile, DiskLock, TEMPORARY, read_whole};
use crate::error::{AppendError, OpenError, SyncError, failed, is_full};
use crate::record::{u32_at, u64_at};

/// The one file.
const NAME: &str = "ledger";
const MAGIC: &[u8; 8] = b"DLLEDGR1";
const HEADER_BYTES: usize = 24;
const FRAME_BYTES: usize = 20;
const CONFIRMED: u32 = 1 << 31;

/// The payload of the frame that only says that all before it is whole.
const END: &[u8] = b"";

/// Longest record: many times what any state change needs, and a bound for what a damaged length asks for.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// So much may be appended to a snapshot of any size before it is rewritten.
const GROWTH_BYTES: u64 = 1024 * 1024;

/// Appends changes and rewrites the file. There is exactly one.
pub struct Ledger {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    /// Keeps other processes away.
    _lock: DiskLock,
    next: u64,
    salt: u32,
    bytes: u64,
    /// Where the file is rewritten.
    rewrite_at: u64,
    unsynced: bool,
    poisoned: bool,
}

/// A ledger and what is in it.
pub struct OpenedLedger {
    /// Takes nothing until it was rewritten, see [`Ledger::rewrite`].
    pub ledger: Ledger,
    /// Records with their numbers, oldest first.
    pub records: Vec<(u64, Bytes)>,
    /// Bytes of a torn tail that were left out.
    pub torn_bytes: u64,
}

/// What a file holds.
struct Content {
    records: Vec<(u64, Bytes)>,
    next: u64,
    torn_bytes: u64,
}

impl Ledger {
    /// Reads the ledger on a disk of its own, or begins one. Numbers go on from `next_least` at least.
    ///
    /// It takes nothing until the caller has rewritten it: what was read may lie in the kernel's cache alone, behind a
    /// sync that failed.
    ///
    /// # Errors
    /// [`OpenError`]; damage before good records is one unless `accept_loss`, which keeps what lies before it.
    pub fn open(disk: Arc<dyn Disk>, accept_loss: bool, next_least: u64) -> Result<OpenedLedger, OpenError> {
        let lock = disk.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked { place: disk.place() },
            _ => failed(&*disk, "lock the directory")(error),
        })?;
        let names = disk.list().map_err(failed(&*disk, "list the files"))?;
        let content = if names.iter().any(|name| name == NAME) {
            let bytes = read_whole(&*disk, NAME).map_err(failed(&*disk, "read the ledger"))?;
            parse(&Bytes::from(bytes), accept_loss)?
        } else {
            Content { records: Vec::new(), next: 1, torn_bytes: 0 }
        };
        let next = content.next.max(next_least);
        // Stands here until the first rewrite. A full disk need not have room for a new one.
        let file = match disk.open(NAME) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(&temporary()),
            opened => opened,
        };
        let file = file.map_err(failed(&*disk, "open the ledger"))?;
        let ledger = Self {
            disk,
            file,
            _lock: lock,
            next,
            salt: 0,
            bytes: 0,
            rewrite_at: 0,
            unsynced: false,
            poisoned: true,
        };
        Ok(OpenedLedger { ledger, records: content.records, torn_bytes: content.torn_bytes })
    }

    /// Puts a file with these records, and their numbers, in place of the old one. Durable when it returns.
    ///
    /// # Errors
    /// The disk's. Either the old file is still good, or nothing can be appended until a rewrite succeeds.
    pub fn rewrite<'a>(&mut self, records: impl Iterator<Item = (u64, &'a [u8])>) -> io::Result<()> {
        let salt = getrandom::u32().map_err(io::Error::other)?;
        let mut bytes = header(self.next, salt);
        records.for_each(|(number, payload)| lay_down(&mut bytes, salt, number, payload, true));
        lay_down(&mut bytes, salt, self.next - 1, END, true);
        let file = self.disk.create(&temporary())?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        // Whichever file a crash leaves from here on, also if renaming fails: nothing may be appended to the old one.
        self.poisoned = true;
        self.disk.rename(&temporary(), NAME)?;
        self.disk.sync_dir()?;
        self.file = file;
        self.salt = salt;
        self.bytes = bytes.len() as u64;
        self.rewrite_at = 2 * self.bytes + GROWTH_BYTES;
        (self.unsynced, self.poisoned) = (false, false);
        Ok(())
    }

    /// Whether so much was appended that rewriting pays.
    pub fn wants_rewrite(&self) -> bool {
        self.bytes >= self.rewrite_at
    }

    /// The number that the next record gets.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Appends records with one write, all or nothing; the first gets the number [`next`](Self::next).
    ///
    /// # Errors
    /// [`AppendError`].
    ///
    /// # Panics
    /// For a record without content.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<(), AppendError> {
        if self.poisoned {
            return Err(AppendError::Poisoned);
        }
        let mut bytes = Vec::new();
        for (number, payload) in (self.next..).zip(payloads) {
            assert!(!payload.is_empty(), "a record says something");
            if payload.len() > PAYLOAD_BYTES_MAX {
                let (bytes, max) = (payload.len() as u64, PAYLOAD_BYTES_MAX as u64);
                return Err(AppendError::TooLarge { bytes, max });
            }
            let confirmed = bytes.is_empty() && !self.unsynced;
            lay_down(&mut bytes, self.salt, number, payload, confirmed);
        }
        if let Err(error) = self.file.write_at(self.bytes, &bytes) {
            // Half a write must not stand before the next one, nor come to light after a power loss.
            let cut = || self.file.set_size(self.bytes).and_then(|()| self.file.sync());
            if is_full(&error) && cut().is_ok() {
                return Err(AppendError::Full);
            }
            self.poisoned = true;
            return Err(AppendError::Io(error));
        }
        self.next += payloads.len() as u64;
        self.bytes += bytes.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    /// Makes all that was appended survive a power loss. An error is final.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn sync(&mut self) -> Result<(), SyncError> {
        if self.poisoned {
            return Err(SyncError::Poisoned);
        }
        if self.unsynced {
            self.file.sync().map_err(|error| {
                self.poisoned = true;
                SyncError::Io(error)
            })?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Makes all that was appended survive a power loss, and says at its end that it is whole. Nothing can be appended
    /// afterwards.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn close(&mut self) -> Result<(), SyncError> {
        self.sync()?;
        let mut end = Vec::new();
        lay_down(&mut end, self.salt, self.next - 1, END, true);
        self.poisoned = true;
        self.file.write_at(self.bytes, &end).and_then(|()| self.file.sync()).map_err(SyncError::Io)
    }
}

fn temporary() -> String {
    format!("{NAME}{TEMPORARY}")
}

fn header(next: u64, salt: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&next.to_le_bytes());
    bytes.extend_from_slice(&salt.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn lay_down(into: &mut Vec<u8>, salt: u32, number: u64, payload: &[u8], confirmed: bool) {
    let length = payload.len() as u32 | if confirmed { CONFIRMED } else { 0 };
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&head_crc(salt, length, number).to_le_bytes());
    into.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    into.extend_from_slice(&number.to_le_bytes());
    into.extend_from_slice(payload);
}

fn head_crc(salt: u32, length: u32, number: u64) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &length.to_le_bytes());
    crc32c::crc32c_append(crc, &number.to_le_bytes())
}

struct Frame {
    number: u64,
    payload: Bytes,
    confirmed: bool,
}

/// The frame at a place, if a whole and good one begins there.
fn frame(bytes: &Bytes, salt: u32, at: usize) -> Option<Frame> {
    let (length, number) = (u32_at(bytes, at)?, u64_at(bytes, at + 12)?);
    let payload_bytes = (length & !CONFIRMED) as usize;
    if u32_at(bytes, at + 4)? != head_crc(salt, length, number) || payload_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    let start = at + FRAME_BYTES;
    let end = Some(start + payload_bytes).filter(|end| *end <= bytes.len())?;
    let payload = bytes.slice(start..end);
    let good = u32_at(bytes, at + 8)? == crc32c::crc32c(&payload);
    good.then_some(Frame { number, payload, confirmed: length & CONFIRMED != 0 })
}

fn parse(bytes: &Bytes, accept_loss: bool) -> Result<Content, OpenError> {
    let damaged = |at: usize| OpenError::Corrupt { segment: NAME.into(), offset: Offset(at as u64) };
    let next = u64_at(bytes, 8).unwrap_or_default();
    let salt = u32_at(bytes, 16).unwrap_or_default();
    if !bytes.starts_with(&header(next, salt)) {
        // It was put in place whole and synced, so this is no crash.
        return if accept_loss {
            Ok(Content { records: Vec::new(), next: 1, torn_bytes: bytes.len() as u64 })
        } else {
            Err(damaged(0))
        };
    }
    let mut content = Content { records: Vec::new(), next, torn_bytes: 0 };
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let Some(Frame { number, payload, .. }) = frame(bytes, salt, at) else {
            // A crash tears only what was not synced. A frame behind the damage that was written after a sync tells
            // that this is something else.
            let after_sync = |place| frame(bytes, salt, place).is_some_and(|frame| frame.confirmed);
            if !accept_loss && (at + 1..bytes.len()).any(after_sync) {
                return Err(damaged(at));
            }
            content.torn_bytes = (bytes.len() - at) as u64;
            break;
        };
        at += FRAME_BYTES + payload.len();
        content.next = content.next.max(number + 1);
        if payload[..] != *END {
            content.records.push((number, payload));
        }
    }
    Ok(content)
}
