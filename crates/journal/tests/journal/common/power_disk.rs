//! A disk that remembers what is written and what is stored apart, loses power, and fails when told.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile, DiskLock};
use parking_lot::Mutex;

/// What a real disk writes in one piece.
const SECTOR_BYTES: u64 = 512;

#[derive(Default)]
pub(crate) struct PowerDisk {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
pub(crate) struct Shared {
    names: BTreeMap<String, usize>,
    stored_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
    inodes: Vec<Inode>,
    pub(crate) faults: Faults,
    pub(crate) bytes_read: u64,
    /// Writes of all kinds so far.
    pub(crate) changes: u64,
}

/// What is to go wrong.
#[derive(Default)]
pub(crate) struct Faults {
    /// The next write stores so many bytes and fails with this.
    pub(crate) write: Option<(io::ErrorKind, usize)>,
    /// The next sync of a file fails with this.
    pub(crate) sync: Option<io::ErrorKind>,
    /// Taking room ahead fails with this.
    pub(crate) allocate: Option<io::ErrorKind>,
    /// Creating a file fails with this, after it was made.
    pub(crate) create: Option<io::ErrorKind>,
    /// From this change on everything fails: the plug is pulled.
    pub(crate) stop_at: Option<u64>,
}

#[derive(Default, Clone)]
struct Inode {
    live: Vec<u8>,
    stored: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Size(u64),
}

#[derive(Clone)]
enum NameChange {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

/// Small and reproducible: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl PowerDisk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock())
    }

    /// What a killed process leaves: everything it wrote.
    pub(crate) fn after_kill(&self) -> Arc<Self> {
        let shared = self.shared.lock();
        let inodes = shared.inodes.clone();
        let (names, stored_names) = (shared.names.clone(), shared.stored_names.clone());
        let left = Shared {
            names,
            stored_names,
            pending_names: shared.pending_names.clone(),
            inodes,
            ..Shared::default()
        };
        Arc::new(Self { shared: Arc::new(Mutex::new(left)) })
    }

    /// What a power loss leaves: all that was synced, and any part of the rest, sector by sector.
    pub(crate) fn after_power_loss(&self, random: &mut Random) -> Arc<Self> {
        let shared = self.shared.lock();
        let mut left = Shared { names: shared.stored_names.clone(), ..Shared::default() };
        for change in shared.pending_names.iter().filter(|_| random.below(2) == 0) {
            change.apply(&mut left.names);
        }
        left.stored_names = left.names.clone();
        // One crash stores about all, about nothing, or about half of what was pending.
        let of_four = random.below(5);
        for inode in &shared.inodes {
            let mut bytes = inode.stored.clone();
            for piece in inode.pending.iter().flat_map(Change::pieces) {
                if random.below(4) < of_four {
                    piece.apply(&mut bytes);
                }
            }
            left.inodes.push(Inode { live: bytes.clone(), stored: bytes, pending: Vec::new() });
        }
        Arc::new(Self { shared: Arc::new(Mutex::new(left)) })
    }

    /// The live content of a file.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        self.with(|shared| shared.inodes[shared.names[name]].live.clone())
    }

    /// Changes a file behind the journal's back, for good.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.with(|shared| {
            let inode = &mut shared.inodes[shared.names[name]];
            change(&mut inode.live);
            inode.stored = inode.live.clone();
            inode.pending.clear();
        });
    }

    /// The names that end like this, in order.
    pub(crate) fn names(&self, end: &str) -> Vec<String> {
        self.with(|shared| shared.names.keys().filter(|name| name.ends_with(end)).cloned().collect())
    }
}

impl Shared {
    fn change(&mut self) -> io::Result<()> {
        self.changes += 1;
        let is_off = self.faults.stop_at.is_some_and(|at| self.changes > at);
        if is_off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link(name, inode) => drop(names.insert(name.clone(), *inode)),
            Self::Unlink(name) => drop(names.remove(name)),
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(position, written) => {
                let (start, end) = (*position as usize, *position as usize + written.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(written);
            }
            Self::Size(size) => bytes.resize(*size as usize, 0),
        }
    }

    /// The parts that a power loss can tear it into.
    fn pieces(&self) -> Vec<Self> {
        let Self::Write(position, bytes) = self else { return vec![self.clone()] };
        let (mut pieces, mut position, mut rest) = (Vec::new(), *position, &bytes[..]);
        while !rest.is_empty() {
            let inside = (SECTOR_BYTES - position % SECTOR_BYTES) as usize;
            let (now, later) = rest.split_at(inside.min(rest.len()));
            pieces.push(Self::Write(position, now.to_vec()));
            (position, rest) = (position + now.len() as u64, later);
        }
        pieces
    }
}

impl Disk for PowerDisk {
    fn place(&self) -> String {
        "a disk under test".to_owned()
    }

    fn lock(&self) -> io::Result<DiskLock> {
        Ok(DiskLock::new(()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names(""))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = *self.shared.lock().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(PowerFile { shared: Arc::clone(&self.shared), inode }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.with(|shared| {
            shared.change()?;
            shared.inodes.push(Inode::default());
            let inode = shared.inodes.len() - 1;
            shared.rename(NameChange::Link(name.to_owned(), inode));
            shared.faults.create.take().map_or(Ok(inode), |kind| Err(io::Error::from(kind)))
        })?;
        Ok(Arc::new(PowerFile { shared: Arc::clone(&self.shared), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.with(|shared| {
            shared.change()?;
            shared.rename(NameChange::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|shared| {
            shared.change()?;
            if !shared.names.contains_key(name) {
                return Err(io::ErrorKind::NotFound.into());
            }
            shared.rename(NameChange::Unlink(name.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.with(|shared| {
            shared.change()?;
            shared.stored_names = shared.names.clone();
            shared.pending_names.clear();
            Ok(())
        })
    }
}

struct PowerFile {
    shared: Arc<Mutex<Shared>>,
    inode: usize,
}

impl PowerFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut shared = self.shared.lock();
        shared.change()?;
        let inode = &mut shared.inodes[self.inode];
        change.apply(&mut inode.live);
        inode.pending.push(change);
        Ok(())
    }
}

impl DiskFile for PowerFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.shared.lock().inodes[self.inode].live.len() as u64)
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut shared = self.shared.lock();
        let live = &shared.inodes[self.inode].live;
        let from = (position as usize).min(live.len());
        let count = into.len().min(live.len() - from);
        into[..count].copy_from_slice(&live[from..from + count]);
        shared.bytes_read += count as u64;
        Ok(count)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let fault = self.shared.lock().faults.write.take();
        let Some((kind, stored)) = fault else { return self.change(Change::Write(position, bytes.to_vec())) };
        self.change(Change::Write(position, bytes[..stored.min(bytes.len())].to_vec()))?;
        Err(kind.into())
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.change(Change::Size(bytes))
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        if let Some(kind) = self.shared.lock().faults.allocate {
            return Err(kind.into());
        }
        let size = self.size()?;
        if size < bytes { self.change(Change::Size(bytes)) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut shared = self.shared.lock();
        shared.change()?;
        let fault = shared.faults.sync.take();
        let inode = &mut shared.inodes[self.inode];
        let pending = std::mem::take(&mut inode.pending);
        if let Some(kind) = fault {
            // As kernels do: what could not be stored counts as stored, and only a new write stores it.
            return Err(kind.into());
        }
        for change in pending {
            change.apply(&mut inode.stored);
        }
        Ok(())
    }
}
