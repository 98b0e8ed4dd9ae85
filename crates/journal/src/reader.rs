//! Reading: the newest record of a key, a walk back along its chain, and a record itself.
//!
//! A reader holds no place in the log; whoever follows a key keeps its own. It never waits for the
//! writer's disk: it takes only short locks.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::address::{After, Key, Link, LogStart, Offset, Place};
use crate::disk;
use crate::error::ReadError;
use crate::log::Log;
use crate::record::{self, HEAD_BYTES, Head, LINK_BYTES, SINGLE_HEADER_BYTES};
use crate::segment::Segment;

/// One read of this size brings most records whole.
const FIRST_READ_BYTES: usize = 1024;

/// The links of some 120 keys: so much is read and checked as a whole. Of more, only the link that is wanted is read.
const CHECKED_HEADER_BYTES_MAX: usize = 4096;

/// Reads the journal, from any thread, also while it is written.
#[derive(Clone)]
pub struct Reader {
    log: Arc<Log>,
}

/// The records of one key that a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Where they lie, ascending.
    pub offsets: Vec<Offset>,
    /// The key's record before the oldest of them, kept or not; 0 if there was none, or nothing was found.
    pub oldest_previous: Offset,
    /// The key's newest record, whether or not the walk wanted it.
    pub newest: Option<Place>,
}

/// One record, as a reader of one of its keys sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub offset: Offset,
    /// The caller's own.
    pub kind: u8,
    /// When it was appended, in milliseconds of the Unix epoch.
    pub time_ms: u64,
    /// Seconds until it counts as expired; 0 for never.
    pub ttl_seconds: u32,
    /// The content.
    pub payload: Bytes,
    /// How it hangs on the chain of the key that was asked for.
    pub link: Link,
}

