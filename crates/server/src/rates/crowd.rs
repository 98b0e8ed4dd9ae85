//! Rates of many: a table that never grows, whoever comes.
//!
//! No name is kept: a name stands for one cell in each of two rows. Who shares a cell with somebody busy still has the other
//! one; only who has a busy neighbour in both is held up without having deserved it. (A count-min sketch of cells, with
//! conservative update.) So a million addresses cost as much as one, and nobody can push another's out.

use super::cell::{Cell, Rate};
use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// In a row: with 1,000 busy names, another one is held up with a chance of 1 in 4,000. Both rows take 1 MiB.
const CELLS: usize = 1 << 16;

/// A rate for each of many names.
pub(crate) struct Crowd {
    rate: Rate,
    rows: [Box<[Cell]>; 2],
    /// Keyed anew at each start: nobody can choose a name that shares a cell with another one.
    hasher: RandomState,
}

impl Crowd {
    pub(crate) fn new(rate: Rate) -> Self {
        let row = || (0..CELLS).map(|_| Cell::default()).collect();
        Self { rate, rows: [row(), row()], hasher: RandomState::new() }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    fn cells(&self, name: &[u8]) -> [&Cell; 2] {
        let hash = self.hasher.hash_one(name);
        let index = |part: u64| usize::try_from(part).unwrap_or(0) % CELLS;
        [&self.rows[0][index(hash & 0xffff_ffff)], &self.rows[1][index(hash >> 32)]]
    }

    /// How long a name has to wait; `None`: it may.
    pub(crate) fn wait(&self, name: &[u8], now_ms: u64) -> Option<Duration> {
        let [one, other] = self.cells(name).map(|cell| cell.wait(self.rate, now_ms));
        Some(one?.min(other?))
    }

    /// A name has done it so many times.
    pub(crate) fn add(&self, name: &[u8], now_ms: u64, count: u32) {
        let cells = self.cells(name);
        let is_free = |cell: &&&Cell| cell.wait(self.rate, now_ms).is_none();
        // A cell that others have filled is left as it is.
        if cells.iter().any(|cell| is_free(&cell)) {
            cells.iter().filter(is_free).for_each(|cell| cell.add(self.rate, now_ms, count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_also_among_many_who_have_too_much() {
        let crowd = Crowd::new(Rate::per_second(5).unwrap());
        let take = |name: &str| {
            let may = crowd.wait(name.as_bytes(), 0).is_none();
            crowd.add(name.as_bytes(), 0, u32::from(may));
            may
        };
        for busy in 0..1000 {
            assert!((0..50).filter(|_| take(&format!("busy {busy}"))).count() <= 5, "{busy}");
        }
        let held_up = (0..10_000).filter(|quiet| !take(&format!("quiet {quiet}"))).count();
        assert!(held_up < 40, "{held_up} of 10,000");
    }
}
