//! The real disk: a directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::disk::{Disk, DiskFile, DiskLock};

/// The file whose lock keeps a second process out of the directory.
const LOCK_FILE: &str = "journal.lock";

/// Messages are nobody else's business: files are for the owner only.
const MODE: u32 = 0o600;

/// A directory on a real file system.
#[derive(Debug)]
pub struct FileDisk {
    directory: PathBuf,
}

impl FileDisk {
    /// Takes a directory, and makes it if it is not there.
    pub fn new(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        make_directory(&directory)?;
        Ok(Self { directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The name of the running kernel's life: another one after each boot, the same for all processes of one.
pub fn kernel_boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Makes a directory, and those above it, so that a power loss cannot take it with all that is in it.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_directory(above)?;
    fs::create_dir(path)?;
    sync_directory(above)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).open(path)?.sync_all()
}

// === impl Disk for FileDisk ===

impl Disk for FileDisk {
    fn place(&self) -> String {
        self.directory.display().to_string()
    }

    fn lock(&self) -> io::Result<DiskLock> {
        let path = self.path(LOCK_FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path)?;
        file.try_lock()?;
        Ok(DiskLock::new(file))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(self.path(name))?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(MODE);
        Ok(Arc::new(options.open(self.path(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync_directory(&self.directory)
    }
}

// === impl DiskFile for File ===

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, into, position)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, position)
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self, FallocateFlags::empty(), 0, bytes) {
            // Some file systems cannot; writes then find their room as they go.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[test]
    fn a_file_is_written_read_cut_and_preallocated() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FileDisk::new(directory.path().join("a/b")).unwrap();
        let file = disk.create("one").unwrap();
        file.allocate(8192).unwrap();
        assert_eq!(file.size().unwrap(), 8192);
        file.write_at(4, b"data").unwrap();
        file.sync().unwrap();
        let mut read = [1; 12];
        assert_eq!(disk::read_full(&*file, 0, &mut read).unwrap(), 12);
        assert_eq!(&read, b"\0\0\0\0data\0\0\0\0");
        file.set_size(6).unwrap();
        assert_eq!(disk::read_whole(&disk, "one").unwrap(), b"\0\0\0\0da");
    }

    #[test]
    fn names_are_listed_renamed_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FileDisk::new(directory.path()).unwrap();
        disk::replace(&disk, "one", b"1").unwrap();
        disk.rename("one", "two").unwrap();
        assert_eq!(disk.list().unwrap(), ["two"]);
        let still_open = disk.open("two").unwrap();
        disk.remove("two").unwrap();
        disk.sync_dir().unwrap();
        assert_eq!(disk.list().unwrap().len(), 0);
        assert_eq!(still_open.size().unwrap(), 1);
    }

    #[test]
    fn a_directory_is_locked_once_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let first = FileDisk::new(directory.path()).unwrap();
        let second = FileDisk::new(directory.path()).unwrap();
        let lock = first.lock().unwrap();
        assert_eq!(second.lock().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        second.lock().unwrap();
    }

    #[test]
    fn the_boot_id_stays_the_same() {
        assert_eq!(kernel_boot_id().unwrap(), kernel_boot_id().unwrap());
    }
}
