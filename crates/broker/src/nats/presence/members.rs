//! Which nodes live. No clock: silence is counted in the beats of the others, in the order of the log.

use super::record::{Head, Member};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A node that said nothing through so many beats of one other is gone. With a beat every two seconds that is eight to
/// ten seconds: longer than a grace, and well below the fifteen that are promised.
const PATIENCE: u32 = 5;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Members(BTreeMap<Member, Life>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Life {
    /// The place in the log of its first word: the oldest has the duties.
    since: u64,
    /// The number of its last batch.
    number: u64,
    tells: bool,
    leaving: bool,
    patience: u32,
    /// Beats of each other member since its last word.
    silent: BTreeMap<Member, u32>,
}

/// What a batch's head came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It was heard before, and is a sign of life all the same; or is of somebody who does not count any more. Its records are
    /// void.
    Void,
    /// It counts, and these are gone: whether they told, beside them.
    Counts { gone: Vec<(Member, bool)> },
}

impl Members {
    /// Takes the head of a batch from its place in the log.
    pub(super) fn hear(&mut self, place: u64, head: Head) -> Heard {
        let Head { member, number, tells, beat } = head;
        match self.0.get_mut(&member) {
            Some(life) if number > life.number => {
                (life.number, life.tells) = (number, tells);
                life.silent.clear();
            }
            // It cannot know that it was heard: the answer was lost, or the log cannot be read where it is. It lives.
            Some(life) if number == life.number => {
                life.silent.clear();
                return Heard::Void;
            }
            None if number == 0 => {
                let (leaving, patience, silent) = (false, PATIENCE, BTreeMap::new());
                self.0.insert(member, Life { since: place, number, tells, leaving, patience, silent });
            }
            _ => return Heard::Void,
        }
        let mut gone = Vec::new();
        if beat {
            for (other, life) in self.0.iter_mut().filter(|(other, _)| **other != member) {
                let beats = life.silent.entry(member).or_default();
                *beats += 1;
                if *beats >= life.patience {
                    gone.push((*other, life.tells));
                }
            }
        }
        for (other, _) in &gone {
            self.0.remove(other);
            for life in self.0.values_mut() {
                life.silent.remove(other);
            }
        }
        Heard::Counts { gone }
    }

    /// A node stops in order: it has no duties any more, and is waited for as long as its sockets take to come back.
    pub(super) fn leave(&mut self, member: Member, beats: u32) {
        if let Some(life) = self.0.get_mut(&member) {
            (life.leaving, life.patience) = (true, beats.max(PATIENCE));
        }
    }

    /// The number of a member's last batch, if it counts.
    pub(super) fn last(&self, member: Member) -> Option<u64> {
        self.0.get(&member).map(|life| life.number)
    }

    /// The one that tells the application: the oldest of those that do.
    pub(super) fn teller(&self) -> Option<Member> {
        self.oldest(|life| life.tells)
    }

    /// The one that keeps the house.
    pub(super) fn keeper(&self) -> Option<Member> {
        self.oldest(|_| true)
    }

    fn oldest(&self, fit: impl Fn(&Life) -> bool) -> Option<Member> {
        let fit = self.0.iter().filter(|(_, life)| !life.leaving && fit(life));
        fit.min_by_key(|(member, life)| (life.since, **member)).map(|(member, _)| *member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct World {
        members: Members,
        place: u64,
        numbers: BTreeMap<Member, u64>,
    }

    impl World {
        fn hear(&mut self, member: Member, beat: bool) -> Heard {
            self.place += 1;
            let number = self.numbers.entry(member).and_modify(|number| *number += 1).or_default();
            self.members.hear(self.place, Head { member, number: *number, tells: member != 9, beat })
        }

        /// Beats until somebody is gone.
        fn beats_until_gone(&mut self, member: Member) -> (usize, Vec<Member>) {
            for count in 1..100 {
                if let Heard::Counts { gone } = self.hear(member, true)
                    && !gone.is_empty()
                {
                    return (count, gone.into_iter().map(|(member, _)| member).collect());
                }
            }
            panic!("nobody went");
        }
    }

    #[test]
    fn who_is_silent_through_five_beats_of_another_is_gone_once_and_does_not_count_again() {
        let mut world = World::default();
        world.hear(1, true);
        world.hear(2, true);
        world.hear(3, true);
        // Both survivors beat; whoever is first decides.
        for _ in 0..3 {
            assert_eq!(world.hear(2, true), Heard::Counts { gone: vec![] });
            assert_eq!(world.hear(3, true), Heard::Counts { gone: vec![] });
        }
        assert_eq!(world.hear(1, false), Heard::Counts { gone: vec![] }, "any word is one");
        for _ in 0..4 {
            world.hear(2, true);
            world.hear(3, true);
        }
        assert_eq!(world.hear(3, true), Heard::Counts { gone: vec![(1, true)] });
        assert_eq!(world.hear(2, true), Heard::Counts { gone: vec![] });
        assert_eq!(world.hear(1, true), Heard::Void);
        assert_eq!(world.members.last(1), None);
    }

    #[test]
    fn beats_of_several_do_not_add_up() {
        let mut world = World::default();
        (1..=9).for_each(|member| drop(world.hear(member, true)));
        for _ in 0..3 {
            (2..=9).for_each(|member| assert_eq!(world.hear(member, true), Heard::Counts { gone: vec![] }));
        }
    }

    #[test]
    fn what_is_heard_twice_counts_once() {
        let mut members = Members::default();
        let head = |number, beat| Head { member: 1, number, tells: true, beat };
        let counts = Heard::Counts { gone: vec![] };
        assert_eq!(members.hear(1, head(4, true)), Heard::Void, "it never began");
        assert_eq!(members.hear(2, head(0, true)), counts);
        assert_eq!(members.hear(3, head(0, true)), Heard::Void);
        assert_eq!(members.hear(4, head(1, true)), counts);
        assert_eq!(members.hear(5, head(1, true)), Heard::Void);
        assert_eq!(members.hear(6, head(0, true)), Heard::Void);
    }

    #[test]
    fn who_says_the_same_again_lives() {
        let mut world = World::default();
        world.hear(1, true);
        let again = Head { member: 1, number: 0, tells: true, beat: true };
        for _ in 0..10 {
            (0..3).for_each(|_| assert_eq!(world.hear(2, true), Heard::Counts { gone: vec![] }));
            assert_eq!(world.members.hear(0, again), Heard::Void);
        }
        let of_before = Head { number: 0, ..again };
        world.hear(1, true);
        (0..4).for_each(|_| drop(world.hear(2, true)));
        assert_eq!(world.members.hear(0, of_before), Heard::Void);
        assert_eq!(
            world.hear(2, true),
            Heard::Counts { gone: vec![(1, true)] },
            "that came late from before"
        );
    }

    #[test]
    fn the_oldest_has_the_duties_until_it_leaves_or_is_gone() {
        let mut world = World::default();
        world.hear(9, true);
        world.hear(5, true);
        world.hear(2, true);
        assert_eq!((world.members.teller(), world.members.keeper()), (Some(5), Some(9)), "9 tells nobody");
        world.members.leave(5, 20);
        assert_eq!(world.members.teller(), Some(2));
        assert_eq!(world.beats_until_gone(2), (4, vec![9]), "beside the first");
        assert_eq!(world.members.keeper(), Some(2));
        assert_eq!(world.beats_until_gone(2), (15, vec![5]), "after twenty, for its sockets to come back");
    }
}