impl Reader {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        Self { log }
    }

    /// Before where records are gone.
    pub fn start(&self) -> LogStart {
        self.log.start()
    }

    /// Of keys whose newest record lies here or before nothing need be known any more: their next record is numbered as
    /// if it were the first.
    pub fn forgotten(&self) -> Offset {
        self.log.forgotten()
    }

    /// The last appended record; 0 if there never was one. Known also when all have been trimmed.
    pub fn end(&self) -> Offset {
        self.log.end()
    }

    /// Bytes of all that is kept.
    pub fn kept_bytes(&self) -> u64 {
        self.log.kept_bytes()
    }

    /// Number of files that hold it.
    pub fn kept_segments(&self) -> usize {
        self.log.kept_segments()
    }

    /// Number of keys in memory.
    pub fn keys(&self) -> usize {
        self.log.index.len()
    }

    /// The newest record of a key that is not beyond `up_to`.
    ///
    /// Behind the newest of all it walks back the key's chain, on the disk. What cannot be read there
    /// counts as absent; [`walk`](Self::walk) tells the difference.
    pub fn newest(&self, key: Key, up_to: Offset) -> Option<Place> {
        self.find_newest(key, up_to).ok().flatten()
    }

    /// The records of a key after `after` and not beyond `up_to`, at most the `newest_max` newest.
    ///
    /// It reads headers only, one small read each. Where the chain runs into what was trimmed, also while
    /// it walks, it ends.
    pub fn walk(&self, key: Key, after: After, up_to: Offset, newest_max: u64) -> Result<Walk, ReadError> {
        let mut found = Walk { newest: self.find_newest(key, up_to)?, ..Walk::default() };
        let mut next = found.newest;
        while let Some(place) = next.filter(|_| (found.offsets.len() as u64) < newest_max) {
            if matches!(after, After::Offset(after) if place.offset <= after) {
                break;
            }
            let (head, link) = match self.header(place.offset, key) {
                Ok(header) => header,
                Err(ReadError::Trimmed) => break,
                Err(error) => return Err(error),
            };
            if matches!(after, After::TimeMs(time_ms) if head.time_ms < time_ms) {
                break;
            }
            found.offsets.push(place.offset);
            found.oldest_previous = link.previous;
            next = self.before(place, &link)?;
        }
        found.offsets.reverse();
        Ok(found)
    }

    /// The record at `offset`, which is one of `key`.
    pub fn read(&self, offset: Offset, key: Key) -> Result<Record, ReadError> {
        let segment = self.segment(offset)?;
        let position = offset.0 - segment.base();
        let mut first = [0; FIRST_READ_BYTES];
        let filled = disk::read_full(&*segment.file, position, &mut first)?;
        let first = &first[..filled];
        let head = Head::parse(first).ok_or_else(|| corrupt(&segment, offset))?;
        let link = self.link(&segment, offset, &head, first, key)?;
        let payload = payload(&segment, position, &head, first)?;
        if !head.payload_is_intact(&payload) {
            return Err(corrupt(&segment, offset));
        }
        let Head { kind, time_ms, ttl_seconds, .. } = head;
        Ok(Record { offset, kind, time_ms, ttl_seconds, payload, link })
    }

    fn find_newest(&self, key: Key, up_to: Offset) -> Result<Option<Place>, ReadError> {
        let mut next = self.log.index.get(key);
        while let Some(place) = next.filter(|place| place.offset > up_to) {
            let link = match self.header(place.offset, key) {
                Ok((_, link)) => link,
                Err(ReadError::Trimmed) => return Ok(None),
                Err(error) => return Err(error),
            };
            next = self.before(place, &link)?;
        }
        Ok(next)
    }

    /// The place before `place`, by its link. The chain must fit together: a link that does not is damage.
    fn before(&self, place: Place, link: &Link) -> Result<Option<Place>, ReadError> {
        let is_first = link.previous == Offset(0);
        if link.ordinal != place.ordinal || link.previous >= place.offset || is_first != (link.ordinal == 1) {
            return Err(corrupt(&*self.segment(place.offset)?, place.offset));
        }
        Ok((!is_first).then(|| Place { offset: link.previous, ordinal: link.ordinal - 1 }))
    }

    fn segment(&self, offset: Offset) -> Result<Arc<Segment>, ReadError> {
        if !self.log.is_written(offset) {
            return Err(ReadError::Unknown);
        }
        let segment = self.log.segment_of(offset).ok_or(ReadError::Trimmed)?;
        if offset.0 < segment.first() { Err(ReadError::Unknown) } else { Ok(segment) }
    }

    /// A record's head and its link for `key`.
    fn header(&self, offset: Offset, key: Key) -> Result<(Head, Link), ReadError> {
        let segment = self.segment(offset)?;
        let mut bytes = [0; SINGLE_HEADER_BYTES];
        let filled = disk::read_full(&*segment.file, offset.0 - segment.base(), &mut bytes)?;
        let head = Head::parse(&bytes[..filled]).ok_or_else(|| corrupt(&segment, offset))?;
        let link = self.link(&segment, offset, &head, &bytes[..filled], key)?;
        Ok((head, link))
    }

    /// The link for `key`, given the record's first bytes.
    fn link(
        &self,
        segment: &Segment,
        offset: Offset,
        head: &Head,
        first: &[u8],
        key: Key,
    ) -> Result<Link, ReadError> {
        let position = offset.0 - segment.base();
        let mut whole = Vec::new();
        let mut header = first.get(..head.header_bytes());
        if header.is_none() && head.header_bytes() <= CHECKED_HEADER_BYTES_MAX {
            whole.resize(head.header_bytes(), 0);
            disk::read_full(&*segment.file, position, &mut whole)?;
            header = Some(&whole);
        }
        if let Some(header) = header {
            if !head.header_is_intact(self.log.epoch, offset, header) {
                return Err(corrupt(segment, offset));
            }
            return record::links(head, header).find(|link| link.key == key).ok_or(ReadError::Unknown);
        }
        // A record of very many keys: its links are not read, and so not checked, as a whole. What is
        // found must have the right key, and fit into its chain.
        search(&*segment.file, position + HEAD_BYTES as u64, head.links, key)?.ok_or(ReadError::Unknown)
    }
}

/// Looks for a key among sorted links on the disk.
fn search(file: &dyn disk::DiskFile, links: u64, count: u32, key: Key) -> io::Result<Option<Link>> {
    let (mut low, mut high) = (0, u64::from(count));
    while low < high {
        let middle = low + (high - low) / 2;
        let mut bytes = [0; LINK_BYTES];
        disk::read_full(file, links + middle * LINK_BYTES as u64, &mut bytes)?;
        let Some(link) = record::parse_link(&bytes) else { return Ok(None) };
        match link.key.cmp(&key) {
            std::cmp::Ordering::Equal => return Ok(Some(link)),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(None)
}

/// The payload, as far as possible from the bytes that were read first.
fn payload(segment: &Segment, position: u64, head: &Head, first: &[u8]) -> Result<Bytes, ReadError> {
    if let Some(payload) = first.get(head.header_bytes()..head.length as usize) {
        return Ok(Bytes::copy_from_slice(payload));
    }
    let mut payload = vec![0; head.payload_bytes()];
    let had = first.get(head.header_bytes()..).unwrap_or_default();
    payload[..had.len()].copy_from_slice(had);
    let rest = position + (head.header_bytes() + had.len()) as u64;
    disk::read_full(&*segment.file, rest, &mut payload[had.len()..])?;
    Ok(payload.into())
}

fn corrupt(segment: &Segment, offset: Offset) -> ReadError {
    ReadError::Corrupt { segment: segment.name(), offset }
}
