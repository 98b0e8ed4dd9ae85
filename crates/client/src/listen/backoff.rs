//! How long to wait before the next connection: full jitter under a doubling ceiling.
//!
//! Full jitter, because the moment at which all sockets of a server fall is the same for all of them. The figures are
//! those of the browser library.

use std::time::Duration;

/// The ceiling of the first wait: a socket that fell alone is back before anyone notices.
const FIRST_CEILING: Duration = Duration::from_millis(500);

/// The highest ceiling: a listener is back within 20 s of its server's return.
const LAST_CEILING: Duration = Duration::from_secs(20);

/// The wait before the try that follows `failures` failed ones; `random` is from 0 to 1.
pub(crate) fn wait(failures: u32, random: f64) -> Duration {
    FIRST_CEILING.saturating_mul(1 << failures.min(16)).min(LAST_CEILING).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_twenty_seconds() {
        let ceilings: Vec<_> = [0, 1, 2, 5, 6, u32::MAX].map(|n| wait(n, 1.0).as_millis()).into();
        assert_eq!(ceilings, [500, 1000, 2000, 16_000, 20_000, 20_000]);
        assert_eq!(wait(3, 0.0), Duration::ZERO);
    }
}
