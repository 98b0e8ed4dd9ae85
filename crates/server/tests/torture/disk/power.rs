//! Takes the power from a disk: what was never synced is gone, or half of it, or not, in any order.
//!
//! The program was killed; the kernel still has all that it wrote. From the log of the shim (`shim_log.h`) it is known
//! what of that no sync covers: bytes of files, and names of files in directories. Of these some are taken back.

use super::faults::Disk;
use crate::support::Random;
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

/// A change that no sync covers yet.
enum Change {
    /// Bytes of a file; `old` is empty for zeros.
    Bytes { inode: u64, from: u64, length: u64, old_size: u64, old: Vec<u8> },
    /// A name that stands for a new file.
    Created { path: PathBuf },
    /// A name that was taken from one file and given to another.
    Renamed { from: PathBuf, to: PathBuf, grave: PathBuf },
    /// A name that stands for nothing any more.
    Removed { path: PathBuf, grave: PathBuf },
}

/// What a power loss did.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Lost {
    /// Writes and cuts that were taken back, wholly or in part.
    pub(super) writes: usize,
    /// Names that are as they were.
    pub(super) names: usize,
}

impl std::ops::AddAssign for Lost {
    fn add_assign(&mut self, other: Self) {
        self.writes += other.writes;
        self.names += other.names;
    }
}

/// The server has ended; now the power fails. With `all`, nothing survives that was not synced.
pub(super) fn lose(disk: &Disk, random: &mut Random, all: bool) -> Lost {
    let (changes, mut lost) = (unsynced(disk), Lost::default());
    let data = disk.data();
    let files = files_by_inode(&[data.join("journal"), data.join("presence"), data, disk.graves()]);
    for change in changes.iter().rev() {
        if let Change::Bytes { inode, .. } = change
            && let Some(path) = files.get(inode)
            && (all || random.below(3) > 0)
        {
            take_back_bytes(path, change, if all { 0 } else { random.below(3) });
            lost.writes += 1;
        }
    }
    let names: Vec<&Change> =
        changes.iter().filter(|change| !matches!(change, Change::Bytes { .. })).collect();
    // A file system keeps the order of names.
    let survive = if all { 0 } else { random.below(names.len() as u64 + 1) as usize };
    for change in names[survive..].iter().rev() {
        take_back_name(change);
        lost.names += 1;
    }
    for grave in fs::read_dir(disk.graves()).unwrap() {
        fs::remove_file(grave.unwrap().path()).unwrap();
    }
    fs::remove_file(disk.log()).unwrap_or_default();
    lost
}

/// The changes in the log that no sync covers, oldest first.
fn unsynced(disk: &Disk) -> Vec<Change> {
    let text = fs::read_to_string(disk.log()).unwrap_or_default();
    let mut changes: Vec<(u64, Change)> = Vec::new();
    // Where the log itself was torn, nothing had been done yet.
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        let grave = || disk.graves().join(words[2]);
        let change = match words[0] {
            "write" | "truncate" => Change::Bytes {
                inode: number(2),
                from: number(3),
                length: number(4),
                old_size: number(5),
                old: bytes(words[6]),
            },
            "create" => Change::Created { path: words[3].into() },
            "rename" => Change::Renamed { from: words[3].into(), to: words[4].into(), grave: grave() },
            "remove" => Change::Removed { path: words[3].into(), grave: grave() },
            "sync" => {
                let (upto, synced) = (number(1), number(2));
                changes.retain(|(at, change)| {
                    *at > upto || !matches!(change, Change::Bytes { inode, .. } if *inode == synced)
                });
                continue;
            }
            "syncdir" => {
                let (upto, synced) = (number(1), number(2));
                changes.retain(|(at, change)| *at > upto || folder(change) != Some(synced));
                continue;
            }
            other => panic!("{other} is no line of the log"),
        };
        changes.push((number(1), change));
    }
    changes.into_iter().map(|(_, change)| change).collect()
}

/// The directory in which a name changed.
fn folder(change: &Change) -> Option<u64> {
    let path = match change {
        Change::Bytes { .. } => return None,
        Change::Created { path } | Change::Removed { path, .. } => path,
        Change::Renamed { to, .. } => to,
    };
    Some(path.parent()?.metadata().unwrap().ino())
}

fn bytes(text: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}

fn files_by_inode(folders: &[PathBuf]) -> HashMap<u64, PathBuf> {
    let mut files = HashMap::new();
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let entry = entry.unwrap();
        files.insert(entry.metadata().unwrap().ino(), entry.path());
    }
    files
}

/// Puts back what was there; of a write, the first half or the second may have made it.
fn take_back_bytes(path: &Path, change: &Change, which: u64) {
    let Change::Bytes { from, length, old_size, old, .. } = change else { return };
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let size = file.metadata().unwrap().len();
    if size < *old_size {
        // It had been cut.
        file.set_len(*old_size).unwrap();
        file.write_all_at(old, *from).unwrap();
        return;
    }
    let mut before = old.clone();
    before.resize(size.saturating_sub(*from).min(*length) as usize, 0);
    let half = before.len() / 2;
    match which {
        0 => write(&file, &before, *from),
        1 => write(&file, &before[..half], *from),
        _ => write(&file, &before[half..], *from + half as u64),
    }
}

fn write(file: &File, bytes: &[u8], at: u64) {
    file.write_all_at(bytes, at).unwrap();
}

/// Puts names back. That a name is not there is no error: what was noted need not have been done any more.
fn take_back_name(change: &Change) {
    match change {
        Change::Bytes { .. } => {}
        Change::Created { path } => drop(fs::remove_file(path)),
        Change::Renamed { from, to, grave } => {
            if !from.exists() {
                fs::rename(to, from).unwrap();
                drop(fs::rename(grave, to));
            }
        }
        Change::Removed { path, grave } => {
            if !path.exists() {
                fs::rename(grave, path).unwrap();
            }
        }
    }
}
