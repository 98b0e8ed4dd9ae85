//! How long things took, in fixed buckets, at a few instructions each.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// The upper bounds of the buckets, in microseconds; what took longer is in one more. From what memory takes to what a
/// person waits for.
pub const BOUNDS_US: [u64; 18] = [
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Threads that write at the same time seldom meet in one of so many.
pub(crate) const SHARDS: usize = 4;

/// Times that were measured.
#[derive(Debug, Default)]
pub struct Histogram([Shard; SHARDS]);

/// Lines of the processor's cache are not shared between them.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How many there were in each bucket of [`BOUNDS_US`], and in the one beyond.
    pub buckets: [u64; BOUNDS_US.len() + 1],
    /// The sum of all, in microseconds.
    pub sum_us: u64,
}

/// Which shard this thread writes to.
pub(crate) fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        shard.get()
    })
}

impl Histogram {
    /// Something took so many microseconds.
    pub fn observe(&self, us: u64) {
        self.observe_many(us, 1);
    }

    /// So many things took so many microseconds each.
    pub fn observe_many(&self, us: u64, count: u64) {
        let bucket = BOUNDS_US.partition_point(|bound| us > *bound);
        let shard = &self.0[shard()];
        shard.buckets[bucket].fetch_add(count, Ordering::Relaxed);
        shard.sum_us.fetch_add(us * count, Ordering::Relaxed);
    }

    /// What was measured so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot { buckets: [0; BOUNDS_US.len() + 1], sum_us: 0 };
        for shard in &self.0 {
            for (sum, bucket) in all.buckets.iter_mut().zip(&shard.buckets) {
                *sum += bucket.load(Ordering::Relaxed);
            }
            all.sum_us += shard.sum_us.load(Ordering::Relaxed);
        }
        all
    }
}

impl Snapshot {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        for us in [0, 25, 26, 10_000_000, 10_000_001] {
            histogram.observe(us);
        }
        histogram.observe_many(300, 7);
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.buckets[..5], [2, 1, 0, 0, 7]);
        assert_eq!(snapshot.buckets[BOUNDS_US.len() - 1..], [1, 1]);
        assert_eq!(snapshot.count(), 12);
        assert_eq!(snapshot.sum_us, 25 + 26 + 20_000_001 + 2_100);
    }

    #[test]
    fn what_all_threads_measured_is_there() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..1000).for_each(|us| histogram.observe(us)));
            }
        });
        assert_eq!(histogram.snapshot().count(), 2 * SHARDS as u64 * 1000);
    }
}
