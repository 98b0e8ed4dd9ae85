//! Guards what a message and a socket cost, by counting instead of by the clock: instructions (under valgrind's
//! callgrind), allocations, and bytes that an idle socket keeps. The counts are the same in every run, whatever else the
//! machine does, so they can be compared with recorded ones.
//!
//! `guard check` compares, `guard record` writes down anew, `guard work` is what both have counted. It is no part of the
//! program.

mod callgrind;
mod codec;
mod figures;
mod hub;
mod log;
mod measure;
mod node;
mod program;
mod recorded;
mod sockets;

use figures::Figures;
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("work") => take_descriptors().map(|()| say(&work())),
        Some("check") => measured().and_then(|figures| recorded::check(&figures)),
        Some("record") => measured().and_then(|figures| recorded::record(&figures)),
        _ => Err("say `guard check` or `guard record`".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Both ends of each socket are in one process: more than the 1,024 descriptors that many systems give at first.
fn take_descriptors() -> Result<(), String> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    const NEEDED: u64 = 4096;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < NEEDED) {
        limit.current = Some(NEEDED);
        setrlimit(Resource::Nofile, limit)
            .map_err(|error| format!("{NEEDED} descriptors are needed: raise `ulimit -n` ({error})"))?;
    }
    Ok(())
}

/// All the work that callgrind counts, in one process. What was measured, a line each.
fn work() -> String {
    let mut meter = measure::Meter::default();
    codec::run(&mut meter);
    log::run(&mut meter);
    hub::run(&mut meter);
    meter.lines()
}

/// Counts everything.
fn measured() -> Result<Figures, String> {
    let mut figures = Figures::default();
    take_descriptors()?;
    callgrind::count_work(&mut figures)?;
    program::count(&mut figures)?;
    figures.bytes.extend(sockets::run().map(|(name, bytes)| (name.to_owned(), bytes)));
    Ok(figures)
}

/// To standard output; a closed one is no reason to fail.
fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
