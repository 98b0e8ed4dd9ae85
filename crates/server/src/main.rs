//! The program `downlink`: one-way channels from a server to its browsers.

mod cli;
mod commands;
mod config;
mod demo;
mod http;
mod log;
mod metrics;
mod node;
mod serve;
mod service;

use std::process::ExitCode;

/// Gives memory back after a storm of sockets, and builds with a C compiler alone; docs/decisions/001-edge.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            cli::complain(&failure.sentence);
            ExitCode::from(failure.code)
        }
    }
}
