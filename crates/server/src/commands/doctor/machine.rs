//! What the machine has: memory, processors, a clock; and what the configuration makes of it.

use super::{
    finding::{Finding, Verdict, size, thousands, unreadable},
    system::System,
};
use crate::config::{BrokerKind, Config};
use broker::local::Durability;
use std::process::{Command, Stdio};

/// What an idle WebSocket takes, in the server and in the kernel, with a quarter more for messages on their way; measured,
/// see docs/capacity.md.
const SOCKET_BYTES: u64 = 6 * 1024;

/// The program, its cache of the newest messages, its index, its threads.
const PROGRAM_BYTES: u64 = 192 << 20;

/// Memory, as the machine has it free, or as a control group allows it.
pub(super) fn memory(system: &System, sockets: u64, config: Option<&Config>) -> Finding {
    let keeps = |config: &&Config| {
        config.durability == Durability::Memory && matches!(config.broker, BrokerKind::Local)
    };
    let journal = config.filter(keeps).map_or(0, |config| config.retention_bytes);
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
        Verdict::Note => finding.set(
            "timedatectl set-ntp true   (without systemd: install chrony, and start it)".into(),
            "the same is for good".into(),
        ),
        _ => finding,
    }
}

/// A program that says whether the clock is synchronised: how it is called, and what it says.
type Asked = (&'static str, &'static [&'static str], fn(&str) -> Option<bool>);

/// The first one that knows it is believed.
const ASKED: [Asked; 4] = [
    // Where systemd runs.
    ("timedatectl", &["show", "--property=NTPSynchronized", "--value"], |text| match text.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }),
    ("chronyc", &["-c", "tracking"], |text| {
        let leap = text.trim().rsplit(',').next().filter(|_| text.contains(','))?;
        Some(leap != "Not synchronised")
    }),
    // What the kernel itself says, by the program of Debian and by that of BusyBox.
    ("adjtimex", &["--print"], synchronised_by_kernel),
    ("adjtimex", &[], synchronised_by_kernel),
];

/// `STA_UNSYNC` of `adjtimex(2)`.
const UNSYNCHRONISED: u32 = 0x40;

fn synchronised_by_kernel(text: &str) -> Option<bool> {
    let status = text.lines().find_map(|line| line.trim().strip_prefix("status:"))?;
    let status: u32 = status.split_whitespace().next()?.parse().ok()?;
    Some(status & UNSYNCHRONISED == 0)
}

/// What a program of this machine says of its clock; the system call itself would need unsafe code.
fn asked() -> Option<bool> {
    ASKED.iter().find_map(|(program, arguments, says)| {
        let output = Command::new(program).args(*arguments).stdin(Stdio::null()).output().ok()?;
        says(std::str::from_utf8(&output.stdout).ok()?)
    })
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
    let broker = match (&config.broker, config.durability) {
        (BrokerKind::Local, Durability::Fsync) => "local, durability \"fsync\"",
        (BrokerKind::Local, Durability::Os) => {
            "local, durability \"os\": a power loss takes the newest messages"
        }
        (BrokerKind::Local, Durability::Memory) => {
            "local, durability \"memory\": a restart takes all messages"
        }
        (BrokerKind::Nats(_), Durability::Fsync) => "nats, durability \"fsync\"",
        (BrokerKind::Nats(_), Durability::Os) => {
            "nats, durability \"os\": a power loss takes the newest messages"
        }
        (BrokerKind::Nats(_), Durability::Memory) => {
            "nats, durability \"memory\": its servers keep messages in memory"
        }
    };
    vec![limit, Finding::new(Verdict::Good, "broker", broker, "", "")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_of_the_clock_is_understood() {
        let says = |index: usize, text: &str| ASKED[index].2(text);
        assert_eq!([says(0, "yes\n"), says(0, "no\n"), says(0, "")], [Some(true), Some(false), None]);
        let tracking = |leap: &str| {
            format!("C0000201,192.0.2.1,2,1764485222.1,0.000001,0.1,0.2,-3.1,0.0,0.01,0.1,0.0,64.2,{leap}\n")
        };
        assert_eq!(says(1, &tracking("Normal")), Some(true));
        assert_eq!(says(1, &tracking("Not synchronised")), Some(false));
        assert_eq!(says(1, "506 Cannot talk to daemon\n"), None);
        let kernel = |status: &str| format!("         mode: 0\n       offset: 0\n       status: {status}\n");
        assert_eq!([says(2, &kernel("8193")), says(2, &kernel("64"))], [Some(true), Some(false)]);
        assert_eq!(says(3, "    mode:         0\n    status:       65 (PLL UNSYNC)\n"), Some(false));
        assert_eq!(says(3, "adjtimex: not found"), None);
    }
}
