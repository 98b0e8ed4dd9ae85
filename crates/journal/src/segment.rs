//! One segment: a file that holds a stretch of the log, and begins with what a restart must know.
//!
//! It is named by the address of its first byte; a record's offset less that address is its place in
//! the file. The header, little-endian, 64 bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DLJOURN` and a zero byte |
//! | 4 | format version |
//! | 4 | zero |
//! | 8 | epoch |
//! | 8 | base: the address of the file's first byte |
//! | 8 | where the segment before this one ended; less than the base after a crash, 0 in the first |
//! | 8 | offset of the last record before this segment, 0 if there is none |
//! | 8 | time of that record |
//! | 8 | zero (4), CRC32C over the 60 bytes before (4) |

use std::io;
use std::sync::Arc;

use crate::address::Offset;
use crate::disk::{self, Disk, DiskFile};
use crate::record::{u32_at, u64_at};

/// Bytes of a segment's header; its first record follows.
pub(crate) const HEADER_BYTES: u64 = 64;
/// Version of the whole file format.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// No log comes to here: it would take a thousand million crashes, each of which leaves some addresses out. Addresses
/// below it can be reckoned with without a thought of the end of 64 bits.
const BASE_MAX: u64 = 1 << 62;

const MAGIC: &[u8; 8] = b"DLJOURN\0";
/// The end of a segment's name.
const EXTENSION: &str = ".seg";

/// What stands at the start of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u64,
    pub(crate) base: u64,
    pub(crate) previous_end: u64,
    /// Keeps the log's end known when all records before have been dropped.
    pub(crate) last_offset: Offset,
    /// Keeps times from running backwards when all records before have been dropped.
    pub(crate) last_time_ms: u64,
}

/// Why bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Not ours, torn, or damaged.
    Damaged,
    /// A format of the future.
    Version(u32),
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        let numbers = [self.epoch, self.base, self.previous_end, self.last_offset.0, self.last_time_ms];
        for (number, into) in numbers.iter().zip(bytes[16..56].chunks_exact_mut(8)) {
            into.copy_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadHeader> {
        let version = u32_at(bytes, 8).ok_or(BadHeader::Damaged)?;
        if bytes.starts_with(MAGIC) && version > FORMAT_VERSION {
            return Err(BadHeader::Version(version));
        }
        let crc = u32_at(bytes, 60).ok_or(BadHeader::Damaged)?;
        if !bytes.starts_with(MAGIC) || version == 0 || crc != crc32c::crc32c(&bytes[..60]) {
            return Err(BadHeader::Damaged);
        }
        let number = |at| u64_at(bytes, at).ok_or(BadHeader::Damaged);
        let header = Self {
            epoch: number(16)?,
            base: number(24)?,
            previous_end: number(32)?,
            last_offset: Offset(number(40)?),
            last_time_ms: number(48)?,
        };
        let is_sane = header.base <= BASE_MAX
            && header.previous_end <= header.base
            && header.last_offset <= Offset(header.previous_end);
        if is_sane { Ok(header) } else { Err(BadHeader::Damaged) }
    }
}

/// One segment, open.
pub(crate) struct Segment {
    pub(crate) header: Header,
    /// Kept open as long as anybody reads it, so that dropping a segment disturbs no reader.
    pub(crate) file: Arc<dyn DiskFile>,
}

impl Segment {
    /// Makes a segment. It must not be used before the directory has been synced.
    pub(crate) fn create(disk: &dyn Disk, header: Header) -> io::Result<Self> {
        let file = disk.create(&name(header.base))?;
        file.write_at(0, &header.encode())?;
        Ok(Self { header, file })
    }

    /// Opens a segment. The inner error says that the header is not one.
    pub(crate) fn open(disk: &dyn Disk, base: u64) -> io::Result<Result<Self, BadHeader>> {
        let file = disk.open(&name(base))?;
        let mut bytes = [0; HEADER_BYTES as usize];
        let filled = disk::read_full(&*file, 0, &mut bytes)?;
        Ok(match Header::parse(&bytes[..filled]) {
            Ok(header) if header.base == base => Ok(Self { header, file }),
            Ok(_) => Err(BadHeader::Damaged),
            Err(bad) => Err(bad),
        })
    }

