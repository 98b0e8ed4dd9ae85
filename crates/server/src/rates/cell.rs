//! How often: the generic cell rate algorithm (ITU-T I.371), whose whole memory is one number.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const SECOND_US: u64 = 1_000_000;

/// More than this nobody owes: a batch may be larger than what a second allows, and is paid for afterwards.
const DEBT_MAX_US: u64 = 60 * SECOND_US;

/// So many a second, and a second's worth at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(NonZeroU32);

impl Rate {
    /// `None` for 0: as often as anybody likes.
    pub(crate) fn per_second(count: u32) -> Option<Self> {
        NonZeroU32::new(count).map(Self)
    }

    pub(crate) fn get(self) -> u32 {
        self.0.get()
    }

    fn interval_us(self) -> u64 {
        (SECOND_US / u64::from(self.get())).max(1)
    }
}

/// When the next one would be due if all came evenly, in microseconds since the node's start.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    /// How long to wait before another one; `None`: it may be now.
    pub(super) fn wait(&self, rate: Rate, now_ms: u64) -> Option<Duration> {
        let ahead = SECOND_US - rate.interval_us().min(SECOND_US);
        let over_us = self.0.load(Relaxed).saturating_sub(now_ms * 1000 + ahead);
        (over_us > 0).then(|| Duration::from_micros(over_us))
    }

    /// So many have come.
    pub(super) fn add(&self, rate: Rate, now_ms: u64, count: u32) {
        let now_us = now_ms * 1000;
        let add = |due: u64| {
            let due = due.max(now_us) + rate.interval_us() * u64::from(count);
            Some(due.min(now_us + DEBT_MAX_US))
        };
        // It always gives a number.
        let _ = self.0.fetch_update(Relaxed, Relaxed, add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one, if it may.
    fn take(cell: &Cell, rate: Rate, now_ms: u64) -> bool {
        let may = cell.wait(rate, now_ms).is_none();
        if may {
            cell.add(rate, now_ms, 1);
        }
        may
    }

    #[test]
    fn a_second_has_its_worth_and_no_more_however_it_comes() {
        for per_second in [1, 2, 7, 100, 500] {
            let rate = Rate::per_second(per_second).unwrap();
            let cell = Cell::default();
            let at_once = (0..10_000).filter(|_| take(&cell, rate, 5)).count();
            assert_eq!(at_once, per_second as usize, "at once");
            // Everything that is tried in ten further seconds.
            let evenly = (0..10_000).filter(|ms| take(&cell, rate, 6 + ms)).count();
            let expected = 10 * per_second as usize;
            assert!(evenly.abs_diff(expected) <= 1, "{per_second}: {evenly} for {expected}");
        }
        assert_eq!(Rate::per_second(0), None);
    }

    #[test]
    fn who_waits_as_long_as_told_is_let_in() {
        let rate = Rate::per_second(3).unwrap();
        let cell = Cell::default();
        while take(&cell, rate, 0) {}
        let wait = cell.wait(rate, 0).unwrap();
        assert!(wait <= Duration::from_millis(334), "{wait:?}");
        assert_eq!(cell.wait(rate, wait.as_millis() as u64 + 1), None);
    }

    #[test]
    fn what_is_too_much_at_once_is_paid_for_and_not_for_ever() {
        let rate = Rate::per_second(10).unwrap();
        let cell = Cell::default();
        cell.add(rate, 0, 50);
        assert_eq!(cell.wait(rate, 0), Some(Duration::from_millis(4100)));
        cell.add(rate, 0, u32::MAX);
        assert!(cell.wait(rate, 0).unwrap() <= Duration::from_secs(60));
    }
}
