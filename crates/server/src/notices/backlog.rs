//! Whose turn it is: client ids of whom the application is to be told something. No I/O, no clock.
//!
//! A client id stands here once, so its notices go out in order and one at a time. Arrivals come before departures,
//! three to one: ten thousand that leave at once hold up nobody who comes. What failed is tried again later and takes
//! at most half of the places, so that handlers that hang for some do not hold up the others.

use protocol::id::ClientId;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

/// Notices that are on their way at once: bounds connections to the application, and memory.
pub(super) const IN_FLIGHT_MAX: usize = 64;

/// Of those, at most so many are repetitions.
const REPEATED_MAX: usize = IN_FLIGHT_MAX / 2;

/// The first repetition; each later one waits twice as long, up to [`DELAY_MAX`].
const DELAY_MIN: Duration = Duration::from_secs(1);

/// An application that was away for long hears within this time of coming back.
const DELAY_MAX: Duration = Duration::from_secs(300);

/// After so many failures in a row the application counts as away; the first success then calls everybody up.
const AWAY_AFTER: u32 = 10;

/// Everybody is called up within this time, not at once.
const CALL_UP_MS: u64 = 5_000;

#[derive(Default)]
pub(super) struct Backlog {
    clients: HashMap<ClientId, Client>,
    arrivals: VecDeque<ClientId>,
    departures: VecDeque<ClientId>,
    /// By the time of the next try; the number keeps apart what has the same time.
    later: BTreeMap<(u64, u64), ClientId>,
    next_number: u64,
    turn: u8,
    in_flight: usize,
    repeated: usize,
    failures_in_a_row: u32,
}

/// One client id.
#[derive(Default)]
struct Client {
    failures: u32,
    in_flight: bool,
    /// Something came while it stood here already.
    more: bool,
}

