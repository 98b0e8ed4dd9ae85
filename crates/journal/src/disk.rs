//! The doors to the disk: all that the journal asks of a file system.
//!
//! Kept small and honest, so that a test can stand in for a disk that cuts, tears, fills and fails.
//! [`FileDisk`](crate::file_disk::FileDisk) is the real one,
//! [`MemoryDisk`](crate::memory_disk::MemoryDisk) keeps everything in memory.

use std::any::Any;
use std::io;
use std::sync::Arc;

/// One flat directory of files.
pub trait Disk: Send + Sync {
    /// What to call this disk to a person: the directory.
    fn place(&self) -> String;

    /// Takes the disk for this process alone, until the lock is dropped.
    ///
    /// Fails with [`io::ErrorKind::WouldBlock`] if somebody has it.
    fn lock(&self) -> io::Result<DiskLock>;

    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file, in place of one that has this name. The name is durable after
    /// [`sync_dir`](Self::sync_dir).
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, over one that has the new name. Durable after [`sync_dir`](Self::sync_dir).
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; who has it open can go on reading. Durable after [`sync_dir`](Self::sync_dir).
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renames and removals durable.
    fn sync_dir(&self) -> io::Result<()>;
}

/// One open file.
pub trait DiskFile: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads what is there from `position` on, at most `into.len()` bytes; 0 at the end.
    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes at `position`. After an error any part of them may have been written.
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts or extends (with zeros) the file.
    fn set_size(&self, bytes: u64) -> io::Result<()>;

    /// Sees to it that writes below `bytes` will find room; new room reads as zeros. A disk that
    /// cannot do so does nothing.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Makes what was written, and the size, durable. After an error it is unknown what is.
    fn sync(&self) -> io::Result<()>;
}

/// Keeps other processes away while it lives.
pub struct DiskLock {
    /// Dropping this gives the disk back.
    _held: Box<dyn Any + Send + Sync>,
}

impl DiskLock {
    /// A lock that is given back when `held` is dropped.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl std::fmt::Debug for DiskLock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DiskLock")
    }
}

/// Fills `into` from `position` on; returns how much there was.
pub(crate) fn read_full(file: &dyn DiskFile, position: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(position + filled as u64, &mut into[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The whole content of a file.
pub(crate) fn read_whole(disk: &dyn Disk, name: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(name)?;
    let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    let filled = read_full(&*file, 0, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// Puts a file in place durably and as a whole: after a crash there is the old one or the new one.
pub(crate) fn replace(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{name}{TEMPORARY}");
    let file = disk.create(&temporary)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    disk.rename(&temporary, name)?;
    disk.sync_dir()
}

/// The end of the name of a file that is not finished; such files are removed at the next start.
pub(crate) const TEMPORARY: &str = ".tmp";
