//! The only place that asks the system what time it is.
#![expect(clippy::disallowed_methods, reason = "this is the clock that the lint points to")]

use protocol::socket::Seconds;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both clocks: the wall's, which may jump, for what is written and compared with tokens; and one that never jumps,
/// for deadlines.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose [`seconds`](Self::seconds) begin now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since 1970, by the wall.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }

    /// Milliseconds since the start; never jumps.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Seconds since the start, at least 1.
    #[must_use]
    pub fn seconds(&self) -> Seconds {
        Seconds::try_from(self.start.elapsed().as_secs() + 1).unwrap_or(Seconds::MAX)
    }
}
