//! Work that may wait, and that any thread may do: files of keys.
//!
//! It reads and writes a few megabytes, which a publisher should not have to wait for.

use std::io;
use std::sync::Arc;

use crate::address::Offset;
use crate::disk::{Disk, DiskLock};
use crate::files;
use crate::keys::{self, KeySet};
use crate::segment::Segment;

/// A piece of work from [`Writer::take_chore`](crate::writer::Writer::take_chore).
///
/// Losing one costs time at the next start, and nothing else.
pub struct Chore {
    pub(crate) disk: Arc<dyn Disk>,
    /// The directory must not be another process's before this is done.
    pub(crate) _lock: Arc<DiskLock>,
    pub(crate) epoch: u64,
    pub(crate) work: Work,
}

pub(crate) enum Work {
    /// Write the file of keys of a sealed segment whose records end at this place in its file.
    List { segment: Arc<Segment>, until: u64 },
    /// Merge files of keys, oldest first, into the newest, without what need not be remembered.
    Merge { bases: Vec<u64>, horizon: Offset, idempotency_since_ms: u64 },
}

impl Chore {
    /// Does it.
    pub fn run(self) -> io::Result<()> {
        match self.work {
            Work::List { segment, until } => {
                let (set, scan) = KeySet::scan(&segment, self.epoch, until)?;
                if scan.end != until {
                    let name = segment.name();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is damaged")));
                }
                set.store(&*self.disk, self.epoch, segment.base())
            }
            Work::Merge { bases, horizon, idempotency_since_ms } => {
                let mut merged = KeySet::default();
                for base in &bases {
                    merged.append(load(&*self.disk, self.epoch, *base)?);
                }
                merged.spans.retain(|span| span.end > horizon.0);
                merged.keys.retain(|(_, place)| place.offset >= horizon);
                merged.idempotency.retain(|entry| entry.time_ms >= idempotency_since_ms);
                let Some((newest, older)) = bases.split_last() else { return Ok(()) };
                merged.store(&*self.disk, self.epoch, *newest)?;
                for base in older {
                    files::remove(&*self.disk, &keys::name(*base))?;
                }
                Ok(())
            }
        }
    }
}

/// The keys on file. What is damaged, or was never written, is forgotten.
fn load(disk: &dyn Disk, epoch: u64, base: u64) -> io::Result<KeySet> {
    match KeySet::load(disk, epoch, base) {
        Ok(set) => Ok(set.unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KeySet::default()),
        Err(error) => Err(error),
    }
}
