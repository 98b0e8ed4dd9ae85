//! The format of one record: how it is laid down, and what is checked when it is read.
//!
//! All numbers are little-endian. A record starts at a multiple of 8 and is
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the record; the next one follows at the next multiple of 8, zeros between |
//! | 4 | CRC32C over epoch, offset, the length, and all that follows up to the payload |
//! | 1 | kind, the caller's |
//! | 1 | flags: 1 *confirmed*, 2 *has idempotency* |
//! | 2 | zero |
//! | 4 | number of links |
//! | 8 | time, milliseconds of the Unix epoch |
//! | 4 | time to live in seconds, 0 for none |
//! | 4 | CRC32C of the payload |
//! | 32 each | links, sorted by key: key (16), previous offset (8), ordinal (8) |
//! | 0 or 32 | idempotency: hash of the key (16), hash of the body (16) |
//! | the rest | payload |
//!
//! The first CRC covers the second, so together they cover everything; they are two so that a link of
//! a record with many can be found, and its payload be checked, without reading the other links.
//! Epoch and offset are in it so that a record is valid at its own place only: neither a copy inside a
//! payload nor a leftover of another life of the log can be taken for one.

use crate::address::{Key, Link, Offset};

/// The part that every record has.
pub(crate) const HEAD_BYTES: usize = 32;
/// One link.
pub(crate) const LINK_BYTES: usize = 32;
/// The two hashes of an idempotent record.
const IDEMPOTENCY_BYTES: usize = 32;
/// All but the payload of a record of one key, idempotent or not: one small read.
pub(crate) const SINGLE_HEADER_BYTES: usize = HEAD_BYTES + LINK_BYTES + IDEMPOTENCY_BYTES;

/// 16 MiB, header included: as much as one HTTP call may bring, and little enough to check in memory.
pub const RECORD_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Keys of one record. Six times what one HTTP call may name; their links then take 2 MiB.
pub const KEYS_MAX: u32 = 65_536;

/// Everything before this record was stored as the durability demands when this one was written.
/// So damage before it is damage to something promised, and not the trace of a crash.
const CONFIRMED: u8 = 1;
/// Two hashes stand between the links and the payload.
const HAS_IDEMPOTENCY: u8 = 2;

/// The caller's hashes for an idempotent record. The journal keeps them and gives them back at a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// Hash of what must be the same for the same request.
    pub key: u128,
    /// Hash of what must then be the same too.
    pub body: u128,
}

/// What to append: one payload, which gets one offset, and one ordinal for each key.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The caller's own; the journal does not look at it.
    pub kind: u8,
    /// Seconds until the record counts as expired for its readers; 0 for never. Not looked at either.
    pub ttl_seconds: u32,
    /// Whose it is: at least one key. A key named twice counts once.
    pub keys: &'a [Key],
    /// The content.
    pub payload: &'a [u8],
    /// Hashes to remember with it.
    pub idempotency: Option<Idempotency>,
}

/// The part that every record has, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: u32,
    crc: u32,
    pub(crate) kind: u8,
    flags: u8,
    pub(crate) links: u32,
    pub(crate) time_ms: u64,
    pub(crate) ttl_seconds: u32,
    payload_crc: u32,
}

impl Head {
    /// Reads a head, if the bytes can be one at all. What it says is not checked yet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let head = Self {
            length: u32_at(bytes, 0)?,
            crc: u32_at(bytes, 4)?,
            kind: *bytes.get(8)?,
            flags: *bytes.get(9)?,
            links: u32_at(bytes, 12)?,
            time_ms: u64_at(bytes, 16)?,
            ttl_seconds: u32_at(bytes, 24)?,
            payload_crc: u32_at(bytes, 28)?,
        };
        let sane = bytes[10..12] == [0, 0]
            && head.flags & !(CONFIRMED | HAS_IDEMPOTENCY) == 0
            && (1..=KEYS_MAX).contains(&head.links)
            && head.length <= RECORD_BYTES_MAX
            && head.header_bytes() <= head.length as usize;
        sane.then_some(head)
    }

    /// Bytes before the payload.
    pub(crate) fn header_bytes(&self) -> usize {
        self.links_end() + if self.flags & HAS_IDEMPOTENCY == 0 { 0 } else { IDEMPOTENCY_BYTES }
    }

    fn links_end(&self) -> usize {
        HEAD_BYTES + self.links as usize * LINK_BYTES
    }

    /// Bytes of the payload.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.length as usize - self.header_bytes()
    }

    /// Bytes from this record to the next.
    pub(crate) fn stride(&self) -> u64 {
        u64::from(self.length).next_multiple_of(8)
    }

    /// Whether all before this record was stored for good when it was written.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.flags & CONFIRMED != 0
    }

    /// Whether the bytes before the payload are those that were written at this place.
    pub(crate) fn header_is_intact(&self, epoch: u64, offset: Offset, header: &[u8]) -> bool {
        header_crc(epoch, offset, header) == self.crc
    }

    /// Whether the payload is the one that was written.
    pub(crate) fn payload_is_intact(&self, payload: &[u8]) -> bool {
        crc32c::crc32c(payload) == self.payload_crc
    }

    /// The hashes, from the bytes before the payload.
    pub(crate) fn idempotency(&self, header: &[u8]) -> Option<Idempotency> {
        let bytes = header.get(self.links_end()..self.header_bytes()).filter(|bytes| !bytes.is_empty())?;
        Some(Idempotency { key: u128_at(bytes, 0)?, body: u128_at(bytes, 16)? })
    }
}

