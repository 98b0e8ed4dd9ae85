//! The journal and the ledger under a seeded scheduler, on a disk that loses power, fills, fails and rots.
//!
//! One seed decides everything: there is no time and no thread. `just simulate SEED` repeats one and prints its steps.

mod appending;
mod damage;
mod ledger;
mod model;
mod opening;
#[path = "../journal/common/power_disk.rs"]
#[allow(dead_code, reason = "the suites use different parts of it")]
mod power_disk;
mod retaining;
mod seeds;
mod segments;
mod world;

#[test]
fn simulation_of_the_journal() {
    seeds::simulate("the journal", world::run);
}

#[test]
fn simulation_of_the_ledger() {
    seeds::simulate("the ledger", ledger::run);
}
