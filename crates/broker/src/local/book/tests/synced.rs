//! What is answered, or told to the application, is synced before: a disk that knows what is not.

use super::*;
use crate::error::RecordError;
use journal::{DiskFile, DiskLock};
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

/// A disk in memory that sees what was written and not synced, and whose syncs may fail.
#[derive(Default)]
struct Watched {
    disk: MemoryDisk,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    unsynced: AtomicBool,
    fails: AtomicBool,
}

struct WatchedFile {
    file: Arc<dyn DiskFile>,
    seen: Arc<Seen>,
}

impl Watched {
    fn watch(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(WatchedFile { file, seen: Arc::clone(&self.seen) })
    }
}

impl Disk for Watched {
    fn place(&self) -> String {
        self.disk.place()
    }
    fn lock(&self) -> io::Result<DiskLock> {
        self.disk.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.watch(self.disk.open(name)?))
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.watch(self.disk.create(name)?))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
}

impl DiskFile for WatchedFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(position, into)
    }
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.seen.unsynced.store(true, Ordering::Relaxed);
        self.file.write_at(position, bytes)
    }
    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.file.set_size(bytes)
    }
    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.file.allocate(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        if self.seen.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is broken"));
        }
        self.seen.unsynced.store(false, Ordering::Relaxed);
        self.file.sync()
    }
}

fn watched(durability: Durability) -> (Book, Arc<Seen>) {
    let disk = Watched::default();
    let seen = Arc::clone(&disk.seen);
    (Book::open(Arc::new(disk), durability, false, Duration::from_secs(7_200), NOON).unwrap(), seen)
}

fn deletion() -> Deletion {
    let at = Cursor::new(protocol::cursor::Epoch(3), protocol::cursor::Offset(40));
    Deletion { at, time_ms: NOON }
}

#[test]
fn a_change_and_a_deletion_are_synced_when_they_count() {
    let (book, seen) = watched(Durability::Fsync);
    let unsynced = || seen.unsynced.load(Ordering::Relaxed);
    assert!(!unsynced(), "nor is anything left from the start");
    for round in 0..4 {
        book.record(&[change("a", round % 2 == 0), change("b", round % 2 == 0)], NOON).unwrap();
        assert!(!unsynced(), "before anybody is told");
        tell(&book, "a");
        assert!(unsynced(), "that it was told is not worth a sync");
        book.delete(ChannelKey(9), deletion()).unwrap();
        assert!(!unsynced());
    }
    let (book, seen) = watched(Durability::Os);
    book.record(&[change("a", true)], NOON).unwrap();
    assert!(seen.unsynced.load(Ordering::Relaxed), "only `fsync` promises more than the kernel's memory");
}

#[test]
fn what_could_not_be_synced_is_told_to_nobody() {
    let (book, seen) = watched(Durability::Fsync);
    seen.fails.store(true, Ordering::Relaxed);
    assert_eq!(book.record(&[change("a", true)], NOON), Err(RecordError::Failed));
    assert!(book.begin(&id("a")).is_none() && !book.is_connected(&id("a")) && book.waiting().is_empty());
    assert!(book.delete(ChannelKey(9), deletion()).is_err() && book.deletion(ChannelKey(9)).is_none());
    // Tried again on a disk that works, it counts.
    seen.fails.store(false, Ordering::Relaxed);
    assert_eq!(book.record(&[change("a", true)], NOON), Ok(vec![id("a")]));
    assert!(!seen.unsynced.load(Ordering::Relaxed));
    assert_eq!(tell(&book, "a"), [true]);
}
