//! What is kept until a time. Forgetting costs what is forgotten, not what is kept.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

/// See the module.
pub(crate) struct Expiring<K, V> {
    entries: HashMap<K, (u64, V)>,
    /// The same by time.
    order: BTreeSet<(u64, K)>,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<K: Copy + Hash + Ord, V> Expiring<K, V> {
    /// Keeps a value under its time, instead of the one before.
    pub(crate) fn insert(&mut self, key: K, time: u64, value: V) {
        match self.entries.insert(key, (time, value)) {
            Some((before, _)) if before == time => {}
            before => {
                if let Some((before, _)) = before {
                    self.order.remove(&(before, key));
                }
                self.order.insert((time, key));
            }
        }
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.entries.get(&key).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (_, value))| (key, value))
    }

    /// Forgets everything whose time is before this one.
    pub(crate) fn forget_before(&mut self, time: u64) {
        while let Some(&(first, key)) = self.order.first()
            && first < time
        {
            self.order.pop_first();
            self.entries.remove(&key);
        }
        if self.entries.capacity() > 1024 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_goes_and_what_was_kept_again_stays() {
        let mut kept = Expiring::default();
        for key in 0..10 {
            kept.insert(key, 100 + key, "first");
        }
        kept.insert(3, 500, "again");
        kept.insert(9, 1, "sooner");
        kept.insert(4, 104, "at the same time");
        kept.forget_before(104);
        let mut keys: Vec<_> = kept.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        assert_eq!(keys, [3, 4, 5, 6, 7, 8]);
        assert_eq!(
            (kept.get(3), kept.get(4), kept.get(9)),
            (Some(&"again"), Some(&"at the same time"), None)
        );
        kept.forget_before(501);
        assert!(kept.entries.is_empty() && kept.order.is_empty());
    }

    #[test]
    fn two_things_of_one_time_are_two() {
        let mut kept = Expiring::default();
        kept.insert(1, 7, ());
        kept.insert(2, 7, ());
        kept.forget_before(7);
        assert_eq!(kept.iter().count(), 2);
        kept.forget_before(8);
        assert_eq!(kept.iter().count(), 0);
    }
}
