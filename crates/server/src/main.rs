//! The program `downlink`: one-way channels from a server to its browsers.

mod canary;
mod cli;
mod commands;
mod config;
mod demo;
mod disk_times;
mod follow;
mod http;
mod keys;
mod log;
mod metrics;
mod node;
mod notices;
mod outgoing;
mod rates;
mod reload;
mod samples;
mod serve;
mod service;
mod systemd;
mod time;
mod tls;
mod trace;

use std::process::ExitCode;

/// Least memory for each socket, and given back after a storm of them; docs/decisions/001-edge.md. How soon is set in
/// `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            cli::complain(&failure.sentence);
            ExitCode::from(failure.code)
        }
    }
}
