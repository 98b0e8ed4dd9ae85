//! When a call is tried again, and how long to wait before. No I/O, no clock.
//!
//! Only repeatable calls are: reads, the creation of channels, which stores nothing, and sends with a key, which are
//! stored once however often they arrive. A send that is not to be stored cannot be recognised when it comes again.

use std::time::Duration;

/// 0.1 to 2.7 s of waiting in all: a restart of the server fits in, and a person waits no longer.
const RETRIES_MAX: u32 = 3;

/// Ceiling of the first wait; each further one is three times that.
const FIRST_WAIT: Duration = Duration::from_millis(300);

/// A server that asks for more patience than this gets none of ours: the caller is told instead.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// Counts the tries of one call.
pub(crate) struct Tries {
    repeatable: bool,
    retries: u32,
    /// From 0 to 1; an argument so that tests know the waits.
    random: fn() -> f64,
}

impl Tries {
    pub(crate) fn new(repeatable: bool, random: fn() -> f64) -> Self {
        Self { repeatable, retries: 0, random }
    }

    /// The wait before the next try after a connection that failed; `None` if that was the last one.
    pub(crate) fn after_failure(&mut self) -> Option<Duration> {
        if !self.repeatable || self.retries == RETRIES_MAX {
            return None;
        }
        let ceiling = FIRST_WAIT * 3_u32.pow(self.retries);
        self.retries += 1;
        // Jitter, so that many workers do not come back in the same instant.
        Some(ceiling.mul_f64((1.0 + 2.0 * (self.random)()) / 3.0))
    }

    /// The wait before the next try after this answer; `None` if it is the last word.
    pub(crate) fn after_answer(&mut self, status: u16, retry_after: Option<Duration>) -> Option<Duration> {
        let asked = retry_after.unwrap_or_default();
        // What a proxy says while the server behind it restarts, the server itself while it cannot, and to who asks more
        // often than it lets.
        if !matches!(status, 429 | 502..=504) || asked > RETRY_AFTER_MAX {
            return None;
        }
        self.after_failure().map(|wait| wait.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_grow_and_end_after_three() {
        let mut tries = Tries::new(true, || 1.0);
        let waits: Vec<_> = std::iter::from_fn(|| tries.after_failure()).collect();
        assert_eq!(waits, [millis(300), millis(900), millis(2700)]);
        let mut tries = Tries::new(true, || 0.0);
        assert_eq!(tries.after_failure(), Some(millis(100)));
    }

    #[test]
    fn what_cannot_be_recognised_is_never_repeated() {
        let mut tries = Tries::new(false, || 1.0);
        assert_eq!(tries.after_failure(), None);
        assert_eq!(tries.after_answer(503, None), None);
    }

    #[test]
    fn only_a_server_that_cannot_now_is_asked_again() {
        for status in [200, 400, 401, 409, 413, 422, 500, 507] {
            assert_eq!(Tries::new(true, || 1.0).after_answer(status, None), None, "{status}");
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(Tries::new(true, || 1.0).after_answer(status, None), Some(millis(300)), "{status}");
        }
    }

    #[test]
    fn the_servers_own_patience_counts() {
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(Tries::new(true, || 1.0).after_answer(503, seconds(2)), seconds(2));
        assert_eq!(Tries::new(true, || 1.0).after_answer(503, seconds(0)), Some(millis(300)));
        assert_eq!(Tries::new(true, || 1.0).after_answer(503, seconds(60)), None);
    }
}
