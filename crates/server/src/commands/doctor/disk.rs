//! The data directory: whether its file system keeps what it was given, how fast, and for how long there is room.

use super::finding::{Finding, Verdict, size};
use crate::config::Config;
use broker::local::Durability;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Syncs that are timed: the 99th of a hundred is the second slowest.
const SYNCS: usize = 100;

/// Senders wait for a sync. A slower disk works, and sends take as long.
const SYNC_SLOW: Duration = Duration::from_millis(10);

/// What `statfs` calls file systems that lie in memory (`linux/magic.h`).
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// A file that is removed again, also when something fails.
struct Probe(PathBuf);

/// Looks at the disk of a configuration that has one.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let Some(directory) = config.kept_dir("journal") else { return Vec::new() };
    let there = existing(directory.parent().unwrap_or(&directory));
    let mut findings = vec![room(&there, config.retention_bytes)];
    if config.durability == Durability::Fsync {
        findings.push(kind(&there));
        findings.push(syncs(&there));
    }
    findings
}

/// The directory, or the nearest above it that is there already.
fn existing(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|path| path.is_dir() && !path.as_os_str().is_empty());
    there.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn room(directory: &Path, retention_bytes: u64) -> Finding {
    const NAME: &str = "room on the disk";
    let why = "What is kept takes retention.bytes, and an eighth more until a whole file can go. On a full disk sends are answered \
               507 until there is room; what is stored is still delivered.";
    let wanted = retention_bytes + retention_bytes / 8;
    let text = format!("at least {}", size(wanted));
    match rustix::fs::statvfs(directory) {
        Err(error) => Finding::new(Verdict::Unknown, NAME, error.to_string(), text, why),
        Ok(found) => {
            let free = found.f_bavail * found.f_frsize;
            let verdict = if free >= wanted { Verdict::Good } else { Verdict::Wrong };
            let mut finding = Finding::new(verdict, NAME, format!("{} free", size(free)), text, why);
            if verdict == Verdict::Wrong {
                let bytes = free / 9 * 8;
                finding.kept =
                    Some(format!("the configuration: [retention] bytes = {bytes}; or a larger disk"));
            }
            finding
        }
    }
}

fn kind(directory: &Path) -> Finding {
    const NAME: &str = "file system";
    let why = "Durability \"fsync\" promises that a message survives a power loss; in memory it does not survive one.";
    let on_disk = "one on a disk";
    match rustix::fs::statfs(directory) {
        Err(error) => Finding::new(Verdict::Unknown, NAME, error.to_string(), on_disk, why),
        Ok(found) if IN_MEMORY.contains(&(found.f_type as u64)) => {
            let mut finding = Finding::new(Verdict::Wrong, NAME, "in memory (tmpfs or ramfs)", on_disk, why);
            finding.kept = Some("the configuration: data_dir = \"/var/lib/downlink\"".into());
            finding
        }
        Ok(_) => Finding::new(Verdict::Good, NAME, "on a disk", on_disk, why),
    }
}

fn syncs(directory: &Path) -> Finding {
    const NAME: &str = "syncs to the disk";
    let why = "With durability \"fsync\" a send is answered after a sync, which all that wait share: this is how long a send takes at \
               least, and the 99th is what senders see now and then.";
    let wanted = format!("a median of {} ms at most", SYNC_SLOW.as_millis());
    match timed(directory) {
        Err(error) => {
            let now = format!("a file in {} cannot be written and synced: {error}", directory.display());
            let verdict = if error.kind() == io::ErrorKind::PermissionDenied {
                Verdict::Unknown
            } else {
                Verdict::Wrong
            };
            Finding::new(verdict, NAME, now, wanted, why)
        }
        Ok((median, slow)) => {
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            let now = format!("median {:.2} ms, 99th of 100 {:.2} ms", ms(median), ms(slow));
            Finding::new(
                if median <= SYNC_SLOW { Verdict::Good } else { Verdict::Note },
                NAME,
                now,
                wanted,
                why,
            )
        }
    }
}

/// The median and the 99th of a hundred syncs of a little more data each, as the journal does it.
#[expect(clippy::disallowed_methods, reason = "times a disk, and nothing of the server waits for it")]
fn timed(directory: &Path) -> io::Result<(Duration, Duration)> {
    let probe = Probe(directory.join(format!(".downlink-doctor-{}", std::process::id())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe.0)?;
    // As the journal has it: room first, so that a sync writes data and no new length.
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, SYNCS as u64 * 256)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = std::time::Instant::now();
        file.write_all(&[7; 256])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok((times[SYNCS / 2], times[SYNCS - 2]))
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(&self.0);
    }
}
