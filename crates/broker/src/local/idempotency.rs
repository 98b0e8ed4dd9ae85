//! Which Idempotency-Keys were seen, for ten minutes.

use protocol::{cursor::Offset, limits::IDEMPOTENCY_WINDOW};
use std::collections::{HashMap, VecDeque};

/// What was known of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing: the message is new.
    Never,
    /// The same message was stored here.
    Same(Offset),
    /// Another message bears this key.
    Other,
}

struct Known {
    body: u128,
    offset: Offset,
    time_ms: u64,
}

/// The window of keys, bounded in time and number. When it is full the oldest key is forgotten early.
pub(super) struct Idempotency {
    known: HashMap<u128, Known>,
    /// Keys in the order they came, to forget them from the front.
    order: VecDeque<(u64, u128)>,
    keys_max: usize,
}

impl Idempotency {
    /// The window as a start read it back from the records.
    pub(super) fn recover(keys_max: usize, records: &[journal::IdempotencyEntry]) -> Self {
        let mut window = Self { known: HashMap::new(), order: VecDeque::new(), keys_max: keys_max.max(1) };
        for record in records {
            let idempotency = journal::Idempotency { key: record.key, body: record.body };
            window.remember(&idempotency, Offset(record.offset.0), record.time_ms);
        }
        window
    }

    pub(super) fn look_up(&self, idempotency: &journal::Idempotency, now_ms: u64) -> Seen {
        match self.known.get(&idempotency.key) {
            Some(known) if now_ms < known.time_ms + window_ms() => {
                if known.body == idempotency.body {
                    Seen::Same(known.offset)
                } else {
                    Seen::Other
                }
            }
            _ => Seen::Never,
        }
    }

    pub(super) fn remember(&mut self, idempotency: &journal::Idempotency, offset: Offset, time_ms: u64) {
        if self.known.len() >= self.keys_max {
            self.forget_front();
        }
        self.known.insert(idempotency.key, Known { body: idempotency.body, offset, time_ms });
        self.order.push_back((time_ms, idempotency.key));
    }

    pub(super) fn forget_old(&mut self, now_ms: u64) {
        while self.order.front().is_some_and(|(time_ms, _)| now_ms >= time_ms + window_ms()) {
            self.forget_front();
        }
    }

    fn forget_front(&mut self) {
        let Some((time_ms, key)) = self.order.pop_front() else { return };
        // A key that was used again after its window has a newer entry further back.
        if self.known.get(&key).is_some_and(|known| known.time_ms == time_ms) {
            self.known.remove(&key);
        }
    }
}

fn window_ms() -> u64 {
    IDEMPOTENCY_WINDOW.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: u128, body: u128) -> journal::Idempotency {
        journal::Idempotency { key, body }
    }

    #[test]
    fn a_key_holds_for_the_window_and_no_longer() {
        let mut window = Idempotency::recover(10, &[]);
        window.remember(&id(1, 7), Offset(5), 1000);
        assert_eq!(window.look_up(&id(1, 7), 600_999), Seen::Same(Offset(5)));
        assert_eq!(window.look_up(&id(1, 8), 600_999), Seen::Other);
        assert_eq!(window.look_up(&id(1, 7), 601_000), Seen::Never);
        window.remember(&id(1, 9), Offset(6), 700_000);
        window.forget_old(700_000);
        assert_eq!(window.look_up(&id(1, 9), 700_000), Seen::Same(Offset(6)), "the newer use stays");
        window.forget_old(1_300_000);
        assert!(window.known.is_empty() && window.order.is_empty());
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let mut window = Idempotency::recover(3, &[]);
        for key in 0..100 {
            window.remember(&id(key, 0), Offset(1), 0);
        }
        assert_eq!((window.known.len(), window.order.len()), (3, 3));
        assert_eq!(window.look_up(&id(99, 0), 1), Seen::Same(Offset(1)));
        assert_eq!(window.look_up(&id(96, 0), 1), Seen::Never);
    }
}
