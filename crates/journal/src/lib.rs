//! Keyed records on disk, in order.
//!
//! One [`Writer`] appends records to segment files and syncs them; any number of [`Reader`]s find the newest
//! record of a key, walk back along its chain, and read. Old records go by whole files. The journal
//! knows no channel, no clock and no runtime: `now` is always an argument, keys and hashes come from
//! outside, and every door to the disk is the trait [`Disk`].
//!
//! ```
//! use std::sync::Arc;
//! use journal::{After, Entry, Key, MemoryDisk, Offset, Options, open};
//!
//! let now_ms = 1_800_000_000_000;
//! let mut opened = open(Arc::new(MemoryDisk::new()), Options::in_memory(), now_ms)?;
//! let ada = [Key(42)];
//! let hello = Entry { kind: 0, ttl_seconds: 0, keys: &ada, payload: b"hello", idempotency: None };
//! opened.writer.append_one(hello, now_ms)?;
//! opened.writer.sync()?;
//!
//! let reader = opened.reader.clone();
//! let walk = reader.walk(ada[0], After::Offset(Offset(0)), reader.end(), 1000)?;
//! assert_eq!(reader.read(walk.offsets[0], ada[0])?.payload, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod chore;
mod disk;
mod epoch;
mod error;
mod file_disk;
mod files;
mod index;
mod keys;
mod ledger;
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
pub use error::{AppendError, OpenError, ReadError, RetainError, SyncError, is_full};
pub use file_disk::{FileDisk, kernel_boot_id};
pub use ledger::{Ledger, OpenedLedger};
pub use memory_disk::MemoryDisk;
pub use options::{IdempotencyEntry, Options, RecoveryReport};
pub use reader::{Reader, Record, Walk};
pub use record::{Entry, Idempotency, KEYS_MAX, RECORD_BYTES_MAX};
pub use recovery::{Opened, open};
pub use retention::Trimmed;
pub use writer::{Appended, BATCH_BYTES_MAX, Writer};
