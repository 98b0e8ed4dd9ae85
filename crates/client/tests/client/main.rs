//! The client against the real program, which `cargo build --release` has made (or `DOWNLINK_BIN` names).
#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

mod application;
mod calls;
mod cases;
mod conformance;
mod deletion;
mod environment;
mod kept;
mod notices;
mod resume;
mod server;
mod tokens;
