//! What can go wrong, one enum for each thing the caller does, since it branches differently on each.

use std::io;

use crate::address::Offset;
use crate::disk::Disk;
use crate::segment;

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{place} is in use by another process; stop that one, or choose another data directory")]
    Locked {
        /// The directory.
        place: String,
    },
    /// Something that had been stored for good reads differently now.
    #[error(
        "the journal is damaged: {segment} is not what was written, at offset {offset}. Restore a backup, or \
         start once with --accept-loss: the stored messages are then set aside and a new epoch begins"
    )]
    Corrupt {
        /// The file with the damage.
        segment: String,
        /// Where the first bad byte of the log lies, at the latest.
        offset: Offset,
    },
    /// Written by a newer release.
    #[error("{segment} has format version {version}, which this release does not know; use a newer one")]
    Version {
        /// The file.
        segment: String,
        /// Its version.
        version: u32,
    },
    /// The disk refused.
    #[error("could not {doing} in {place}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The directory.
        place: String,
        /// The system's word.
        source: io::Error,
    },
}

/// Why a batch was not appended. Whatever the reason, nothing of it was numbered.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No room. Not final: a later append works when there is room again.
    #[error("the disk is full; appends work again when there is room")]
    Full,
    /// Too large for a record or a batch.
    #[error("{bytes} bytes are too large; at most {max} fit")]
    TooLarge {
        /// What it would have taken.
        bytes: u64,
        /// What may be.
        max: u64,
    },
    /// An entry without a key, which nobody could ever read, or with more than fit.
    #[error("an entry needs at least one key and at most {max}")]
    Keys {
        /// The most keys that one entry may carry.
        max: u32,
    },
    /// A write failed. Final: the journal refuses to be written until it is opened anew.
    #[error("the write failed, and the journal refuses more until restart: {0}")]
    Io(#[source] io::Error),
    /// A write or sync failed earlier.
    #[error("the journal failed earlier and refuses writes until restart")]
    Poisoned,
}

/// Why it is unknown whether what was appended is stored for good. Always final.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The sync failed: what was appended since the last one may or may not be stored.
    #[error("the sync failed, and the journal refuses more until restart: {0}")]
    Io(#[source] io::Error),
    /// A write or sync failed earlier.
    #[error("the journal failed earlier and refuses writes until restart")]
    Poisoned,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its segment has been dropped.
    #[error("the record is no longer kept")]
    Trimmed,
    /// There is no record of this key at this offset.
    #[error("there is no such record")]
    Unknown,
    /// The record is not what was written.
    #[error(
        "the record at offset {offset} in {segment} is damaged. Restore a backup, or start once with \
         --accept-loss: the stored messages are then set aside and a new epoch begins"
    )]
    Corrupt {
        /// The file with the damage.
        segment: String,
        /// The record's offset.
        offset: Offset,
    },
    /// The disk refused.
    #[error("could not read the journal: {0}")]
    Io(#[from] io::Error),
}

/// Why old segments could not be dropped. Not final: the next call tries again.
#[derive(Debug, thiserror::Error)]
#[error("could not drop old segments: {0}")]
pub struct RetainError(#[from] pub io::Error);

/// Whether an error only means that there is no room, which passes.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Says what failed, and where.
pub(crate) fn failed(disk: &dyn Disk, doing: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Io { doing, place: disk.place(), source }
}

/// Damage in the segment at `base`, found at `address`.
pub(crate) fn corrupt(base: u64, address: u64) -> OpenError {
    OpenError::Corrupt { segment: segment::name(base), offset: Offset(address) }
}
