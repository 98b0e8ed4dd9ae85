//! Runs a simulation once for each seed, and says how a failure is repeated.
//!
//! `DOWNLINK_SEEDS=n` runs the first n seeds, `DOWNLINK_SEED=x` exactly one and prints its steps. Every simulation of the
//! workspace goes by these two.

use std::any::Any;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

/// Seeds of a short run: some seconds.
const SEEDS: u64 = 300;

/// More failures than this tell nothing new.
const FAILURES_MAX: usize = 10;

/// How often a long run says how far it is.
const PROGRESS: Duration = Duration::from_secs(60);

/// What a run of one seed says of its steps, if anybody listens.
pub(crate) struct Trace {
    is_on: bool,
    step: u64,
}

impl Trace {
    /// Says what happens, numbered.
    pub(crate) fn step(&mut self, what: impl FnOnce() -> String) {
        self.step += 1;
        if self.is_on {
            eprintln!("{:>5}  {}", self.step, what());
        }
    }

    /// Says what came of it.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        if self.is_on {
            eprintln!("         {}", what());
        }
    }
}

/// Runs `one` for all seeds that are asked for. Panics in the end if any of them did.
#[expect(clippy::disallowed_methods, reason = "the time decides only when progress is said")]
pub(crate) fn simulate(name: &str, one: fn(u64, Trace)) {
    if let Some(seed) = number("DOWNLINK_SEED") {
        eprintln!("simulation of {name}, seed {seed}");
        return one(seed, Trace { is_on: true, step: 0 });
    }
    let seeds = number("DOWNLINK_SEEDS").unwrap_or(SEEDS);
    let mut failures = Vec::new();
    let began = Instant::now();
    let mut said = began;
    for seed in 0..seeds {
        if let Err(panic) = catch_unwind(|| one(seed, Trace { is_on: false, step: 0 })) {
            failures.push(format!("seed {seed} (repeat it with: just simulate {seed}): {}", text(&*panic)));
        }
        if failures.len() == FAILURES_MAX {
            break;
        }
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            let (minutes, failed) = (began.elapsed().as_secs() / 60, failures.len());
            eprintln!(
                "simulation of {name}: {} of {seeds} seeds in {minutes} min, {failed} failed",
                seed + 1
            );
        }
    }
    eprintln!("simulation of {name}: {seeds} seeds in {:.1} s", began.elapsed().as_secs_f64());
    assert!(failures.is_empty(), "simulation of {name}: {} failed\n{}", failures.len(), failures.join("\n"));
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is {value}, which is no number")))
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}
