//! The promises under force: kills, failing disks, cut and slow networks, storms. The real program, told from outside.
//!
//! Each test has a short form, which `scripts/test` runs, and a long one (`just torture`, about an hour); see [`length`].
//! They run one after the other, since some of them measure.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests may; they live in real time, and say how far they are"
)]

mod cluster;
mod disk;
mod kills;
mod length;
#[allow(dead_code, unused_imports, reason = "each of the tests uses a part of it")]
mod load;
mod measured;
mod renewal;
mod resume;
mod sends;
mod stops;
#[allow(dead_code, reason = "each of the suites uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod swarm;
