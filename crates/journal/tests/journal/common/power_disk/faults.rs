//! What is to go wrong, and the small generator that decides it.

use std::io;

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
    /// One change, whatever it is, fails.
    pub(crate) failing: Option<Failing>,
    /// Bytes that all files together may take.
    pub(crate) capacity: Option<u64>,
    /// Reads bring less than was asked for, and writes are done in two parts.
    pub(crate) is_short: bool,
}

/// A change that fails: a write, a sync, a new name, anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failing {
    /// Its number.
    pub(crate) change: u64,
    pub(crate) kind: io::ErrorKind,
    /// Decides how much of it is done all the same.
    pub(crate) chance: u64,
}

impl Failing {
    /// Whether what cannot be done by halves is done although it fails.
    pub(crate) fn is_done(&self) -> bool {
        self.chance & 1 == 1
    }

    /// How many of so many bytes are written although it fails.
    pub(crate) fn part(&self, bytes: usize) -> usize {
        (self.chance >> 1) as usize % (bytes + 1)
    }
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
