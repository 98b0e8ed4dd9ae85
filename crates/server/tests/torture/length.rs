//! How long a test tortures: the short form is for every change, the long one for every release.

use parking_lot::{Mutex, MutexGuard};

/// Whether the long form is asked for (`DOWNLINK_TORTURE=long`).
pub(crate) fn is_long() -> bool {
    std::env::var("DOWNLINK_TORTURE").is_ok_and(|value| value == "long")
}

/// The one number in the short form, the other in the long one.
pub(crate) fn pick<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Held by a test for as long as it runs: one at a time, since they measure what the others would disturb. A test that
/// panics leaves the way free for the next.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock()
}