/// What [`encode`] lays down beside the entry itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered<'a> {
    pub(crate) epoch: u64,
    pub(crate) offset: Offset,
    pub(crate) time_ms: u64,
    pub(crate) links: &'a [Link],
    pub(crate) confirmed: bool,
}

/// The length of a record, before padding.
pub(crate) fn length(keys: usize, has_idempotency: bool, payload: usize) -> u64 {
    let idempotency = if has_idempotency { IDEMPOTENCY_BYTES } else { 0 };
    (HEAD_BYTES + idempotency) as u64 + keys as u64 * LINK_BYTES as u64 + payload as u64
}

/// Lays a record down at the end of `into`, padding included. The caller has checked the limits.
pub(crate) fn encode(entry: &Entry<'_>, numbered: &Numbered<'_>, into: &mut Vec<u8>) {
    let start = into.len();
    let total = length(numbered.links.len(), entry.idempotency.is_some(), entry.payload.len());
    let flags = if numbered.confirmed { CONFIRMED } else { 0 }
        | if entry.idempotency.is_some() { HAS_IDEMPOTENCY } else { 0 };
    into.extend_from_slice(&(total as u32).to_le_bytes());
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(&[entry.kind, flags, 0, 0]);
    into.extend_from_slice(&(numbered.links.len() as u32).to_le_bytes());
    into.extend_from_slice(&numbered.time_ms.to_le_bytes());
    into.extend_from_slice(&entry.ttl_seconds.to_le_bytes());
    into.extend_from_slice(&crc32c::crc32c(entry.payload).to_le_bytes());
    for link in numbered.links {
        into.extend_from_slice(&link.key.0.to_le_bytes());
        into.extend_from_slice(&link.previous.0.to_le_bytes());
        into.extend_from_slice(&link.ordinal.to_le_bytes());
    }
    if let Some(hashes) = entry.idempotency {
        into.extend_from_slice(&hashes.key.to_le_bytes());
        into.extend_from_slice(&hashes.body.to_le_bytes());
    }
    let crc = header_crc(numbered.epoch, numbered.offset, &into[start..]);
    into[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    into.extend_from_slice(entry.payload);
    let end = into.len() - start;
    into.resize(start + end.next_multiple_of(8), 0);
}

fn header_crc(epoch: u64, offset: Offset, header: &[u8]) -> u32 {
    let mut place = [0; 20];
    place[..8].copy_from_slice(&epoch.to_le_bytes());
    place[8..16].copy_from_slice(&offset.0.to_le_bytes());
    place[16..].copy_from_slice(&header[..4]);
    crc32c::crc32c_append(crc32c::crc32c(&place), &header[8..])
}

/// The links in the bytes before the payload.
pub(crate) fn links(head: &Head, header: &[u8]) -> impl Iterator<Item = Link> {
    header[HEAD_BYTES..head.links_end()].chunks_exact(LINK_BYTES).filter_map(parse_link)
}

/// Reads one link.
pub(crate) fn parse_link(bytes: &[u8]) -> Option<Link> {
    let key = Key(u128_at(bytes, 0)?);
    Some(Link { key, previous: Offset(u64_at(bytes, 16)?), ordinal: u64_at(bytes, 24)? })
}

/// A number out of bytes; `None` beyond their end.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number out of bytes; `None` beyond their end.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number out of bytes; `None` beyond their end.
pub(crate) fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    Some(u128::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
