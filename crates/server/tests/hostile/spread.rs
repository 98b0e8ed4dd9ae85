//! Latencies, and whether they hold under an attack.

use crate::{alone::may_be_ahead, support::length::pick};
use std::time::Duration;

/// What is late by less was not held up by the server, where a 99th percentile is the second or third worst of a few hundred: a turn that
/// something else had on this machine, or its host. The long form has thousands, and needs no such allowance.
const TURN: Duration = Duration::from_millis(3);

/// One picture of a screen: what is allowed where honest clients cannot be put ahead of attackers, and wait for several turns of theirs.
const UNSEEN: Duration = Duration::from_millis(16);

/// How latencies are spread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) count: usize,
}

impl Spread {
    pub(crate) fn of(mut latencies: Vec<Duration>) -> Self {
        assert!(latencies.len() >= 100, "a 99th percentile of {}", latencies.len());
        latencies.sort_unstable();
        let at = |share: usize| latencies[latencies.len() * share / 100];
        Self { median: at(50), p99: at(99), count: latencies.len() }
    }

    /// Both are below twice the normal ones; the 99th percentile may be below what is allowed instead.
    fn holds(&self, normal: &Self) -> bool {
        let allowed = if may_be_ahead() { pick(TURN, Duration::ZERO) } else { UNSEEN };
        self.median < normal.median * 2 && self.p99 < (normal.p99 * 2).max(allowed)
    }
}

/// Runs rounds, each of a normal time and one under attack, until the attack does not show.
///
/// Other work on the machine makes single rounds worse, never better for one of the two alone in all of them; so one
/// good round out of a few is enough, and a server that does not hold has none.
#[track_caller]
pub(crate) fn in_one_of(rounds: usize, what: &str, mut round: impl FnMut() -> (Spread, Spread)) {
    let mut seen = Vec::new();
    for _ in 0..rounds {
        let (normal, attacked) = round();
        println!(
            "{what}: median {:?} → {:?}, p99 {:?} → {:?} ({} and {} times)",
            normal.median, attacked.median, normal.p99, attacked.p99, normal.count, attacked.count
        );
        if attacked.holds(&normal) {
            return;
        }
        seen.push((normal, attacked));
    }
    panic!("{what}: honest clients wait twice as long or longer, in each of {rounds} rounds: {seen:#?}");
}
