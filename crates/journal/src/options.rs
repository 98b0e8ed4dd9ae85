//! What is chosen when a journal is opened, and what is learnt by opening it.

use std::time::Duration;

use crate::address::Offset;
use crate::record::Idempotency;

/// How a journal keeps its records.
#[derive(Debug, Clone)]
pub struct Options {
    /// Size at which a new segment begins; at most an eighth of `retention_bytes`, and 1 GiB, counts.
    pub segment_bytes: u64,
    /// Bytes of all segments together; the oldest segments beyond it are dropped.
    pub retention_bytes: u64,
    /// Age at which records may go; segments that hold nothing younger are dropped.
    pub retention: Duration,
    /// How long after its last record a key is remembered; never shorter than its records are kept.
    pub index_retention: Duration,
    /// How old the idempotency hashes may be that a start reads back.
    pub idempotency_window: Duration,
    /// Whether appends count only once they are synced. Decides what a crash may have torn, and whether
    /// segments are synced as they fill. Without it, a start in another kernel life than the one in which
    /// the journal was left open begins a new epoch.
    pub durable: bool,
    /// The kernel's life, see [`kernel_boot_id`](crate::kernel_boot_id).
    pub boot_id: String,
    /// Begin a new epoch if what is stored is damaged, instead of refusing to start. All of it is then looked through.
    pub accept_loss: bool,
    /// Begin a new epoch in any case: the data comes from a backup.
    pub new_epoch: bool,
    /// The number of a new epoch, should one begin. Random unless set.
    pub fresh_epoch: u32,
    /// Whether a file of its keys is kept beside each sealed segment. Of no use on a disk that survives
    /// nothing.
    pub keys_files: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            retention_bytes: 1024 * 1024 * 1024,
            retention: Duration::from_secs(2 * 60 * 60),
            index_retention: Duration::from_secs(24 * 60 * 60),
            idempotency_window: Duration::from_secs(10 * 60),
            durable: true,
            boot_id: String::new(),
            accept_loss: false,
            new_epoch: false,
            fresh_epoch: random_epoch(),
            keys_files: true,
        }
    }
}

impl Options {
    /// What suits a disk in memory.
    pub fn in_memory() -> Self {
        Self { segment_bytes: 8 * 1024 * 1024, durable: false, keys_files: false, ..Self::default() }
    }

    /// Where a segment is full. Dropping whole segments keeps within an eighth of what was asked only if
    /// they are no larger than that.
    pub(crate) fn segment_limit(&self) -> u64 {
        self.segment_bytes.min(self.retention_bytes / 8).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)
    }

    /// How long keys are remembered.
    pub(crate) fn index_retention_ms(&self) -> u64 {
        millis(self.index_retention.max(self.retention))
    }
}

/// A segment smaller than a page of the disk would be all header.
const SEGMENT_BYTES_MIN: u64 = 4096;

/// 1 GiB: a crash then loses less than the addresses that are left out after it, and a scan stays short.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A duration in the milliseconds that records count in.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An epoch need only differ from those before it.
fn random_epoch() -> u32 {
    // Without randomness at hand any number serves; `open` sees to it that it is not the epoch before.
    getrandom::u32().unwrap_or(1)
}

/// What a start found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Whether the journal had not been closed.
    pub was_unclean: bool,
    /// Whether a new epoch began although there was an old one; its files are set aside.
    pub epoch_is_new: bool,
    /// Segments that are kept.
    pub segments: usize,
    /// Records that were read one by one, because no file of keys told of them.
    pub records_scanned: u64,
    /// Keys that are known.
    pub keys: usize,
    /// Bytes of a write that a crash had torn, and that were cut off.
    pub torn_bytes: u64,
    /// Files that were set aside, since they belong to the epoch before.
    pub set_aside: usize,
    /// The hashes of the records within the window, oldest first.
    pub idempotency: Vec<IdempotencyEntry>,
}

/// The hashes of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyEntry {
    /// As given with the entry.
    pub key: u128,
    /// As given with the entry.
    pub body: u128,
    /// The record's offset.
    pub offset: Offset,
    /// The record's time.
    pub time_ms: u64,
}

impl IdempotencyEntry {
    pub(crate) fn new(hashes: Idempotency, offset: Offset, time_ms: u64) -> Self {
        Self { key: hashes.key, body: hashes.body, offset, time_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_small_beside_what_is_kept() {
        let mut options = Options::default();
        assert_eq!(options.segment_limit(), 64 << 20);
        options.retention_bytes = 80 << 20;
        assert_eq!(options.segment_limit(), 10 << 20);
        options.retention_bytes = 0;
        assert_eq!(options.segment_limit(), SEGMENT_BYTES_MIN);
        (options.segment_bytes, options.retention_bytes) = (u64::MAX, u64::MAX);
        assert_eq!(options.segment_limit(), SEGMENT_BYTES_MAX);
    }

    #[test]
    fn a_key_is_remembered_at_least_as_long_as_its_records() {
        let hour = Duration::from_secs(3600);
        let options = Options { index_retention: hour, retention: 2 * hour, ..Options::default() };
        assert_eq!(options.index_retention_ms(), 7_200_000);
    }
}
