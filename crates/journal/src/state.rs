//! The small file that says how the journal was left.
//!
//! It alone decides which epoch is the present one. It is replaced as a whole: lines of a word and its
//! value, so that a person can read it, and a CRC32C at the end.

use std::io;

use crate::disk::{self, Disk};

/// The file's name.
pub(crate) const STATE_FILE: &str = "journal.state";

const FIRST_LINE: &str = "downlink-journal 1";

/// How the journal was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) epoch: u64,
    /// Whether all is stored and nothing has been appended since; written anew before the first append.
    pub(crate) clean: bool,
    /// Where the log ended when it was left clean.
    pub(crate) end: u64,
    /// Whether it was written with syncs.
    pub(crate) durable: bool,
    /// Whether the files of this epoch have still to be made, and all that is there is of an older one.
    pub(crate) replacing: bool,
    /// The kernel's life in which it was written.
    pub(crate) boot_id: String,
}

impl State {
    fn encode(&self) -> String {
        let Self { epoch, clean, end, durable, replacing, boot_id } = self;
        let lines = format!(
            "{FIRST_LINE}\nepoch {epoch}\nclean {clean}\nend {end}\ndurable {durable}\n\
             replacing {replacing}\nboot_id {boot_id}\n"
        );
        let crc = crc32c::crc32c(lines.as_bytes());
        format!("{lines}crc {crc:08x}\n")
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (lines, crc) = text.strip_suffix('\n')?.rsplit_once("crc ")?;
        if crc != format!("{:08x}", crc32c::crc32c(lines.as_bytes())) {
            return None;
        }
        let mut lines = lines.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut value = |word: &str| lines.next()?.strip_prefix(word)?.strip_prefix(' ');
        Some(Self {
            epoch: value("epoch")?.parse().ok()?,
            clean: value("clean")?.parse().ok()?,
            end: value("end")?.parse().ok()?,
            durable: value("durable")?.parse().ok()?,
            replacing: value("replacing")?.parse().ok()?,
            boot_id: value("boot_id")?.to_owned(),
        })
    }

    /// Puts the state on the disk, durably.
    pub(crate) fn store(&self, disk: &dyn Disk) -> io::Result<()> {
        disk::replace(disk, STATE_FILE, self.encode().as_bytes())
    }

    /// Reads the state. The inner `None` says that what is there is no state.
    pub(crate) fn load(disk: &dyn Disk) -> io::Result<Option<Self>> {
        Ok(Self::parse(&disk::read_whole(disk, STATE_FILE)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_disk::MemoryDisk;

    fn state(boot_id: &str) -> State {
        let boot_id = boot_id.to_owned();
        State { epoch: 77, clean: true, end: 4096, durable: false, replacing: true, boot_id }
    }

    #[test]
    fn it_reads_back_also_without_a_boot_id() {
        let disk = MemoryDisk::new();
        for state in [state("8c1f-22"), state("")] {
            state.store(&disk).unwrap();
            assert_eq!(State::load(&disk).unwrap(), Some(state));
        }
        assert_eq!(disk.list().unwrap(), [STATE_FILE]);
    }

    #[test]
    fn anything_else_is_no_state() {
        let good = state("8c1f-22").encode().into_bytes();
        assert!(State::parse(&good).is_some());
        for cut in 0..good.len() {
            assert_eq!(State::parse(&good[..cut]), None, "cut at {cut}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(State::parse(&bad), None, "byte {at} changed");
        }
    }
}