impl Backlog {
    /// There is something to tell of a client id, which came or went.
    pub(super) fn add(&mut self, id: ClientId, came: bool) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.more = true;
            return;
        }
        self.clients.insert(id.clone(), Client::default());
        let queue = if came { &mut self.arrivals } else { &mut self.departures };
        queue.push_back(id);
    }

    /// The next whose notice is to be sent, if there is room. Report what became of it with [`told`](Self::told) or
    /// [`failed`](Self::failed).
    pub(super) fn poll(&mut self, now_ms: u64) -> Option<ClientId> {
        if self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let id = self.next(now_ms)?;
        let client = self.clients.get_mut(&id)?;
        client.in_flight = true;
        self.in_flight += 1;
        self.repeated += usize::from(client.failures > 0);
        Some(id)
    }

    fn next(&mut self, now_ms: u64) -> Option<ClientId> {
        self.turn = (self.turn + 1) % 8;
        let may_repeat = self.repeated < REPEATED_MAX;
        if may_repeat
            && (self.turn == 0 || self.arrivals.is_empty() && self.departures.is_empty())
            && let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now_ms)
        {
            return Some(first.remove());
        }
        let departure_first = self.turn % 4 == 3;
        let (first, second) = match departure_first {
            true => (&mut self.departures, &mut self.arrivals),
            false => (&mut self.arrivals, &mut self.departures),
        };
        first.pop_front().or_else(|| second.pop_front())
    }

    /// When to call [`poll`](Self::poll) again if nothing else happens.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        let may_repeat = self.repeated < REPEATED_MAX && self.in_flight < IN_FLIGHT_MAX;
        self.later.first_key_value().filter(|_| may_repeat).map(|((at_ms, _), _)| *at_ms)
    }

    /// The notice was told, or is settled otherwise. `came`: what there is to tell next, if `more` came up meanwhile.
    pub(super) fn told(&mut self, id: ClientId, came: bool, now_ms: u64) {
        let was_away = std::mem::take(&mut self.failures_in_a_row) >= AWAY_AFTER;
        if let Some(client) = self.land(&id)
            && client.more
        {
            self.add(id, came);
        }
        if was_away {
            self.call_up(now_ms);
        }
    }

    /// The notice was not told; it is tried again. `luck`, 0 to 1, spreads repetitions.
    pub(super) fn failed(&mut self, id: ClientId, now_ms: u64, luck: f64) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let Some(client) = self.land(&id) else { return };
        let failures = client.failures + 1;
        let doubled = DELAY_MIN.saturating_mul(1 << (failures - 1).min(16)).min(DELAY_MAX);
        let delay_ms = (doubled.as_millis() as f64 * (0.75 + luck / 2.0)) as u64;
        self.clients.insert(id.clone(), Client { failures, in_flight: false, more: client.more });
        self.wait_until(now_ms + delay_ms, id);
    }

    fn land(&mut self, id: &ClientId) -> Option<Client> {
        let client = self.clients.remove(id)?;
        self.in_flight -= usize::from(client.in_flight);
        self.repeated -= usize::from(client.in_flight && client.failures > 0);
        if self.clients.capacity() > 1024 && self.clients.len() < self.clients.capacity() / 4 {
            self.clients.shrink_to_fit();
            self.arrivals.shrink_to_fit();
            self.departures.shrink_to_fit();
        }
        Some(client)
    }

    fn wait_until(&mut self, at_ms: u64, id: ClientId) {
        self.later.insert((at_ms, self.next_number), id);
        self.next_number += 1;
    }

    /// The application is back: nobody waits longer than need be.
    fn call_up(&mut self, now_ms: u64) {
        let waiting = std::mem::take(&mut self.later);
        let count = waiting.len().max(1) as u64;
        for (index, ((at_ms, _), id)) in waiting.into_iter().enumerate() {
            self.wait_until(at_ms.min(now_ms + index as u64 * CALL_UP_MS / count), id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ClientId {
        format!("client {number}").parse().unwrap()
    }

    fn all(backlog: &mut Backlog, now_ms: u64) -> Vec<ClientId> {
        std::iter::from_fn(|| backlog.poll(now_ms)).collect()
    }

    #[test]
    fn one_client_has_one_notice_on_its_way() {
        let mut backlog = Backlog::default();
        backlog.add(id(1), true);
        backlog.add(id(1), false);
        assert_eq!(all(&mut backlog, 0), [id(1)]);
        backlog.add(id(1), false);
        assert_eq!(all(&mut backlog, 0), []);
        backlog.told(id(1), false, 0);
        assert_eq!(all(&mut backlog, 0), [id(1)], "what came meanwhile has its turn");
        backlog.failed(id(1), 0, 0.5);
        backlog.add(id(1), true);
        assert_eq!(all(&mut backlog, 1_000), [id(1)]);
        backlog.told(id(1), true, 0);
        assert_eq!(all(&mut backlog, 1_000), [id(1)], "also while it waited to be repeated");
        backlog.told(id(1), false, 0);
        assert_eq!(all(&mut backlog, 0), []);
        assert!(backlog.clients.is_empty());
    }

    #[test]
    fn so_many_at_once_and_no_more() {
        let mut backlog = Backlog::default();
        (0..1000).for_each(|number| backlog.add(id(number), true));
        let first = all(&mut backlog, 0);
        assert_eq!(first.len(), IN_FLIGHT_MAX);
        backlog.told(first[0].clone(), true, 0);
        assert_eq!(all(&mut backlog, 0).len(), 1);
    }

    #[test]
    fn ten_thousand_that_leave_do_not_hold_up_one_who_comes() {
        let mut backlog = Backlog::default();
        (0..10_000).for_each(|number| backlog.add(id(number), false));
        all(&mut backlog, 0);
        backlog.add(id(20_000), true);
        for number in 0..10 {
            backlog.told(id(number), false, 0);
            if all(&mut backlog, 0).contains(&id(20_000)) {
                assert!(number <= 1, "after {number} others");
                return;
            }
        }
        panic!("it never had its turn");
    }

    #[test]
    fn those_who_leave_have_their_turn_beside_those_who_come() {
        let mut backlog = Backlog::default();
        backlog.add(id(0), false);
        (1..1000).for_each(|number| backlog.add(id(number), true));
        let first: Vec<_> = (0..4).filter_map(|_| backlog.poll(0)).collect();
        assert!(first.contains(&id(0)), "{first:?}");
    }

    #[test]
    fn repetitions_wait_longer_each_time_and_for_five_minutes_at_most() {
        let mut backlog = Backlog::default();
        backlog.add(id(1), true);
        let (mut now_ms, mut delays) = (0, Vec::new());
        for _ in 0..12 {
            assert_eq!(all(&mut backlog, now_ms), [id(1)]);
            backlog.failed(id(1), now_ms, 0.5);
            assert_eq!(all(&mut backlog, now_ms), []);
            let due_ms = backlog.poll_timeout().unwrap();
            delays.push((due_ms - now_ms) / 1000);
            now_ms = due_ms;
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn handlers_that_hang_leave_half_of_the_places() {
        let mut backlog = Backlog::default();
        (0..100).for_each(|number| backlog.add(id(number), true));
        for _ in 0..2 {
            for id in all(&mut backlog, 0) {
                backlog.failed(id, 0, 0.0);
            }
        }
        assert_eq!(all(&mut backlog, 1_000_000).len(), REPEATED_MAX);
        (200..300).for_each(|number| backlog.add(id(number), true));
        assert_eq!(all(&mut backlog, 1_000_000).len(), IN_FLIGHT_MAX - REPEATED_MAX);
    }

    #[test]
    fn when_the_application_is_back_everybody_is_called_up() {
        let mut backlog = Backlog::default();
        (0..50).for_each(|number| backlog.add(id(number), true));
        let mut now_ms = 0;
        for _ in 0..9 {
            now_ms += 400_000;
            for id in all(&mut backlog, now_ms) {
                backlog.failed(id, now_ms, 0.5);
            }
        }
        backlog.add(id(99), true);
        assert_eq!(backlog.poll(now_ms), Some(id(99)));
        backlog.told(id(99), true, now_ms);
        assert!(backlog.poll_timeout().unwrap() <= now_ms);
        assert_eq!(backlog.later.range(..=(now_ms + CALL_UP_MS, u64::MAX)).count(), 50);
    }
}