    /// The address of the segment's first byte.
    pub(crate) fn base(&self) -> u64 {
        self.header.base
    }

    /// The address of the segment's first record.
    pub(crate) fn first(&self) -> u64 {
        self.header.base + HEADER_BYTES
    }

    pub(crate) fn name(&self) -> String {
        name(self.header.base)
    }
}

/// Whether anything but zeros follows the header of the segment at `base`, whatever its header says.
pub(crate) fn has_content(disk: &dyn Disk, base: u64) -> io::Result<bool> {
    let file = disk.open(&name(base))?;
    let mut bytes = vec![0; 64 * 1024];
    let mut position = HEADER_BYTES;
    loop {
        let filled = disk::read_full(&*file, position, &mut bytes)?;
        if filled == 0 || bytes[..filled].iter().any(|byte| *byte != 0) {
            return Ok(filled > 0);
        }
        position += filled as u64;
    }
}

/// The name of the segment at `base`.
pub(crate) fn name(base: u64) -> String {
    format!("{base:016x}{EXTENSION}")
}

/// The base of a segment of this name, if it is one.
pub(crate) fn base_of(name: &str) -> Option<u64> {
    number_before(name, EXTENSION)
}

/// The 16 hexadecimal digits before `extension`.
pub(crate) fn number_before(name: &str, extension: &str) -> Option<u64> {
    let digits = name.strip_suffix(extension)?;
    let is_ours = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_disk::MemoryDisk;

    const HEADER: Header =
        Header { epoch: 7, base: 4096, previous_end: 4000, last_offset: Offset(3000), last_time_ms: 55 };

    #[test]
    fn a_header_reads_back_and_every_flipped_bit_is_noticed() {
        let bytes = HEADER.encode();
        assert_eq!(Header::parse(&bytes), Ok(HEADER));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::parse(&bad).is_err(), "bit {bit} was flipped and not noticed");
        }
    }

    #[test]
    fn a_torn_header_is_damaged_and_a_newer_one_is_named() {
        let mut bytes = HEADER.encode();
        for cut in 0..bytes.len() {
            assert_eq!(Header::parse(&bytes[..cut]), Err(BadHeader::Damaged));
        }
        bytes[8] = 2;
        assert_eq!(Header::parse(&bytes), Err(BadHeader::Version(2)));
    }

    #[test]
    fn a_header_whose_numbers_cannot_be_is_damaged() {
        let highest = Header { base: BASE_MAX, ..HEADER };
        assert_eq!(Header::parse(&highest.encode()), Ok(highest));
        for bad in [
            Header { base: BASE_MAX + 1, ..HEADER },
            Header { base: u64::MAX - 1, ..HEADER },
            Header { previous_end: HEADER.base + 1, ..HEADER },
            Header { last_offset: Offset(HEADER.previous_end + 1), ..HEADER },
        ] {
            assert_eq!(Header::parse(&bad.encode()), Err(BadHeader::Damaged), "{bad:?}");
        }
    }

    #[test]
    fn a_segment_opens_under_its_own_name_only() {
        let disk = MemoryDisk::new();
        Segment::create(&disk, HEADER).unwrap();
        assert_eq!(Segment::open(&disk, 4096).unwrap().unwrap().header, HEADER);
        disk.rename(&name(4096), &name(8192)).unwrap();
        assert!(matches!(Segment::open(&disk, 8192).unwrap(), Err(BadHeader::Damaged)));
    }

    #[test]
    fn zeros_are_no_content_and_one_late_byte_is() {
        let disk = MemoryDisk::new();
        let file = Segment::create(&disk, HEADER).unwrap().file;
        assert!(!has_content(&disk, 4096).unwrap());
        file.set_size(1 << 20).unwrap();
        assert!(!has_content(&disk, 4096).unwrap());
        file.write_at(900_000, b"x").unwrap();
        assert!(has_content(&disk, 4096).unwrap());
    }

    #[test]
    fn names_are_sixteen_digits() {
        assert_eq!(name(0x1234), "0000000000001234.seg");
        assert_eq!(base_of("0000000000001234.seg"), Some(0x1234));
        for other in ["1234.seg", "0000000000001234.keys", "000000000000123x.seg", "+000000000001234.seg"] {
            assert_eq!(base_of(other), None);
        }
    }
}
