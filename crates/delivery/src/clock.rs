//! The only place that asks the system what time it is.
#![expect(clippy::disallowed_methods, reason = "this is the clock that the lint points to")]

use protocol::socket::Seconds;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Both clocks: the wall's, which may jump, for what is written and compared with tokens; and one that never jumps,
/// for deadlines.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    System {
        start: Instant,
    },
    /// The time of a paused runtime, and what the wall's clock says beside it.
    #[cfg(test)]
    Simulated {
        start: tokio::time::Instant,
        wall_ms: &'static std::sync::atomic::AtomicU64,
    },
}

impl Clock {
    /// A clock whose [`seconds`](Self::seconds) begin now.
    #[must_use]
    pub fn start() -> Self {
        Self { source: Source::System { start: Instant::now() } }
    }

    /// A clock that a simulation moves: `wall_ms` is what the wall's clock said at the start.
    #[cfg(test)]
    pub(crate) fn simulated(wall_ms: &'static std::sync::atomic::AtomicU64) -> Self {
        Self { source: Source::Simulated { start: tokio::time::Instant::now(), wall_ms } }
    }

    /// Milliseconds since 1970, by the wall.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_us() / 1000
    }

    /// Microseconds since 1970, by the wall.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match self.source {
            Source::System { .. } => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
            }
            #[cfg(test)]
            Source::Simulated { wall_ms, .. } => {
                wall_ms.load(std::sync::atomic::Ordering::Relaxed) * 1000 + self.elapsed_us()
            }
        }
    }

    /// Microseconds since the start; never jumps.
    #[must_use]
    pub fn elapsed_us(&self) -> u64 {
        self.elapsed().as_micros() as u64
    }

    /// Milliseconds since the start; never jumps.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed().as_millis() as u64
    }

    /// Seconds since the start, at least 1.
    #[must_use]
    pub fn seconds(&self) -> Seconds {
        Seconds::try_from(self.elapsed().as_secs() + 1).unwrap_or(Seconds::MAX)
    }

    fn elapsed(&self) -> Duration {
        match self.source {
            Source::System { start } => start.elapsed(),
            #[cfg(test)]
            Source::Simulated { start, .. } => start.elapsed(),
        }
    }
}
