//! What the program promises, told from outside: the real binary, real sockets, real kills.
//!
//! The client in `support` is written byte by byte on plain TCP, so that it can also do what no good client would.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests may; they live in real time"
)]

mod acceptance;
mod api;
mod bench;
mod cluster;
mod cluster_presence;
mod console;
mod crash;
mod deletion;
mod dev_wire;
mod fan_out;
mod http2;
mod measured;
mod nginx;
mod operator;
mod presence;
mod proxy;
mod secrets;
#[allow(dead_code, reason = "each of the suites uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod systemd;
mod tls;
mod transports;
