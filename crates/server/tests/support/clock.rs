//! A server whose wall clock a test can make jump, while its other clocks go on.

use super::{server::Setup, shim::Shim};

/// The clock of one server, over its restarts.
pub(crate) struct WallClock(Shim);

impl WallClock {
    /// A clock that is right.
    pub(crate) fn new() -> Self {
        Self(Shim::new(include_str!("clock_shim.c")))
    }

    /// A server that goes by this clock.
    pub(crate) fn of(&self, setup: Setup) -> Setup {
        self.0.before(setup)
    }

    /// From now on the clock is wrong by so many seconds.
    pub(crate) fn jump(&self, seconds: i64) {
        self.0.tell(seconds);
    }
}
