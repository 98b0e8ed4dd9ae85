//! What the tests share: the program as a process, and a client that speaks all four transports.

pub(crate) mod application;
pub(crate) mod clock;
pub(crate) mod collector;
pub(crate) mod conformance;
pub(crate) mod front;
pub(crate) mod http;
pub(crate) mod length;
pub(crate) mod opening;
pub(crate) mod pebble;
pub(crate) mod server;
pub(crate) mod shim;
pub(crate) mod slow;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod websocket;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// Nothing that is asked here takes longer, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again until the answer is there.
///
/// # Panics
/// If it is not within [`PATIENCE`].
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `bound` (xorshift64*, George Marsaglia).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}
