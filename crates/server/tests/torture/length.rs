//! How long a test tortures: the short form is for every change, the long one for every release.

pub(crate) use crate::support::length::{is_long, pick};
use parking_lot::{Mutex, MutexGuard};

/// Held by a test for as long as it runs: one at a time, since they measure what the others would disturb. A test that
/// panics leaves the way free for the next.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock()
}
