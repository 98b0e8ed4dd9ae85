//! A disk that remembers what is written and what is stored apart, loses power, and fails when told.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile, DiskLock};
use parking_lot::Mutex;

#[path = "power_disk/content.rs"]
mod content;
#[path = "power_disk/faults.rs"]
mod faults;

use content::{Change, Inode, NameChange};
pub(crate) use faults::{Failing, Faults, Random};

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
        let inodes = shared.named_inodes();
        let (names, stored_names) = (shared.names.clone(), shared.stored_names.clone());
        let pending_names = shared.pending_names.clone();
        let left = Shared { names, stored_names, pending_names, inodes, ..Shared::default() };
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
        left.inodes = shared.named_inodes();
        for inode in &mut left.inodes {
            inode.store_some(of_four, random);
            inode.live = inode.stored.clone();
        }
        Arc::new(Self { shared: Arc::new(Mutex::new(left)) })
    }

    /// The live content of a file.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        self.with(|shared| shared.inodes[shared.names[name]].live.clone())
    }

    /// The live content of all files.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.with(|shared| {
            let content = |inode: usize| shared.inodes[inode].live.clone();
            shared.names.iter().map(|(name, inode)| (name.clone(), content(*inode))).collect()
        })
    }

    /// Bytes that all files take.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.with(|shared| shared.used_bytes())
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
    /// Counts a change; says whether it is the one that is to fail.
    fn change(&mut self) -> io::Result<Option<Failing>> {
        self.changes += 1;
        let is_off = self.faults.stop_at.is_some_and(|at| self.changes > at);
        let failing = self.faults.failing.filter(|failing| failing.change == self.changes);
        if is_off { Err(io::Error::other("the power is off")) } else { Ok(failing) }
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    /// Changes names, or fails, perhaps having changed them.
    fn try_rename(&mut self, change: NameChange) -> io::Result<()> {
        let failing = self.change()?;
        if failing.is_none_or(|failing| failing.is_done()) {
            self.rename(change);
        }
        failing.map_or(Ok(()), |failing| Err(failing.kind.into()))
    }

    fn used_bytes(&self) -> u64 {
        self.names.values().map(|inode| self.inodes[*inode].live.len() as u64).sum()
    }

    /// How many of so many new bytes there is room for.
    fn room(&self, wanted: u64) -> u64 {
        match self.faults.capacity {
            Some(capacity) => wanted.min(capacity.saturating_sub(self.used_bytes())),
            None => wanted,
        }
    }

    /// All files that have a name, or had one that a crash can bring back; the others are empty.
    fn named_inodes(&self) -> Vec<Inode> {
        let mut kept = vec![Inode::default(); self.inodes.len()];
        let pending = self.pending_names.iter().filter_map(NameChange::inode);
        for inode in self.names.values().chain(self.stored_names.values()).copied().chain(pending) {
            kept[inode] = self.inodes[inode].clone();
        }
        kept
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
            if shared.faults.capacity.is_some() && shared.room(1) == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            // One that has this name keeps it, and loses its content.
            if let Some(inode) = shared.names.get(name).copied() {
                let failing = shared.change()?;
                shared.inodes[inode].change(Change::Size(0));
                return failing.map_or(Ok(inode), |failing| Err(failing.kind.into()));
            }
            shared.inodes.push(Inode::default());
            let inode = shared.inodes.len() - 1;
            shared.try_rename(NameChange::Link(name.to_owned(), inode))?;
            shared.faults.create.take().map_or(Ok(inode), |kind| Err(io::Error::from(kind)))
        })?;
        Ok(Arc::new(PowerFile { shared: Arc::clone(&self.shared), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.with(|shared| {
            let inode = *shared.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            shared.try_rename(NameChange::Rename(from.to_owned(), to.to_owned(), inode))
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|shared| {
            if !shared.names.contains_key(name) {
                return Err(io::ErrorKind::NotFound.into());
            }
            shared.try_rename(NameChange::Unlink(name.to_owned()))
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.with(|shared| {
            if let Some(failing) = shared.change()? {
                return Err(failing.kind.into());
            }
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
    fn size_change(&self, bytes: u64) -> io::Result<()> {
        let mut shared = self.shared.lock();
        let failing = shared.change()?;
        if failing.is_none_or(|failing| failing.is_done()) {
            shared.inodes[self.inode].change(Change::Size(bytes));
        }
        failing.map_or(Ok(()), |failing| Err(failing.kind.into()))
    }

    fn write(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut shared = self.shared.lock();
        let failing = shared.change()?;
        let size = shared.inodes[self.inode].live.len() as u64;
        let growth = (position + bytes.len() as u64).saturating_sub(size);
        let without_room = growth - shared.room(growth);
        let (written, kind) = match (failing, shared.faults.write.take()) {
            (Some(failing), _) => (failing.part(bytes.len()), Some(failing.kind)),
            (None, Some((kind, stored))) => (stored.min(bytes.len()), Some(kind)),
            (None, None) if without_room > 0 => {
                (bytes.len().saturating_sub(without_room as usize), Some(io::ErrorKind::StorageFull))
            }
            (None, None) => (bytes.len(), None),
        };
        shared.inodes[self.inode].change(Change::Write(position, bytes[..written].to_vec()));
        kind.map_or(Ok(()), |kind| Err(kind.into()))
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
        let mut count = into.len().min(live.len() - from);
        if shared.faults.is_short && count > 1 {
            // Some number that the place decides, so that it is the same the next time.
            count = 1 + (position ^ 0x55) as usize % count;
        }
        into[..count].copy_from_slice(&live[from..from + count]);
        shared.bytes_read += count as u64;
        Ok(count)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let is_short = self.shared.lock().faults.is_short && bytes.len() > 1;
        if !is_short {
            return self.write(position, bytes);
        }
        let (first, rest) = bytes.split_at(1 + (position ^ 0x33) as usize % (bytes.len() - 1));
        self.write(position, first)?;
        self.write(position + first.len() as u64, rest)
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.size_change(bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let size = self.size()?;
        let wanted = bytes.saturating_sub(size);
        let shared = self.shared.lock();
        let is_full = shared.room(wanted) < wanted;
        let refused = shared.faults.allocate.or(is_full.then_some(io::ErrorKind::StorageFull));
        drop(shared);
        match refused {
            Some(kind) => Err(kind.into()),
            None if wanted > 0 => self.size_change(bytes),
            None => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut shared = self.shared.lock();
        let failing = shared.change()?;
        let fault = shared.faults.sync.take();
        let inode = &mut shared.inodes[self.inode];
        // As kernels do after an error: what could not be stored counts as stored, and only a new write stores it.
        if let Some(failing) = failing {
            inode.store_some(failing.chance % 4, &mut Random(failing.chance));
            return Err(failing.kind.into());
        }
        let pending = std::mem::take(&mut inode.pending);
        if let Some(kind) = fault {
            return Err(kind.into());
        }
        for change in pending {
            change.apply(&mut inode.stored);
        }
        Ok(())
    }
}
