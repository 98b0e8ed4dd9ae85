//! Counts by word: reasons and codes, of which the source has a few dozen.

use super::ByWord;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// A count for each word. What is counted here is rare enough for a lock.
#[derive(Debug, Default)]
pub(crate) struct Words(Mutex<BTreeMap<&'static str, u64>>);

impl Words {
    /// Words that are there from the beginning, so that a first one is seen as a rise.
    pub(crate) fn with(words: &[&'static str]) -> Self {
        Self(Mutex::new(words.iter().map(|word| (*word, 0)).collect()))
    }

    pub(crate) fn add(&self, word: &'static str) {
        *self.0.lock().entry(word).or_default() += 1;
    }

    pub(crate) fn by_word(&self) -> ByWord<u64> {
        self.0.lock().iter().map(|(word, count)| (*word, *count)).collect()
    }
}
