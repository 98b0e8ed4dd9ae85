//! Keyed records on disk, in order.
//!
//! One [`Writer`] appends records to segment files and syncs them; any number of [`Reader`]s find the newest
//! record of a key, walk back along its chain, and read. Old records go by whole files. The journal
//! knows no channel, no clock and no runtime: `now` is always an argument, keys and hashes come from
//! outside, and every door to the disk is the trait [`Disk`].

mod address;
mod chore;
mod disk;
mod epoch;
mod error;
mod file_disk;
mod files;
mod index;
mod keys;
mod load;
mod log;
mod memory_disk;
mod options;
mod reader;
mod record;
mod recovery;
mod retention;
mod scan;
mod segment;
mod state;
mod writer;

pub use address::{After, Key, Link, Links, LogStart, Offset, Place};
pub use chore::Chore;
pub use disk::{Disk, DiskFile, DiskLock};
pub use error::{AppendError, OpenError, ReadError, RetainError, SyncError};
pub use file_disk::{FileDisk, kernel_boot_id};
pub use memory_disk::MemoryDisk;
pub use options::{IdempotencyEntry, Options, RecoveryReport};
pub use reader::{Reader, Record, Walk};
pub use record::{Entry, Idempotency, KEYS_MAX, RECORD_BYTES_MAX};
pub use recovery::{Opened, open};
pub use retention::Trimmed;
pub use writer::{Appended, BATCH_BYTES_MAX, Writer};
