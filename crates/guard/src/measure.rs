//! Measuring a piece of work: what it allocates, and, under callgrind, how many instructions it takes.

use stats_alloc::{Region, StatsAlloc};
use std::{alloc::System, hint::black_box};

/// Counts what is allocated. The system's allocator below it: its work is the same in each run.
#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

/// The function whose instructions callgrind counts, and after which it writes a file; found by this name.
pub(crate) const COUNTED: &str = "guard::measure::counted_by_callgrind";

/// What one piece of work took.
#[derive(Debug)]
struct Taken {
    name: &'static str,
    /// How many operations of one kind it was.
    operations: u64,
    /// Allocations of all of them.
    allocations: u64,
}

/// What was measured, in order.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    taken: Vec<Taken>,
}

impl Meter {
    /// What was measured, a line each: name, operations, allocations.
    pub(crate) fn lines(&self) -> String {
        let line = |taken: &Taken| format!("{} {} {}\n", taken.name, taken.operations, taken.allocations);
        self.taken.iter().map(line).collect()
    }

    /// Measures a piece of work of so many operations. What it needs is prepared outside, what it leaves is dropped
    /// outside.
    pub(crate) fn measure(&mut self, name: &'static str, operations: u64, mut work: impl FnMut()) {
        let before = Region::new(&ALLOCATOR);
        counted_by_callgrind(&mut work);
        let change = before.change();
        let allocations = (change.allocations + change.reallocations) as u64;
        self.taken.push(Taken { name, operations, allocations });
    }
}

/// Bytes that `work` leaves allocated.
pub(crate) fn bytes_kept<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let before = Region::new(&ALLOCATOR);
    let kept = work();
    let change = before.change();
    (change.bytes_allocated as i64 - change.bytes_deallocated as i64, kept)
}

/// Nothing else has this name, and nothing is merged into it.
#[inline(never)]
fn counted_by_callgrind(work: &mut dyn FnMut()) -> bool {
    work();
    // Something is left to do after it, so that it is called: a jump would end the count at once.
    black_box(true)
}
