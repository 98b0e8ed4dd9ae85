//! The keys of sealed segments, and the file that holds them.
//!
//! A start reads these files instead of the segments. The file of a segment outlives it, as long as its
//! keys are remembered; files of dropped segments are merged into one now and then. A file that is
//! missing or damaged costs time (its segment is scanned), or memory of keys whose records are gone.
//!
//! The file, little-endian: `DLKEYS` and two zero bytes (8), format version (4), zero (4), epoch (8), numbers
//! of spans, keys and hashes (8 each); then each span: base, end, last offset, last time (8 each);
//! each key, sorted: key (16), newest offset (8), ordinal (8); each idempotent record: key hash (16), body
//! hash (16), offset (8), time (8); then CRC32C over all of it (4).

use std::collections::BTreeSet;
use std::io;

use crate::address::{Key, Offset, Place};
use crate::disk::{self, Disk};
use crate::files::Span;
use crate::options::IdempotencyEntry;
use crate::record::{self, u32_at, u64_at, u128_at};
use crate::scan::{self, Scan};
use crate::segment::{self, FORMAT_VERSION, Segment};

const MAGIC: &[u8; 8] = b"DLKEYS\0\0";
const HEAD_BYTES: usize = 48;
const EXTENSION: &str = ".keys";

/// The keys of one stretch of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeySet {
    /// The segments, oldest first.
    pub(crate) spans: Vec<Span>,
    /// The newest place of each key, sorted by key.
    pub(crate) keys: Vec<(Key, Place)>,
    /// The hashes of idempotent records, oldest first.
    pub(crate) idempotency: Vec<IdempotencyEntry>,
}

impl KeySet {
    /// Reads them from the segment itself, up to a place in its file or to the first record that is not good.
    pub(crate) fn scan(segment: &Segment, epoch: u64, until: u64) -> io::Result<(Self, Scan)> {
        let mut set = Self::default();
        let found = scan::scan(segment, epoch, until, |offset, head, header| {
            let places = record::links(head, header);
            set.keys.extend(places.map(|link| (link.key, Place { offset, ordinal: link.ordinal })));
            let hashes = head.idempotency(header);
            set.idempotency.extend(hashes.map(|hashes| IdempotencyEntry::new(hashes, offset, head.time_ms)));
        })?;
        set.keep_newest();
        let last = (segment.header.last_offset, segment.header.last_time_ms);
        let (last_offset, last_time_ms) = found.last.unwrap_or(last);
        let (base, end) = (segment.base(), segment.base() + found.end);
        set.spans.push(Span { base, end, last_offset, last_time_ms });
        Ok((set, found))
    }

