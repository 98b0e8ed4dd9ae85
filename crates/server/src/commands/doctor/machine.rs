//! What the machine has: memory, processors, a clock; and what the configuration makes of it.

use super::{
    finding::{Finding, Verdict, size, thousands, unreadable},
    system::System,
};
use crate::config::Config;
use broker::local::Durability;
use std::process::Command;

/// What an idle WebSocket takes, in the server and in the kernel, with a quarter more for messages on their way; measured,
/// see docs/capacity.md.
const SOCKET_BYTES: u64 = 6 * 1024;

/// The program, its cache of the newest messages, its index, its threads.
const PROGRAM_BYTES: u64 = 192 << 20;

/// Memory, as the machine has it free, or as a control group allows it.
pub(super) fn memory(system: &System, sockets: u64, config: Option<&Config>) -> Finding {
    let journal =
        config.filter(|config| config.durability == Durability::Memory).map_or(0, |c| c.retention_bytes);
    let wanted = sockets * SOCKET_BYTES + PROGRAM_BYTES + journal;
    let limit = system.memory_limit();
    let free = available(system);
    let (now, least) = match (limit, free) {
        (Some(limit), _) if free.is_none_or(|free| limit < free) => {
            (format!("{} (limit of the control group)", size(limit)), Some(limit))
        }
        (_, Some(free)) => (format!("{} available", size(free)), Some(free)),
        _ => (unreadable(), None),
    };
    let verdict = match least {
        None => Verdict::Unknown,
        Some(least) if least >= wanted => Verdict::Good,
        Some(_) => Verdict::Wrong,
    };
    let why = "A socket takes about 0.5 KiB of the server and 4 KiB of the kernel, which counts in a control group too; with \
               durability \"memory\" what is kept takes memory as well. Without it, the kernel kills the server.";
    let finding = Finding::new(verdict, "memory", now, format!("at least {}", size(wanted)), why);
    if verdict != Verdict::Wrong || limit.is_none() {
        return finding;
    }
    let megabytes = wanted >> 20;
    finding.set(
        format!("systemctl set-property --runtime downlink MemoryMax={megabytes}M"),
        format!("systemctl edit downlink: [Service] MemoryMax={megabytes}M; in a container its memory limit"),
    )
}

/// Bytes that could be had without swapping.
fn available(system: &System) -> Option<u64> {
    let text = system.read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// Processors, as many as the control group gives.
pub(super) fn processors(system: &System) -> Finding {
    let limit = system.processors_limit();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let now = match limit {
        Some(limit) if limit < cores as f64 => format!("{limit:.2} of {cores} (limit of the control group)"),
        _ => cores.to_string(),
    };
    let verdict = if limit.is_some_and(|limit| limit < 1.0) { Verdict::Note } else { Verdict::Good };
    let why = "When its share of a tenth of a second is used up, the server stands still until the next one: messages come late, \
               though nothing is lost.";
    Finding::new(verdict, "processors", now, "at least 1", why)
}

/// Whether something sets the clock.
pub(super) fn clock(system: &System) -> Finding {
    let why = "Tokens have times. If this clock and that of an application which signs tokens differ by more than a minute, good \
               tokens are refused.";
    let synchronised = if system.has("/run/systemd/timesync/synchronized") { Some(true) } else { asked() };
    let (verdict, now) = match synchronised {
        Some(true) => (Verdict::Good, "synchronised".into()),
        Some(false) => (Verdict::Note, "not synchronised".into()),
        None => (Verdict::Unknown, unreadable()),
    };
    let finding = Finding::new(verdict, "clock", now, "synchronised", why);
    match verdict {
        Verdict::Note => {
            finding.set("timedatectl set-ntp true".into(), "the same command is for good".into())
        }
        _ => finding,
    }
}

/// What the kernel says of its clock, asked through the program that every system with systemd has.
fn asked() -> Option<bool> {
    let arguments = ["show", "--property=NTPSynchronized", "--value"];
    let output = Command::new("timedatectl").args(arguments).output().ok()?;
    match output.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// What the configuration limits.
pub(super) fn configured(config: &Config, sockets: u64) -> Vec<Finding> {
    let per_address = u64::from(config.sockets.sockets_per_address);
    let verdict = if per_address >= sockets { Verdict::Good } else { Verdict::Note };
    let why = "Behind a proxy all sockets come from its address; those beyond this are refused. Without a proxy it keeps one \
               client from taking all.";
    let mut limit =
        Finding::new(verdict, "limits.sockets_per_address", thousands(per_address), thousands(sockets), why);
    if verdict == Verdict::Note {
        limit.kept = Some(format!("the configuration: [limits] sockets_per_address = {sockets}"));
    }
    let durability = match config.durability {
        Durability::Fsync => "local, durability \"fsync\"",
        Durability::Os => "local, durability \"os\": a power loss takes the newest messages",
        Durability::Memory => "local, durability \"memory\": a restart takes all messages",
    };
    vec![limit, Finding::new(Verdict::Good, "broker", durability, "", "")]
}
