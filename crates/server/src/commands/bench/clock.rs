//! What time it is for a measurement: nanoseconds since it began, on a clock that never jumps.

use std::time::{Duration, Instant};

/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a load generator measures time; nothing of the server waits for it"
    )]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start.
    pub(super) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Nanoseconds of a duration.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
