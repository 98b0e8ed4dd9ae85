//! The segments on a disk, as their headers tell.

use crate::power_disk::PowerDisk;

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: u64 = 64;

/// Where one segment lies in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) base: u64,
    /// The address behind its last record.
    pub(crate) end: u64,
}

impl Segment {
    pub(crate) fn bytes(&self) -> u64 {
        self.end - self.base
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == HEADER_BYTES
    }
}

pub(crate) fn base_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(".seg")?, 16).ok()
}

/// All segments, oldest first; the last one ends at `end`, unless it is empty.
pub(crate) fn segments(disk: &PowerDisk, end: u64) -> Vec<Segment> {
    let names = disk.names(".seg");
    let mut segments: Vec<Segment> = Vec::new();
    for name in names {
        let header = disk.content(&name);
        let number = |at: usize| {
            header
                .get(at..at + 8)
                .map_or(0, |bytes| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        };
        if let (Some(before), true) = (segments.last_mut(), header.len() >= HEADER_BYTES as usize) {
            before.end = number(32).max(before.base);
        }
        let base = base_of(&name).unwrap_or_default();
        segments.push(Segment { base, end: end.max(base + HEADER_BYTES) });
    }
    segments
}
