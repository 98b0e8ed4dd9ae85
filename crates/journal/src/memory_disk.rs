//! A disk in memory, for the durability `memory` and for tests.
//!
//! What is removed is freed as soon as nobody reads it. It survives nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::disk::{Disk, DiskFile, DiskLock};

/// Files grow by pieces of this size, so that growing never copies what is there. 256 KiB: large
/// enough for the allocator to map it for itself, and so to give it back to the system when freed.
const CHUNK_BYTES: usize = 256 * 1024;

/// Files in memory.
#[derive(Debug)]
pub struct MemoryDisk {
    files: Mutex<BTreeMap<String, Arc<MemoryFile>>>,
    room: Arc<Room>,
    locked: Arc<AtomicBool>,
}

/// The bytes that may still be taken.
#[derive(Debug)]
struct Room {
    free: AtomicU64,
}

impl MemoryDisk {
    /// A disk without an end.
    pub fn new() -> Self {
        Self::with_capacity(u64::MAX)
    }

    /// A disk that is full when its files hold `bytes`, counted in whole pieces of 256 KiB.
    pub fn with_capacity(bytes: u64) -> Self {
        let room = Arc::new(Room { free: AtomicU64::new(bytes) });
        Self { files: Mutex::default(), room, locked: Arc::default() }
    }

    /// Makes the disk larger by `bytes`.
    pub fn add_capacity(&self, bytes: u64) {
        self.room.free.fetch_add(bytes, Ordering::Relaxed);
    }

    fn find(&self, name: &str) -> io::Result<Arc<MemoryFile>> {
        self.files.lock().get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Room ===

impl Room {
    fn take(&self) -> io::Result<()> {
        let taken = self
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(CHUNK_BYTES as u64));
        taken.map(drop).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn give_back(&self, chunks: usize) {
        self.free.fetch_add((chunks * CHUNK_BYTES) as u64, Ordering::Relaxed);
    }
}

// === impl Disk for MemoryDisk ===

/// Gives a memory disk back when it is dropped.
struct Held(Arc<AtomicBool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Disk for MemoryDisk {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn lock(&self) -> io::Result<DiskLock> {
        if self.locked.swap(true, Ordering::Acquire) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(DiskLock::new(Held(Arc::clone(&self.locked))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.lock().keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.find(name)?)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = Arc::new(MemoryFile { content: RwLock::default(), room: Arc::clone(&self.room) });
        self.files.lock().insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files.lock();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.lock().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

// === impl DiskFile for MemoryFile ===

/// One file in memory.
#[derive(Debug)]
struct MemoryFile {
    content: RwLock<Content>,
    room: Arc<Room>,
}

#[derive(Debug, Default)]
struct Content {
    chunks: Vec<Box<[u8]>>,
    size: u64,
}

impl Content {
    fn grow(&mut self, size: u64, room: &Room) -> io::Result<()> {
        let chunks = usize::try_from(size.div_ceil(CHUNK_BYTES as u64)).map_err(io::Error::other)?;
        while self.chunks.len() < chunks {
            room.take()?;
            self.chunks.push(vec![0; CHUNK_BYTES].into_boxed_slice());
        }
        self.size = self.size.max(size);
        Ok(())
    }

    fn cut(&mut self, size: u64, room: &Room) -> io::Result<()> {
        let chunks = usize::try_from(size.div_ceil(CHUNK_BYTES as u64)).map_err(io::Error::other)?;
        room.give_back(self.chunks.len() - chunks);
        self.chunks.truncate(chunks);
        // What is cut off and grown again must read as zeros.
        let (_, inside) = locate(size);
        if let Some(last) = self.chunks.last_mut().filter(|_| inside > 0) {
            last[inside..].fill(0);
        }
        self.size = size;
        Ok(())
    }
}

/// In which piece a position lies, and where in it.
fn locate(position: u64) -> (usize, usize) {
    let chunk = CHUNK_BYTES as u64;
    // A file that does not fit the address space cannot have been written.
    (usize::try_from(position / chunk).unwrap_or(usize::MAX), (position % chunk) as usize)
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.room.give_back(self.content.get_mut().chunks.len());
    }
}

impl DiskFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.content.read().size)
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = self.content.read();
        let left = usize::try_from(content.size.saturating_sub(position)).unwrap_or(usize::MAX);
        let (chunk, inside) = locate(position);
        let count = into.len().min(left).min(CHUNK_BYTES - inside);
        if count > 0 {
            into[..count].copy_from_slice(&content.chunks[chunk][inside..inside + count]);
        }
        Ok(count)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content.write();
        content.grow(position + bytes.len() as u64, &self.room)?;
        let (mut chunk, mut inside) = locate(position);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(CHUNK_BYTES - inside));
            content.chunks[chunk][inside..inside + now.len()].copy_from_slice(now);
            (chunk, inside, rest) = (chunk + 1, 0, later);
        }
        Ok(())
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        let mut content = self.content.write();
        if bytes < content.size { content.cut(bytes, &self.room) } else { content.grow(bytes, &self.room) }
    }

    fn allocate(&self, _bytes: u64) -> io::Result<()> {
        // Memory is taken when it is written.
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[test]
    fn a_file_grows_over_pieces_and_reads_back() {
        let disk = MemoryDisk::new();
        let file = disk.create("one").unwrap();
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES).map(|number| (number % 251) as u8).collect();
        file.write_at(10, &bytes).unwrap();
        let mut read = vec![0; bytes.len()];
        assert_eq!(disk::read_full(&*file, 10, &mut read).unwrap(), bytes.len());
        assert!(read == bytes);
        assert_eq!(file.read_at(10 + bytes.len() as u64, &mut read).unwrap(), 0);
    }

    #[test]
    fn what_is_cut_off_reads_as_zeros_when_it_grows_again() {
        let disk = MemoryDisk::new();
        let file = disk.create("one").unwrap();
        file.write_at(0, &[7; 100]).unwrap();
        file.set_size(50).unwrap();
        file.set_size(100).unwrap();
        let mut read = [1; 100];
        file.read_at(0, &mut read).unwrap();
        assert!(read[..50].iter().all(|byte| *byte == 7) && read[50..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_full_disk_says_so_and_removed_files_make_room() {
        let disk = MemoryDisk::with_capacity(2 * CHUNK_BYTES as u64);
        let file = disk.create("one").unwrap();
        file.write_at(0, &vec![1; 2 * CHUNK_BYTES]).unwrap();
        let other = disk.create("two").unwrap();
        assert_eq!(other.write_at(0, b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.remove("one").unwrap();
        assert_eq!(other.write_at(0, b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        drop(file);
        other.write_at(0, b"x").unwrap();
    }

    #[test]
    fn it_is_locked_once_and_given_back() {
        let disk = MemoryDisk::new();
        let lock = disk.lock().unwrap();
        assert_eq!(disk.lock().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        disk.lock().unwrap();
    }
}
