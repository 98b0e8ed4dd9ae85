//! The newest record of every key, in memory; read by many while one writes.
//!
//! 256 small tables, each behind its own lock: a reader and the writer seldom meet, a table that grows or
//! forgets stops only its 256th part, and tables of different sizes even out what growing wastes.

use parking_lot::RwLock;

use crate::address::{Key, Offset, Place};

/// Each table then holds about 4,000 of a million keys, and growing it takes some 50 microseconds.
const SHARDS: usize = 256;

/// The map from key to newest place.
pub(crate) struct Index {
    shards: Box<[RwLock<Table>]>,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::new(Table::default())).collect() }
    }

    /// The newest place of a key.
    pub(crate) fn get(&self, key: Key) -> Option<Place> {
        self.shard(key).read().get(key)
    }

    /// Sets the newest place of a key.
    pub(crate) fn put(&self, key: Key, place: Place) {
        self.shard(key).write().put(key, place, true);
    }

    /// Sets the newest place of a key that has none; for loading what is older than what was loaded.
    pub(crate) fn put_older(&self, key: Key, place: Place) {
        self.shard(key).write().put(key, place, false);
    }

    /// Forgets the keys of one shard whose newest record lies before `horizon`. Going through all shards
    /// in turn, a few now and then, never stalls anybody for long.
    pub(crate) fn forget(&self, shard: usize, horizon: Offset) {
        let shard = &self.shards[shard % SHARDS];
        if shard.read().has_older(horizon) {
            shard.write().forget(horizon);
        }
    }

    /// Number of shards.
    pub(crate) fn shard_count(&self) -> usize {
        SHARDS
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().used).sum()
    }

    fn shard(&self, key: Key) -> &RwLock<Table> {
        &self.shards[spread(key) as usize % SHARDS]
    }
}

/// One open-addressed table with linear probing. A slot with offset 0 is free. Without the metadata and the
/// powers of two of a general map a key takes 40 to 60 bytes.
#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    used: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    key: Key,
    place: Place,
}

const FREE: Slot = Slot { key: Key(0), place: Place { offset: Offset(0), ordinal: 0 } };

/// The smallest table that holds anything.
const SLOTS_MIN: usize = 8;

impl Table {
    fn get(&self, key: Key) -> Option<Place> {
        let slot = self.slots.get(self.find(key)?)?;
        (slot.place.offset.0 != 0).then_some(slot.place)
    }

    fn put(&mut self, key: Key, place: Place, replace: bool) {
        debug_assert!(place.offset.0 != 0, "offset 0 marks a free slot");
        // At most four fifths full: probing stays short, and there is always a free slot to stop at.
        if (self.used + 1) * 5 > self.slots.len() * 4 {
            self.resize((self.slots.len() * 3 / 2).max(SLOTS_MIN));
        }
        let Some(slot) = self.find(key).and_then(|at| self.slots.get_mut(at)) else { return };
        if slot.place.offset.0 == 0 {
            self.used += 1;
        } else if !replace {
            return;
        }
        *slot = Slot { key, place };
    }

    /// Where the key lies, or the free slot where it would lie. `None` in a table without slots.
    fn find(&self, key: Key) -> Option<usize> {
        let count = self.slots.len();
        // The high half of the product spreads over any count, not only over powers of two.
        let mut at = ((u128::from(spread(key)) * count as u128) >> 64) as usize;
        loop {
            let slot = self.slots.get(at)?;
            if slot.place.offset.0 == 0 || slot.key == key {
                return Some(at);
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
    }

    fn has_older(&self, horizon: Offset) -> bool {
        self.slots.iter().any(|slot| slot.place.offset.0 != 0 && slot.place.offset < horizon)
    }

    fn forget(&mut self, horizon: Offset) {
        for slot in &mut self.slots {
            if slot.place.offset < horizon {
                *slot = FREE;
            }
        }
        // The chains of probes have holes now: laid anew, at half of its room.
        let kept = self.slots.iter().filter(|slot| slot.place.offset.0 != 0).count();
        self.resize(if kept == 0 { 0 } else { (kept * 2).max(SLOTS_MIN) });
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![FREE; slots]);
        self.used = 0;
        for slot in old.into_iter().filter(|slot| slot.place.offset.0 != 0) {
            if let Some(free) = self.find(slot.key) {
                self.slots[free] = slot;
                self.used += 1;
            }
        }
    }
}

/// 64 bits that differ in the high and the low ones even for keys that are small numbers.
fn spread(key: Key) -> u64 {
    let folded = (key.0 as u64) ^ ((key.0 >> 64) as u64).rotate_left(32);
    folded.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn place(offset: u64) -> Place {
        Place { offset: Offset(offset), ordinal: offset / 2 + 1 }
    }

    #[test]
    fn it_agrees_with_a_plain_map() {
        let index = Index::new();
        let mut model = HashMap::new();
        for number in 1..50_000_u64 {
            let key = Key(u128::from(number * number % 7919));
            index.put(key, place(number));
            model.insert(key, place(number));
        }
        assert_eq!(index.len(), model.len());
        for key in (0..8000).map(Key) {
            assert_eq!(index.get(key), model.get(&key).copied());
        }
    }

    #[test]
    fn what_is_loaded_late_does_not_replace_what_is_newer() {
        let index = Index::new();
        index.put(Key(1), place(20));
        index.put_older(Key(1), place(10));
        index.put_older(Key(2), place(11));
        assert_eq!(index.get(Key(1)), Some(place(20)));
        assert_eq!(index.get(Key(2)), Some(place(11)));
    }

    #[test]
    fn forgetting_takes_the_old_and_keeps_the_rest() {
        let index = Index::new();
        for number in 1..=10_000 {
            index.put(Key(u128::from(number)), place(number));
        }
        for shard in 0..index.shard_count() {
            index.forget(shard, Offset(9_001));
        }
        assert_eq!(index.len(), 1_000);
        for number in 1..=10_000 {
            let expected = (number > 9_000).then(|| place(number));
            assert_eq!(index.get(Key(u128::from(number))), expected);
        }
        let slots: usize = index.shards.iter().map(|shard| shard.read().slots.len()).sum();
        assert!(slots < 4_000, "the tables shrink: {slots} slots for 1,000 keys");
    }

    #[test]
    fn keys_that_are_forgotten_altogether_leave_nothing() {
        let index = Index::new();
        index.put(Key(1), place(5));
        for shard in 0..index.shard_count() {
            index.forget(shard, Offset(100));
        }
        assert_eq!((index.len(), index.get(Key(1))), (0, None));
        index.put(Key(1), place(101));
        assert_eq!(index.get(Key(1)), Some(place(101)));
    }

    #[test]
    fn a_key_takes_at_most_64_bytes() {
        let index = Index::new();
        for number in 0..1_000_000_u64 {
            index.put(Key(u128::from(number) << 3), place(number + 1));
        }
        let slots: usize = index.shards.iter().map(|shard| shard.read().slots.capacity()).sum();
        let bytes = slots * size_of::<Slot>() / 1_000_000;
        assert!(bytes <= 64, "{bytes} bytes a key");
    }
}
