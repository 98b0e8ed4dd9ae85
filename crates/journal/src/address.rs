//! Where a record lies, and whose it is.
//!
//! The journal's own words for places. It does not know what a key stands for: the caller hashes
//! its names into keys.

use std::fmt;
use std::ops::Deref;

/// A record's byte address in the log.
///
/// It rises along the log, not always by the same step. 0 lies before everything; the first
/// record's offset is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Whose records these are: 128 opaque bits, evenly spread (the caller hashes its names into them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u128);

/// The newest record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it lies. The record itself may be trimmed already: a key is remembered longer.
    pub offset: Offset,
    /// How many records of this key there were up to this one: 1, 2, 3, …
    pub ordinal: u64,
}

/// How a record hangs on the chain of one of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The key whose chain this is.
    pub key: Key,
    /// The key's record before this one; 0 if there is none.
    pub previous: Offset,
    /// The record's number among the key's: 1, 2, 3, …
    pub ordinal: u64,
}

/// The links of one record, sorted by key. One link, by far the most frequent case, needs no heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links {
    /// A record of one key.
    One([Link; 1]),
    /// A record of several keys.
    Many(Vec<Link>),
}

impl Deref for Links {
    type Target = [Link];

    fn deref(&self) -> &[Link] {
        match self {
            Self::One(link) => link,
            Self::Many(links) => links,
        }
    }
}

/// Where a walk begins: only records after this are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Records with a greater offset.
    Offset(Offset),
    /// Records of this time or later, in milliseconds of the Unix epoch.
    TimeMs(u64),
}

/// Before where records are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStart {
    /// The newest trimmed record: it and all before it are gone. 0 if nothing was ever trimmed.
    ///
    /// A reader whose position lies before it may have missed something; one at or beyond it has not.
    pub offset: Offset,
    /// The time of that record; 0 if nothing was ever trimmed.
    pub time_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_one_key_and_of_many_read_alike() {
        let link = |key| Link { key: Key(key), previous: Offset(0), ordinal: 1 };
        assert_eq!(Links::One([link(1)]).len(), 1);
        assert_eq!(Links::Many(vec![link(1), link(2)])[1].key, Key(2));
    }

    #[test]
    fn an_offset_is_shown_as_its_number() {
        assert_eq!(Offset(17).to_string(), "17");
        assert!(Offset::default() < Offset(1));
    }
}
