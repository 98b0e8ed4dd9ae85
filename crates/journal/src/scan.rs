//! Reading a segment record by record, and telling a torn tail from damage.
//!
//! A write that a crash interrupted may have reached the disk in any part, pages out of order. It is told
//! from damage by the records behind it: one that says *confirmed* was written only after all before it
//! had been stored.

use std::io;

use crate::address::Offset;
use crate::disk::{self, DiskFile};
use crate::record::{HEAD_BYTES, Head};
use crate::segment::{HEADER_BYTES, Segment};

/// How much is read at once.
const WINDOW_BYTES: usize = 1024 * 1024;

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Place in the file after the last good record.
    pub(crate) end: u64,
    /// Place of the last record that says that all before it was stored.
    pub(crate) confirmed: u64,
    pub(crate) records: u64,
    pub(crate) first_time_ms: Option<u64>,
    pub(crate) last: Option<(Offset, u64)>,
}

/// Reads the good records of a segment up to a place in its file, or to the first that is not good.
pub(crate) fn scan(
    segment: &Segment,
    epoch: u64,
    until: u64,
    mut each: impl FnMut(Offset, &Head, &[u8]),
) -> io::Result<Scan> {
    let mut window = Window::new(&*segment.file, until);
    let mut found =
        Scan { end: HEADER_BYTES, confirmed: HEADER_BYTES, records: 0, first_time_ms: None, last: None };
    loop {
        let offset = Offset(segment.base() + found.end);
        let Some((head, header)) = window.record(epoch, offset, found.end)? else { return Ok(found) };
        each(offset, &head, header);
        if head.is_confirmed() {
            found.confirmed = found.end;
        }
        found.end += head.stride();
        found.records += 1;
        found.first_time_ms.get_or_insert(head.time_ms);
        found.last = Some((offset, head.time_ms));
    }
}

/// What lies behind the last good record of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Bytes up to the last that is not zero.
    pub(crate) bytes: u64,
    /// Whether a record among them proves that what precedes it had been stored.
    pub(crate) is_damage: bool,
}

/// Looks at what lies between a place in the file, where no good record is, and its end.
pub(crate) fn inspect_tail(segment: &Segment, epoch: u64, from: u64) -> io::Result<Tail> {
    let size = segment.file.size()?;
    let mut window = Window::new(&*segment.file, size);
    let mut tail = Tail { bytes: 0, is_damage: false };
    let mut position = from;
    while position < size {
        let bytes = window.at(position, 8)?;
        if let Some(last) = bytes.iter().take(8).rposition(|byte| *byte != 0) {
            tail.bytes = position + last as u64 + 1 - from;
            let offset = Offset(segment.base() + position);
            let record = window.record(epoch, offset, position)?;
            tail.is_damage |= record.is_some_and(|(head, _)| head.is_confirmed());
        }
        position += 8;
    }
    Ok(tail)
}

/// A stretch of a file in memory that moves along it.
struct Window<'a> {
    file: &'a dyn DiskFile,
    /// Nothing at or behind this place is looked at.
    until: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn DiskFile, until: u64) -> Self {
        Self { file, until, start: 0, bytes: Vec::new() }
    }

    /// The bytes from `position` on: at least `count` of them, or what there is.
    fn at(&mut self, position: u64, count: usize) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if position < self.start || (position + count as u64).min(self.until) > end {
            let left = usize::try_from(self.until.saturating_sub(position)).unwrap_or(usize::MAX);
            self.bytes.resize(count.max(WINDOW_BYTES).min(left), 0);
            let filled = disk::read_full(self.file, position, &mut self.bytes)?;
            self.bytes.truncate(filled);
            self.start = position;
        }
        Ok(self.bytes.get((position - self.start) as usize..).unwrap_or_default())
    }

    /// The head and header of the record at `position`, if a good one is there.
    fn record(&mut self, epoch: u64, offset: Offset, position: u64) -> io::Result<Option<(Head, &[u8])>> {
        let Some(head) = Head::parse(self.at(position, HEAD_BYTES)?) else { return Ok(None) };
        let (header_bytes, length) = (head.header_bytes(), head.length as usize);
        // Before the payload is read: bytes that only look like a head may claim one of many megabytes.
        let header = self.at(position, header_bytes)?.get(..header_bytes);
        if !header.is_some_and(|header| head.header_is_intact(epoch, offset, header)) {
            return Ok(None);
        }
        // The padding belongs to it, but a file may end before it.
        let Some(record) = self.at(position, length)?.get(..length) else { return Ok(None) };
        let (header, payload) = record.split_at(header_bytes);
        let is_good = head.payload_is_intact(payload);
        Ok(is_good.then_some((head, header)))
    }
}

#[cfg(test)]
mod tests;
