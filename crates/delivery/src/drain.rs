//! When the sockets of a node that stops come back: not all at once, and not before it can be there again.

/// So many sockets come back in a second: a node with two cores opens twice as many, and has traffic beside.
const RETURNS_PER_SECOND: u32 = 10_000;

/// Nobody comes back sooner: a stop and a start take about so long, and whoever finds nobody waits longer.
const FIRST_MS: u32 = 300;

/// Few sockets are spread over so long all the same: the application hears of them at the same time.
const WINDOW_MS_MIN: u32 = 1_000;

/// The time within which all come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Returns {
    first_ms: u32,
    window_ms: u32,
}

impl Returns {
    /// For so many sockets, the last one after `ms_max`.
    pub(crate) fn new(sockets: u64, ms_max: u32) -> Self {
        let wanted = sockets.saturating_mul(1000) / u64::from(RETURNS_PER_SECOND);
        let window_ms = u32::try_from(wanted).unwrap_or(u32::MAX).max(WINDOW_MS_MIN);
        let first_ms = FIRST_MS.min(ms_max);
        Self { first_ms, window_ms: window_ms.min(ms_max - first_ms) }
    }

    /// When the one with this number comes back, of so many.
    pub(crate) fn after_ms(self, number: u64, count: u64) -> u32 {
        let share = number % count.max(1) * u64::from(self.window_ms) / count.max(1);
        self.first_ms + u32::try_from(share).expect("a part of the window")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_back_soon_and_many_are_spread() {
        for (sockets, ms_max, last) in [
            (0, 5_000, 1_300),
            (100, 5_000, 1_300),
            (10_000, 5_000, 1_300),
            (20_000, 5_000, 2_300),
            (1_000_000, 5_000, 5_000),
            (1_000_000, 300_000, 100_300),
            (10, 1_000, 1_000),
            (10, 100, 100),
            (10, 0, 0),
        ] {
            let returns = Returns::new(sockets, ms_max);
            assert_eq!(returns.first_ms + returns.window_ms, last, "{sockets} within {ms_max}");
            assert!(returns.after_ms(99_999, 100_000) <= last);
        }
    }

    #[test]
    fn they_come_evenly() {
        let returns = Returns::new(10, 5_000);
        let times: Vec<u32> = (0..5).map(|number| returns.after_ms(number, 5)).collect();
        assert_eq!(times, [300, 500, 700, 900, 1_100]);
        assert_eq!(returns.after_ms(7, 0), 300);
    }
}
