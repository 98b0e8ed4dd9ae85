//! The addresses that a reader in pages still has before it, so that the next page need not walk the chain anew.
//!
//! A channel is a chain from its newest message back; whoever is far behind would walk all of it for each page.

use journal::{Key, Offset};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Readers whose plan is kept. A reader without one walks again: slower, not wrong.
const PLANS_MAX: usize = 256;

/// Addresses kept of one plan: with all plans 8 MiB.
const ADDRESSES_MAX: usize = 4096;

/// A plan is for the next page, not for next time: by then the retention may have decided otherwise.
const PLAN_LIFE_MS: u64 = 30_000;

/// Plans by channel and by the place where the reader will go on.
#[derive(Default)]
pub(super) struct Plans(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    plans: HashMap<(Key, Offset), Plan>,
    /// The order in which they came: the oldest makes room.
    order: VecDeque<(Key, Offset)>,
}

struct Plan {
    made_ms: u64,
    rest: Vec<Offset>,
}

impl Plans {
    /// Keeps what is left for the reader that has had everything up to `upto`.
    pub(super) fn keep(&self, key: Key, upto: Offset, rest: &[Offset], now_ms: u64) {
        let mut kept = self.0.lock();
        let place = (key, upto);
        let plan = Plan { made_ms: now_ms, rest: rest[..rest.len().min(ADDRESSES_MAX)].to_vec() };
        if kept.plans.insert(place, plan).is_none() {
            kept.order.push_back(place);
        }
        // Plans that were taken leave their place in the order behind, hence the second bound.
        while kept.plans.len() > PLANS_MAX || kept.order.len() > 2 * PLANS_MAX {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.plans.remove(&oldest);
        }
    }

    /// Takes the plan of a reader that goes on after `upto`.
    pub(super) fn take(&self, key: Key, upto: Offset, now_ms: u64) -> Option<Vec<Offset>> {
        let plan = self.0.lock().plans.remove(&(key, upto))?;
        (now_ms < plan.made_ms + PLAN_LIFE_MS).then_some(plan.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_taken_once_and_by_its_reader() {
        let plans = Plans::default();
        plans.keep(Key(1), Offset(5), &[Offset(6), Offset(9)], 0);
        assert_eq!(plans.take(Key(1), Offset(6), 1), None);
        assert_eq!(plans.take(Key(2), Offset(5), 1), None);
        assert_eq!(plans.take(Key(1), Offset(5), 1), Some(vec![Offset(6), Offset(9)]));
        assert_eq!(plans.take(Key(1), Offset(5), 1), None);
    }

    #[test]
    fn a_plan_does_not_grow_old() {
        let plans = Plans::default();
        plans.keep(Key(1), Offset(5), &[Offset(6)], 1_000);
        assert_eq!(plans.take(Key(1), Offset(5), 31_000), None);
        plans.keep(Key(1), Offset(5), &[Offset(6)], 1_000);
        assert!(plans.take(Key(1), Offset(5), 30_999).is_some());
    }

    #[test]
    fn plans_are_bounded_in_number_and_length() {
        let plans = Plans::default();
        let long: Vec<Offset> = (0..10_000).map(Offset).collect();
        for reader in 0..10_000 {
            plans.keep(Key(reader), Offset(0), &long, 0);
            if reader % 2 == 0 {
                assert_eq!(plans.take(Key(reader), Offset(0), 0).unwrap().len(), ADDRESSES_MAX);
            }
        }
        let kept = plans.0.lock();
        assert!(kept.plans.len() <= PLANS_MAX && kept.order.len() <= 2 * PLANS_MAX);
        assert!(kept.plans.contains_key(&(Key(9_999), Offset(0))), "the newest is there");
    }
}
