//! A data directory on a disk that fails when it is told to: the program runs with `shim.c` between it and the C library.

use crate::support::server::{Setup, on_disk};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tempfile::TempDir;

/// The system's number of an error.
pub(super) const EIO: u64 = 5;
pub(super) const ENOSPC: u64 = 28;

/// What the program asks of a disk, as numbered in `shim.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// All but reads.
    AnyChange = 0,
    Write = 1,
    Sync = 2,
    Rename = 3,
    Create = 4,
    Truncate = 5,
    DirectorySync = 7,
    Read = 8,
}

/// Below which folder of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Journal,
    Presence,
}

/// What happens instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing is done, and this error is reported.
    Fail(u64),
    /// So many bytes are written, and that is what is reported.
    Short(u64),
    /// The process is killed before.
    KillBefore,
    /// The process is killed after.
    KillAfter,
    /// The process is killed after so many bytes were written.
    KillShort(u64),
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    operation: Operation,
    place: Place,
    action: Action,
    /// So many calls still go well.
    skip: u64,
    /// Then so many do not; 0: none ever does again.
    times: u64,
}

impl Fault {
    /// It goes wrong once.
    pub(super) fn once(place: Place, operation: Operation, action: Action) -> Self {
        Self { operation, place, action, skip: 0, times: 1 }
    }

    /// It goes wrong until it is mended.
    pub(super) fn always(place: Place, operation: Operation, action: Action) -> Self {
        Self { times: 0, ..Self::once(place, operation, action) }
    }

    /// So many calls still go well.
    pub(super) fn after(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    fn words(&self) -> [u64; FAULT_WORDS as usize] {
        let (action, value) = match self.action {
            Action::Fail(error) => (1, error),
            Action::Short(bytes) => (2, bytes),
            Action::KillBefore => (3, 0),
            Action::KillAfter => (4, 0),
            Action::KillShort(bytes) => (5, bytes),
        };
        [0, self.operation as u64, self.place as u64, self.skip, self.times, action, value, 0, 0]
    }
}

// The layout of the control file, in words of 8 bytes (`struct control` in `shim.c`).
const OPERATIONS: u64 = 9;
const SYNCS_REPEATED: u64 = 3 * OPERATIONS;
const FIRST_FAULT: u64 = SYNCS_REPEATED + 1;
const FAULT_WORDS: u64 = 9;
const FAULTS: u64 = 16;
/// In a fault: how often it came about.
const HITS: u64 = 8;

/// A data directory, and all that belongs to breaking it.
pub(super) struct Disk {
    folder: Arc<TempDir>,
    /// The next free fault.
    next: AtomicU64,
}

impl Disk {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self::below(tempfile::tempdir().unwrap())
    }

    /// In a folder that is there.
    pub(super) fn below(folder: TempDir) -> Self {
        let disk = Self { folder: Arc::new(folder), next: AtomicU64::new(0) };
        fs::create_dir(disk.path("data")).unwrap();
        fs::create_dir(disk.path("graves")).unwrap();
        fs::write(disk.path("control"), [0; 4096]).unwrap();
        disk
    }

    /// A whole one of its own, with what this one holds now. While a server stands still, that is what a kill would leave.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::new();
        copy_folder(&self.data(), &copy.data());
        copy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Where changes are written down.
    pub(super) fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// Where files are kept that were replaced or removed.
    pub(super) fn graves(&self) -> PathBuf {
        self.path("graves")
    }

    /// What the servers on it complained of.
    pub(super) fn complaints(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// The files of a folder of the data directory whose names end so, sorted.
    pub(super) fn files(&self, folder: &str, end: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = paths.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
        found.sort();
        found
    }

    /// A server on this disk with small segments, that has nothing to fear from it.
    pub(super) fn plain(&self, durability: &str) -> Setup {
        // Segments are an eighth of what is kept.
        on_disk(durability)
            .data_below(&self.folder, "data")
            .env("DOWNLINK_RETENTION_BYTES", "2097152")
            .env("DOWNLINK_RETENTION_MESSAGES", "100000")
            .log_to(&self.path("stderr"))
    }

    /// A server on this disk that can be broken.
    pub(super) fn setup(&self, durability: &str) -> Setup {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        self.plain(durability)
            .env("LD_PRELOAD", shim().to_str().unwrap())
            .env("DISK_FAULTS_BELOW", &text(self.data()))
            .env("DISK_FAULTS_CONTROL", &text(self.path("control")))
    }

    /// The same, and every change is written down, for [`power`](super::power).
    pub(super) fn logged(&self, durability: &str) -> Setup {
        self.setup(durability)
            .env("DISK_FAULTS_LOG", self.log().to_str().unwrap())
            .env("DISK_FAULTS_GRAVES", self.graves().to_str().unwrap())
    }

    /// From now on this goes wrong. Returns the fault's number, for [`hits`](Self::hits).
    pub(super) fn fail(&self, fault: Fault) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(number < FAULTS, "so many faults fit the control file");
        let at = FIRST_FAULT + number * FAULT_WORDS;
        let bytes: Vec<u8> = fault.words().iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.write(at, &bytes);
        // It counts when it is whole.
        self.write(at, &1u64.to_ne_bytes());
        number
    }

    /// Nothing goes wrong any more.
    pub(super) fn mend(&self) {
        for number in 0..FAULTS {
            self.write(FIRST_FAULT + number * FAULT_WORDS, &0u64.to_ne_bytes());
        }
        self.next.store(0, Ordering::Relaxed);
    }

    /// How often a fault came about.
    pub(super) fn hits(&self, number: u64) -> u64 {
        self.word(FIRST_FAULT + number * FAULT_WORDS + HITS)
    }

    /// Calls so far.
    pub(super) fn count(&self, place: Place, operation: Operation) -> u64 {
        self.word(place as u64 * OPERATIONS + operation as u64)
    }

    /// Syncs of a descriptor whose sync had failed before.
    pub(super) fn syncs_repeated(&self) -> u64 {
        self.word(SYNCS_REPEATED)
    }

    fn write(&self, word: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(self.path("control")).unwrap();
        file.write_all_at(bytes, word * 8).unwrap();
    }

    fn word(&self, word: u64) -> u64 {
        let mut bytes = [0; 8];
        let file = OpenOptions::new().read(true).open(self.path("control")).unwrap();
        file.read_exact_at(&mut bytes, word * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }
}

/// Copies files and folders.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The shim, compiled once for this run by the compiler that every machine with Rust has.
fn shim() -> &'static Path {
    static SHIM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SHIM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
        fs::write(&source, include_str!("shim.c")).unwrap();
        fs::write(folder.path().join("shim_log.h"), include_str!("shim_log.h")).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        assert!(compiler.arg(&library).arg(&source).status().unwrap().success(), "the shim compiles");
        (folder, library)
    });
    path
}
