//! What files and names are, and what is still to be stored of them.

use std::collections::BTreeMap;

use super::faults::Random;

/// What a real disk writes in one piece.
const SECTOR_BYTES: u64 = 512;

/// One file's content.
#[derive(Default, Clone)]
pub(crate) struct Inode {
    /// As a process sees it.
    pub(crate) live: Vec<u8>,
    /// As it is after a power loss that takes all it can.
    pub(crate) stored: Vec<u8>,
    /// What leads from the one to the other, in the order of writing.
    pub(crate) pending: Vec<Change>,
}

#[derive(Clone)]
pub(crate) enum Change {
    Write(u64, Vec<u8>),
    Size(u64),
}

/// A change of the directory.
#[derive(Clone)]
pub(crate) enum NameChange {
    Link(String, usize),
    Unlink(String),
    /// This very file gets another name, whatever has the old one when it is stored.
    Rename(String, String, usize),
}

impl Inode {
    pub(crate) fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    /// Stores about `of_four` quarters of what is pending; forgets the rest.
    pub(crate) fn store_some(&mut self, of_four: u64, random: &mut Random) {
        for piece in std::mem::take(&mut self.pending).iter().flat_map(Change::pieces) {
            if random.below(4) < of_four {
                piece.apply(&mut self.stored);
            }
        }
    }
}

impl NameChange {
    pub(crate) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link(name, inode) => drop(names.insert(name.clone(), *inode)),
            Self::Unlink(name) => drop(names.remove(name)),
            Self::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
        }
    }

    /// The file that this gives a name.
    pub(crate) fn inode(&self) -> Option<usize> {
        if let Self::Link(_, inode) | Self::Rename(_, _, inode) = self { Some(*inode) } else { None }
    }
}

impl Change {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
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
