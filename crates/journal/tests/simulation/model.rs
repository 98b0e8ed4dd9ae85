//! What must be in the journal: a plain list of records, and what every question to a reader must be answered.

use std::collections::BTreeMap;

use journal::{After, Idempotency, Key, Link, Offset, Place, ReadError, Reader, Walk};

/// What is to be appended. The TTL is a serial number, so no two are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) kind: u8,
    pub(crate) ttl_seconds: u32,
    /// Sorted, each once.
    pub(crate) keys: Vec<Key>,
    pub(crate) payload: Vec<u8>,
    pub(crate) idempotency: Option<Idempotency>,
}

/// A draft that was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) draft: Draft,
    pub(crate) offset: Offset,
    pub(crate) time_ms: u64,
    pub(crate) links: Vec<Link>,
    /// Whether it says that all before it was stored.
    pub(crate) is_confirmed: bool,
}

impl Record {
    /// The address behind it.
    pub(crate) fn end(&self) -> u64 {
        let hashes = if self.draft.idempotency.is_some() { 32 } else { 0 };
        let length = 32 + 32 * self.draft.keys.len() + hashes + self.draft.payload.len();
        self.offset.0 + (length as u64).next_multiple_of(8)
    }
}

/// The present epoch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// All that was appended and is not lost, oldest first, trimmed or not.
    pub(crate) records: Vec<Record>,
    /// So many of them survive a power loss.
    pub(crate) sure: usize,
    /// A batch of which some may come to light at the next start.
    pub(crate) maybe: Vec<Draft>,
    /// Which life of the log this is.
    pub(crate) epoch: Option<u64>,
    /// The highest offset that was ever told or read: no other record may get one up to here.
    pub(crate) highest: Offset,
    /// The newest trimmed record.
    pub(crate) start: Offset,
    /// Where keys may have been forgotten before their time, since the file of them was lost or could not be written.
    pub(crate) keys_at_risk: bool,
    /// Whether some of it was written without syncs.
    pub(crate) is_unsynced: bool,
    /// Whether a sync may have failed for what was written without syncs. It is not written anew, and so a power loss may
    /// take it even after a clean close.
    pub(crate) is_doubtful: bool,
    /// Whether files of keys were damaged, so that segments are read instead.
    pub(crate) keys_are_damaged: bool,
    /// From where to where bits were changed: what lies there may be refused, though never be wrong.
    pub(crate) damaged: BTreeMap<u64, u64>,
    /// Each key's records with its links, oldest first.
    chains: BTreeMap<Key, Vec<(usize, Link)>>,
}

impl Model {
    /// A log without records.
    pub(crate) fn new(epoch: Option<u64>, keys_at_risk: bool) -> Self {
        Self { epoch, keys_at_risk, ..Self::default() }
    }

    pub(crate) fn end(&self) -> Offset {
        self.records.last().map_or(Offset(0), |record| record.offset)
    }

    pub(crate) fn push(&mut self, record: Record) {
        self.highest = self.highest.max(record.offset);
        let index = self.records.len();
        for link in &record.links {
            let chain = self.chains.entry(link.key).or_default();
            // What was forgotten is passed over.
            let before = chain.iter().rposition(|(index, _)| self.records[*index].offset == link.previous);
            chain.truncate(before.map_or(0, |before| before + 1));
            chain.push((index, *link));
        }
        self.records.push(record);
    }

    /// Forgets the records from here on: a crash took them.
    pub(crate) fn truncate(&mut self, kept: usize) {
        if kept < self.records.len() {
            self.records.truncate(kept);
            self.chains.clear();
            for record in std::mem::take(&mut self.records) {
                self.push(record);
            }
        }
        self.sure = self.sure.min(kept);
    }

    /// The newest record of a key.
    pub(crate) fn newest(&self, key: Key) -> Option<&Record> {
        self.chains.get(&key)?.last().map(|(index, _)| &self.records[*index])
    }

    /// The link that the next record of a key must get.
    pub(crate) fn next_link(&self, key: Key) -> Link {
        let last = self.chains.get(&key).and_then(|chain| chain.last());
        let (previous, ordinal) =
            last.map_or((Offset(0), 0), |(index, link)| (self.records[*index].offset, link.ordinal));
        Link { key, previous, ordinal: ordinal + 1 }
    }

    /// Whether a key need not be known any more.
    pub(crate) fn may_forget(&self, key: Key, before_ms: u64) -> bool {
        let newest = self.newest(key);
        newest.is_none_or(|newest| {
            newest.offset <= self.start && (self.keys_at_risk || newest.time_ms < before_ms)
        })
    }

