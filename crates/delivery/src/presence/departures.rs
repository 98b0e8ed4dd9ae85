//! Who has gone, and until when a return changes nothing. No lock, no clock.
//!
//! A page that reloads, or a network that is gone for a moment, ends a socket without a word and opens another one
//! soon. Such an end has a grace; an explicit leave has none. Each return makes up for one silent end.

use broker::key::ChannelKey;
use protocol::id::ClientId;
use std::collections::{BTreeSet, HashMap};

/// What happened to a client id's sockets since it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) id: ClientId,
    pub(super) came: u32,
    /// Ends without a word.
    pub(super) silent: u32,
}

/// Client ids whose end is waited out.
pub(super) struct Departures {
    grace_ms: u64,
    pending: HashMap<ChannelKey, Pending>,
    /// The same by time.
    order: BTreeSet<(u64, ChannelKey)>,
}

struct Pending {
    id: ClientId,
    /// Silent ends that no return has made up for.
    silent: u32,
    deadline_ms: u64,
}

impl Departures {
    pub(super) fn new(grace_ms: u64) -> Self {
        Self { grace_ms, pending: HashMap::new(), order: BTreeSet::new() }
    }

    /// After a start: whoever was connected has until then to come back.
    pub(super) fn expect(&mut self, key: ChannelKey, id: ClientId, deadline_ms: u64) {
        self.put(key, Pending { id, silent: 1, deadline_ms });
    }

    /// Takes what happened. `present`: whether a socket is open now.
    pub(super) fn touch(&mut self, key: ChannelKey, touched: &Touched, present: bool, now_ms: u64) {
        let before = self.remove(key);
        let (was_silent, deadline_ms) = before.map_or((0, 0), |before| (before.silent, before.deadline_ms));
        let silent = (was_silent + touched.silent).saturating_sub(touched.came);
        let deadline_ms = match (silent, touched.silent) {
            (0, _) => now_ms,
            (_, 0) => deadline_ms,
            _ => deadline_ms.max(now_ms + self.grace_ms),
        };
        if !present || silent > 0 {
            self.put(key, Pending { id: touched.id.clone(), silent, deadline_ms });
        }
    }

    /// The next of those whose time is over. The caller looks whether a socket is open all the same, and takes it if what happened
    /// to its sockets is all known.
    pub(super) fn due(&self, now_ms: u64) -> Option<ChannelKey> {
        self.order.first().filter(|(deadline_ms, _)| *deadline_ms <= now_ms).map(|(_, key)| *key)
    }

    /// One that was due is dealt with.
    pub(super) fn take(&mut self, key: ChannelKey) -> Option<ClientId> {
        self.remove(key).map(|pending| pending.id)
    }

    /// When to ask [`due`](Self::due) again; changes with every call.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.order.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    fn put(&mut self, key: ChannelKey, pending: Pending) {
        self.order.insert((pending.deadline_ms, key));
        self.pending.insert(key, pending);
    }

    fn remove(&mut self, key: ChannelKey) -> Option<Pending> {
        let pending = self.pending.remove(&key)?;
        self.order.remove(&(pending.deadline_ms, key));
        if self.pending.capacity() > 1024 && self.pending.len() < self.pending.capacity() / 4 {
            self.pending.shrink_to_fit();
        }
        Some(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: ChannelKey = ChannelKey(1);

    struct World {
        departures: Departures,
        now_ms: u64,
        sockets: u32,
    }

    impl World {
        fn new() -> Self {
            Self { departures: Departures::new(5_000), now_ms: 1_000, sockets: 0 }
        }

        fn touch(&mut self, came: u32, silent: u32) {
            let touched = Touched { id: "ada".parse().unwrap(), came, silent };
            self.departures.touch(ADA, &touched, self.sockets > 0, self.now_ms);
        }

        fn come(&mut self) {
            self.sockets += 1;
            self.touch(1, 0);
        }

        fn vanish(&mut self) {
            self.sockets -= 1;
            self.touch(0, 1);
        }

        fn leave(&mut self) {
            self.sockets -= 1;
            self.touch(0, 0);
        }

        /// Lets time pass; when, if ever, she was found gone.
        fn gone_within(&mut self, span_ms: u64) -> Option<u64> {
            let end = self.now_ms + span_ms;
            let start = self.now_ms;
            while self.now_ms < end {
                if let Some(key) = self.departures.due(self.now_ms) {
                    self.departures.take(key);
                    if self.sockets == 0 {
                        return Some(self.now_ms - start);
                    }
                }
                self.now_ms += 100;
            }
            None
        }
    }

    #[test]
    fn who_vanishes_is_gone_after_the_grace_and_who_leaves_at_once() {
        let mut world = World::new();
        world.come();
        world.vanish();
        assert_eq!(world.gone_within(10_000), Some(5_000));
        world.come();
        world.leave();
        assert_eq!(world.gone_within(10_000), Some(0));
        assert_eq!(world.departures.poll_timeout(), None);
    }

    #[test]
    fn a_reload_changes_nothing() {
        let mut world = World::new();
        world.come();
        for _ in 0..20 {
            world.vanish();
            assert_eq!(world.gone_within(1_000), None);
            world.come();
            assert_eq!(world.gone_within(300), None);
        }
        assert_eq!(world.gone_within(20_000), None);
        assert_eq!(world.departures.poll_timeout(), None, "each return made up for an end");
    }

    #[test]
    fn after_a_reload_an_explicit_leave_is_one() {
        let mut world = World::new();
        world.come();
        world.vanish();
        world.come();
        world.leave();
        assert_eq!(world.gone_within(10_000), Some(0));
    }

    #[test]
    fn another_tab_that_reloads_is_waited_for() {
        let mut world = World::new();
        world.come();
        world.come();
        world.vanish();
        assert_eq!(world.gone_within(2_000), None);
        world.leave();
        assert_eq!(world.gone_within(10_000), Some(3_000), "the first tab may still return");
    }

    #[test]
    fn the_last_of_several_ends_it() {
        let mut world = World::new();
        world.come();
        world.come();
        world.leave();
        assert_eq!(world.gone_within(10_000), None);
        world.vanish();
        assert_eq!(world.gone_within(10_000), Some(5_000));
    }

    #[test]
    fn changes_that_are_seen_together_are_understood() {
        let mut world = World::new();
        world.sockets = 0;
        world.touch(3, 3);
        assert_eq!(world.gone_within(10_000), Some(0), "each came back for one that vanished, and left");
        world.touch(1, 2);
        assert_eq!(world.gone_within(10_000), Some(5_000));
    }

    #[test]
    fn after_a_start_those_who_were_there_are_waited_for() {
        let mut world = World::new();
        world.departures.expect(ADA, "ada".parse().unwrap(), world.now_ms + 15_000);
        assert_eq!(world.gone_within(14_000), None);
        world.come();
        assert_eq!(world.gone_within(14_000), None);
        let mut world = World::new();
        world.departures.expect(ADA, "ada".parse().unwrap(), world.now_ms + 15_000);
        assert_eq!(world.gone_within(20_000), Some(15_000));
    }
}
