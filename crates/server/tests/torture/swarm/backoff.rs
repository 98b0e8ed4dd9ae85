//! How a good client waits before it comes back: full jitter under a doubling ceiling, as the browser library does.

use crate::support::Random;
use std::time::Duration;

const FIRST_CEILING_MS: u64 = 500;
const LAST_CEILING_MS: u64 = 20_000;

/// The wait before the try that follows so many failed ones.
pub(crate) fn backoff(failures: u32, random: &mut Random) -> Duration {
    let ceiling = (FIRST_CEILING_MS << failures.min(10)).min(LAST_CEILING_MS);
    Duration::from_millis(random.below(ceiling))
}
