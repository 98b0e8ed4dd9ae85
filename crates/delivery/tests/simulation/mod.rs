//! The whole node under one seed: the real hub, edges, broker and journal over a disk, a network and a clock that a seed decides
//! over. What readers and senders saw is judged by the checker.
//!
//! A seed repeats exactly: `just simulate SEED`, which also prints what happens. Everything runs on one thread; what other
//! threads would do, a step does when the seed says so.

mod broker;
mod connection;
mod node;
mod plan;
mod readers;
mod reading;
mod senders;
mod stories;
mod world;

#[allow(dead_code, reason = "the journal's own tests use the rest")]
#[path = "../../../journal/tests/journal/common/power_disk.rs"]
mod power_disk;

pub(crate) use connection::ServerEnd;

use plan::Plan;
use std::time::Duration;
use world::World;

/// Seeds of one ordinary run.
const SEEDS: u64 = 300;

/// What the environment asks for: one seed, told step by step, or so many.
fn seeds() -> (std::ops::Range<u64>, bool) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("DOWNLINK_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (0..number("DOWNLINK_SEEDS").unwrap_or(SEEDS), false),
    }
}

fn run(plan: Plan, talks: bool) -> checker::Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(plan, talks);
        world.run().await;
        world.judge()
    })
}

#[test]
#[allow(clippy::print_stdout, clippy::disallowed_methods, reason = "says how far a long run is")]
fn simulation_of_a_node() {
    let (seeds, talks) = seeds();
    let (begin, mut told) = (std::time::Instant::now(), Duration::ZERO);
    let mut sum = checker::Report::default();
    for seed in seeds.clone() {
        let report = run(Plan::of(seed), talks);
        assert!(report.violations.is_empty(), "seed {seed} (`just simulate {seed}`): {report}");
        sum.sends += report.sends;
        sum.stored += report.stored;
        sum.received += report.received;
        sum.readers += report.readers;
        sum.gaps += report.gaps;
        sum.notices += report.notices;
        if begin.elapsed() > told + Duration::from_secs(60) {
            told = begin.elapsed();
            println!("after {} s at seed {seed}: {sum}", told.as_secs());
        }
    }
    println!("{} seeds: {sum}", seeds.end - seeds.start);
    // A simulation in which nothing happens finds nothing.
    assert!(talks || sum.received > 100 * (seeds.end - seeds.start) as usize, "{sum}");
}