    /// Whether a key had a record there. One that is trimmed may be the newest that is remembered.
    pub(crate) fn was_at(&self, key: Key, place: Place) -> bool {
        let is_link = |link: &Link| link.key == key && link.ordinal == place.ordinal;
        let at = self.records.iter().find(|record| record.offset == place.offset);
        place.offset <= self.start && at.is_some_and(|record| record.links.iter().any(is_link))
    }

    /// What a walk must find.
    fn walk(&self, key: Key, after: After, up_to: Offset, newest_max: u64) -> Walk {
        let mut walk = Walk::default();
        let chain = self.chains.get(&key).map_or(&[][..], Vec::as_slice);
        let mut at = chain.len();
        // The newest that is wanted; what lies between it and the newest of all must be there to be passed.
        loop {
            let Some((index, link)) = at.checked_sub(1).map(|last| chain[last]) else { return walk };
            let offset = self.records[index].offset;
            if offset <= up_to {
                walk.newest = Some(Place { offset, ordinal: link.ordinal });
                break;
            }
            if offset <= self.start {
                return walk;
            }
            at -= 1;
        }
        for (index, link) in chain[..at].iter().rev().take(newest_max as usize) {
            let Record { offset, time_ms, .. } = &self.records[*index];
            let is_wanted = match after {
                After::Offset(after) => *offset > after,
                After::TimeMs(after_ms) => *time_ms >= after_ms,
            };
            if !is_wanted || *offset <= self.start {
                break;
            }
            walk.offsets.push(*offset);
            walk.oldest_previous = link.previous;
        }
        // Of the newest before `up_to` only the link is known, if the chain begins in what was trimmed.
        walk.offsets.reverse();
        walk
    }

    /// Asks a reader for a walk, and compares.
    pub(crate) fn check_walk(
        &self,
        reader: &Reader,
        key: Key,
        (after, up_to, newest_max): (After, Offset, u64),
        forgotten_ms: u64,
    ) {
        let expected = self.walk(key, after, up_to, newest_max);
        match reader.walk(key, after, up_to, newest_max) {
            Ok(found) if found == expected => {}
            Ok(found) => {
                let is_forgotten = self.may_forget(key, forgotten_ms) && found.offsets.is_empty();
                let is_known = found.newest.is_none_or(|newest| self.was_at(key, newest));
                assert!(
                    is_forgotten && is_known,
                    "a walk of {key:?} {after:?} found {found:?} instead of {expected:?}"
                );
            }
            Err(ReadError::Corrupt { .. } | ReadError::Unknown) if !self.damaged.is_empty() => {}
            Err(error) => panic!("a walk of {key:?} {after:?} failed: {error}"),
        }
        if self.damaged.is_empty() {
            let newest = reader.newest(key, up_to);
            let is_known = newest.is_none_or(|newest| self.was_at(key, newest));
            let is_forgotten = is_known && self.may_forget(key, forgotten_ms);
            assert!(newest == expected.newest || is_forgotten, "{key:?}: {newest:?} is its newest");
        }
    }

    /// Reads a record by all of its keys, or by one.
    pub(crate) fn check_read(&self, reader: &Reader, record: &Record, all_keys: bool) {
        for link in record.links.iter().take(if all_keys { usize::MAX } else { 1 }) {
            match reader.read(record.offset, link.key) {
                Ok(read) => {
                    assert!(record.offset > self.start, "what was trimmed at {} was read", record.offset);
                    assert_eq!(read.payload, record.draft.payload, "the payload at {}", record.offset);
                    assert_eq!(
                        (read.offset, read.kind, read.ttl_seconds, read.time_ms, read.link),
                        (record.offset, record.draft.kind, record.draft.ttl_seconds, record.time_ms, *link),
                    );
                }
                Err(ReadError::Trimmed) if record.offset <= self.start => {}
                Err(ReadError::Corrupt { .. } | ReadError::Unknown) if self.is_damaged(record.offset) => {}
                Err(error) => panic!("the record at {} cannot be read: {error}", record.offset),
            }
        }
    }

    fn is_damaged(&self, offset: Offset) -> bool {
        self.damaged.iter().any(|(base, end)| (*base..*end).contains(&offset.0))
    }

    /// Compares everything that can be read.
    pub(crate) fn check(&self, reader: &Reader, forgotten_ms: u64) {
        assert_eq!(reader.end(), self.end(), "the end");
        assert_eq!(reader.start().offset, self.start, "the start");
        let everything = (After::Offset(Offset(0)), Offset(u64::MAX), u64::MAX);
        for key in self.chains.keys() {
            self.check_walk(reader, *key, everything, forgotten_ms);
        }
        let kept = self.records.partition_point(|record| record.offset <= self.start);
        for record in &self.records[kept..] {
            self.check_read(reader, record, record.links.len() < 8);
        }
    }
}
