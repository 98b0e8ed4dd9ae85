//! Latencies, and whether they hold under an attack.

use std::time::Duration;

/// A turn of a thread, as the scheduler gives it: server, honest clients and attackers share two cores, and on a quiet
/// machine a 99th percentile is far below this. What is late by less was not held up by the server.
const TURN: Duration = Duration::from_millis(3);

/// One picture of a screen.
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

    /// Both are below twice the normal ones.
    pub(crate) fn holds(&self, normal: &Self) -> bool {
        self.median < normal.median * 2 && self.late_ones_hold(normal)
    }

    /// The 99th percentile is below twice the normal one, or below what one turn of another thread makes of it.
    pub(crate) fn late_ones_hold(&self, normal: &Self) -> bool {
        self.p99 < (normal.p99 * 2).max(TURN)
    }

    /// The 99th percentile is below twice the normal one, or below a pause that nobody sees: where all attackers, all
    /// honest clients and the server share two cores, what is measured is who has his turn.
    pub(crate) fn nobody_sees(&self, normal: &Self) -> bool {
        self.p99 < (normal.p99 * 2).max(UNSEEN)
    }
}

/// Runs rounds, each of a normal time and one under attack, until the attack does not show.
///
/// Other work on the machine makes single rounds worse, never better for one of the two alone in all of them; so one
/// good round out of a few is enough, and a server that does not hold has none.
#[track_caller]
pub(crate) fn in_one_of(
    rounds: usize,
    what: &str,
    good: fn(&Spread, &Spread) -> bool,
    mut round: impl FnMut() -> (Spread, Spread),
) {
    let mut seen = Vec::new();
    for _ in 0..rounds {
        let (normal, attacked) = round();
        println!(
            "{what}: median {:?} → {:?}, p99 {:?} → {:?} ({} and {} times)",
            normal.median, attacked.median, normal.p99, attacked.p99, normal.count, attacked.count
        );
        if good(&attacked, &normal) {
            return;
        }
        seen.push((normal, attacked));
    }
    panic!("{what}: honest clients wait twice as long or longer, in each of {rounds} rounds: {seen:#?}");
}