    /// Adds a set of what was written later.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.spans.append(&mut later.spans);
        self.keys.append(&mut later.keys);
        self.idempotency.append(&mut later.idempotency);
        self.keep_newest();
    }

    fn keep_newest(&mut self) {
        // Newest first, since the first of equal keys is the one that is kept.
        self.keys.sort_unstable_by_key(|(key, place)| (*key, std::cmp::Reverse(place.offset)));
        self.keys.dedup_by_key(|(key, _)| *key);
    }

    fn encode(&self, epoch: u64) -> Vec<u8> {
        let counts = [self.spans.len(), self.keys.len(), self.idempotency.len()];
        let size = HEAD_BYTES + counts[0] * 32 + counts[1] * 32 + counts[2] * 48 + 4;
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&epoch.to_le_bytes());
        for count in counts {
            bytes.extend_from_slice(&(count as u64).to_le_bytes());
        }
        for span in &self.spans {
            for number in [span.base, span.end, span.last_offset.0, span.last_time_ms] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        for (key, place) in &self.keys {
            bytes.extend_from_slice(&key.0.to_le_bytes());
            bytes.extend_from_slice(&place.offset.0.to_le_bytes());
            bytes.extend_from_slice(&place.ordinal.to_le_bytes());
        }
        for entry in &self.idempotency {
            bytes.extend_from_slice(&entry.key.to_le_bytes());
            bytes.extend_from_slice(&entry.body.to_le_bytes());
            bytes.extend_from_slice(&entry.offset.0.to_le_bytes());
            bytes.extend_from_slice(&entry.time_ms.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8], epoch: u64) -> Option<Self> {
        let (content, crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        let is_ours = content.starts_with(MAGIC)
            && u32_at(content, 8)? == FORMAT_VERSION
            && u64_at(content, 16)? == epoch
            && u32_at(crc, 0)? == crc32c::crc32c(content);
        if !is_ours {
            return None;
        }
        let count = |at| usize::try_from(u64_at(content, at)?).ok();
        let (spans, rest) = content.get(HEAD_BYTES..)?.split_at_checked(count(24)?.checked_mul(32)?)?;
        let (keys, rest) = rest.split_at_checked(count(32)?.checked_mul(32)?)?;
        let idempotency = rest.get(..count(40)?.checked_mul(48)?)?;
        Some(Self {
            spans: spans.chunks_exact(32).filter_map(parse_span).collect(),
            keys: keys.chunks_exact(32).filter_map(parse_key).collect(),
            idempotency: idempotency.chunks_exact(48).filter_map(parse_hashes).collect(),
        })
    }

    /// Puts the file in place durably, under the name of its newest segment.
    pub(crate) fn store(&self, disk: &dyn Disk, epoch: u64, base: u64) -> io::Result<()> {
        disk::replace(disk, &name(base), &self.encode(epoch))
    }

    /// Reads the file of the segment at `base`. The inner `None`: it is damaged, or of another epoch.
    pub(crate) fn load(disk: &dyn Disk, epoch: u64, base: u64) -> io::Result<Option<Self>> {
        Ok(Self::parse(&disk::read_whole(disk, &name(base))?, epoch))
    }
}

fn parse_span(bytes: &[u8]) -> Option<Span> {
    let (base, end) = (u64_at(bytes, 0)?, u64_at(bytes, 8)?);
    Some(Span { base, end, last_offset: Offset(u64_at(bytes, 16)?), last_time_ms: u64_at(bytes, 24)? })
}

fn parse_key(bytes: &[u8]) -> Option<(Key, Place)> {
    let place = Place { offset: Offset(u64_at(bytes, 16)?), ordinal: u64_at(bytes, 24)? };
    Some((Key(u128_at(bytes, 0)?), place))
}

fn parse_hashes(bytes: &[u8]) -> Option<IdempotencyEntry> {
    let (key, body) = (u128_at(bytes, 0)?, u128_at(bytes, 16)?);
    Some(IdempotencyEntry { key, body, offset: Offset(u64_at(bytes, 32)?), time_ms: u64_at(bytes, 40)? })
}

/// The name of the file of keys of the segment at `base`.
pub(crate) fn name(base: u64) -> String {
    format!("{base:016x}{EXTENSION}")
}

/// The base of the segment that a file of keys of this name belongs to, if it is one.
pub(crate) fn base_of(name: &str) -> Option<u64> {
    segment::number_before(name, EXTENSION)
}

/// The bases of all files of keys among these names.
pub(crate) fn bases(names: &[String]) -> BTreeSet<u64> {
    names.iter().filter_map(|name| base_of(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_disk::MemoryDisk;

    fn set(numbers: &[u64]) -> KeySet {
        let place = |number: &u64| Place { offset: Offset(*number), ordinal: *number };
        let base = numbers[0];
        let span = Span { base, end: base + 99, last_offset: Offset(base + 50), last_time_ms: 5 };
        let hashes = IdempotencyEntry { key: 1, body: 2, offset: Offset(base), time_ms: 5 };
        KeySet {
            spans: vec![span],
            keys: numbers.iter().map(|number| (Key(u128::from(number % 10)), place(number))).collect(),
            idempotency: vec![hashes],
        }
    }

    #[test]
    fn a_set_reads_back_in_its_epoch_only() {
        let disk = MemoryDisk::new();
        set(&[101, 102, 103]).store(&disk, 7, 101).unwrap();
        assert_eq!(KeySet::load(&disk, 7, 101).unwrap(), Some(set(&[101, 102, 103])));
        assert_eq!(KeySet::load(&disk, 8, 101).unwrap(), None);
        assert_eq!(disk.list().unwrap(), ["0000000000000065.keys"]);
        assert_eq!(base_of("0000000000000065.keys"), Some(101));
    }

    #[test]
    fn a_damaged_or_torn_file_is_none() {
        let good = set(&[101, 102]).encode(7);
        assert!(KeySet::parse(&good, 7).is_some());
        for cut in 0..good.len() {
            assert_eq!(KeySet::parse(&good[..cut], 7), None, "cut at {cut}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert_eq!(KeySet::parse(&bad, 7), None, "byte {at} changed");
        }
    }

    #[test]
    fn of_two_places_of_a_key_the_newer_stays() {
        let mut both = set(&[101, 102]);
        both.append(set(&[202, 203]));
        let offsets: Vec<u64> = both.keys.iter().map(|(_, place)| place.offset.0).collect();
        assert_eq!(offsets, [101, 202, 203]);
        assert_eq!((both.spans.len(), both.idempotency.len()), (2, 2));
    }
}
