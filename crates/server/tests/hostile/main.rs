//! What a peer may do that no good client would: broken frames, endless heads, floods. The real program, told from outside.
//!
//! Those tests that measure run alone; some have a longer form (`DOWNLINK_TORTURE=long`), as the suite `torture` has.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests may; they live in real time, and say what they measured"
)]

mod alone;
mod attacks;
mod crowd;
mod crowding;
mod http;
mod measured;
mod rfc6455;
mod spread;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each of the suites uses a part of it")]
mod support;
