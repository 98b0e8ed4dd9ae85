//! Sends at a fixed rate, whatever the server does: a message counts from when it was due, also if it had to wait for a
//! sender. So a server that stands still for a moment is seen standing still (no coordinated omission).

use super::super::{clock::SECOND, engine::Engine};

/// What waits for a sender looks again so soon.
const AGAIN: u64 = SECOND / 1_000;

pub(super) struct Pacer {
    step: u64,
    due: u64,
    end: u64,
    pub(super) sent: u64,
}

impl Pacer {
    /// So many messages a second from now on, for so many nanoseconds.
    pub(super) fn new(engine: &Engine, rate: u64, nanoseconds: u64) -> Self {
        let now = engine.clock.now();
        Self { step: SECOND / rate.max(1), due: now, end: now + nanoseconds, sent: 0 }
    }

    /// Sends no more.
    pub(super) fn stop(&mut self) {
        self.end = 0;
    }

    pub(super) fn is_done(&self) -> bool {
        self.due >= self.end
    }

    /// Sends what is due, and says when the next one is.
    pub(super) fn tick(&mut self, engine: &mut Engine) -> u64 {
        while !self.is_done() {
            let now = engine.clock.now();
            if now < self.due {
                return self.due;
            }
            let Some(publisher) = engine.free_publisher() else { return now + AGAIN };
            let target = engine.random_target(publisher);
            engine.publish(&[target], self.due, false);
            (self.due, self.sent) = (self.due + self.step, self.sent + 1);
        }
        u64::MAX
    }
}
