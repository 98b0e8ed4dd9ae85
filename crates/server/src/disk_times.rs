//! What the disk takes: a disk like the one below it, with a clock beside writes and syncs.
//!
//! The journal knows no clock, and need not know that it is watched.

use delivery::{clock::Clock, histogram::Histogram};
use journal::{Disk, DiskFile, DiskLock};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How long writes and syncs took.
#[derive(Debug, Default)]
pub(crate) struct DiskTimes {
    pub(crate) writes: Histogram,
    pub(crate) syncs: Histogram,
    /// When the last sync began and ended, in microseconds since 1970; 0 before the first.
    last_sync: (AtomicU64, AtomicU64),
}

impl DiskTimes {
    /// When the last sync began and ended. Whoever asks on the thread that synced hears of its own.
    pub(crate) fn last_sync(&self) -> (u64, u64) {
        (self.last_sync.0.load(Ordering::Relaxed), self.last_sync.1.load(Ordering::Relaxed))
    }

    fn synced(&self, began: u64, ended: u64) {
        self.syncs.observe(ended.saturating_sub(began));
        self.last_sync.0.store(began, Ordering::Relaxed);
        self.last_sync.1.store(ended, Ordering::Relaxed);
    }
}

/// See the module.
pub(crate) struct TimedDisk {
    below: Arc<dyn Disk>,
    times: Arc<DiskTimes>,
    clock: Clock,
}

struct TimedFile {
    below: Arc<dyn DiskFile>,
    times: Arc<DiskTimes>,
    clock: Clock,
}

impl TimedDisk {
    pub(crate) fn over(below: Arc<dyn Disk>, times: &Arc<DiskTimes>, clock: Clock) -> Self {
        Self { below, times: Arc::clone(times), clock }
    }

    fn timed(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(TimedFile { below: file, times: Arc::clone(&self.times), clock: self.clock })
    }
}

impl Disk for TimedDisk {
    fn place(&self) -> String {
        self.below.place()
    }

    fn lock(&self) -> io::Result<DiskLock> {
        self.below.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.below.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.timed(self.below.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.timed(self.below.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.below.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.below.sync_dir()
    }
}

impl DiskFile for TimedFile {
    fn size(&self) -> io::Result<u64> {
        self.below.size()
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize> {
        self.below.read_at(position, into)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let began = self.clock.now_us();
        let result = self.below.write_at(position, bytes);
        self.times.writes.observe(self.clock.now_us().saturating_sub(began));
        result
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.below.set_size(bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.below.allocate(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let began = self.clock.now_us();
        let result = self.below.sync();
        self.times.synced(began, self.clock.now_us());
        result
    }
}
