//! What was found, and how it is told: to people as a table, to machines as JSON.

use serde_json::{Value, json};
use std::fmt::Write;

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// It may matter, or not: the sentence says when.
    Note,
    /// It could not be looked at.
    Unknown,
    /// It will bite.
    Wrong,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) name: &'static str,
    pub(super) now: String,
    pub(super) wanted: String,
    /// What it does to sockets or messages.
    pub(super) why: &'static str,
    /// Sets it until the next start of the machine.
    pub(super) command: Option<String>,
    /// Where it is written down for good, and what.
    pub(super) kept: Option<String>,
}

impl Finding {
    pub(super) fn new(
        verdict: Verdict,
        name: &'static str,
        now: impl Into<String>,
        wanted: impl Into<String>,
        why: &'static str,
    ) -> Self {
        Self { verdict, name, now: now.into(), wanted: wanted.into(), why, command: None, kept: None }
    }

    /// A setting of the kernel that is to be at least so much. `now` is `None` if it cannot be read.
    pub(super) fn sysctl(
        name: &'static str,
        now: Option<u64>,
        least: u64,
        worse: Verdict,
        why: &'static str,
    ) -> Self {
        let verdict = match now {
            None => Verdict::Unknown,
            Some(now) if now >= least => Verdict::Good,
            Some(_) => worse,
        };
        let text = now.map_or_else(unreadable, thousands);
        let finding = Self::new(verdict, name, text, format!("at least {}", thousands(least)), why);
        if verdict == Verdict::Good { finding } else { finding.set_sysctl(&least.to_string()) }
    }

    /// How a setting of the kernel with this finding's name is set.
    pub(super) fn set_sysctl(self, value: &str) -> Self {
        let name = self.name;
        let command = format!("sysctl -w {name}='{value}'");
        self.set(command, format!("/etc/sysctl.d/90-downlink.conf: {name} = {value}"))
    }

    pub(super) fn set(mut self, command: String, kept: String) -> Self {
        (self.command, self.kept) = (Some(command), Some(kept));
        self
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Wrong => "wrong",
        }
    }
}

/// What is said of what cannot be read.
pub(super) fn unreadable() -> String {
    "cannot be read here".into()
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the unit that suits them.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

/// For people: a line for what is good, and more for what is not.
pub(super) fn table(sockets: u64, findings: &[Finding]) -> String {
    let mut out = format!("For {} sockets:\n", thousands(sockets));
    for finding in findings {
        let Finding { verdict, name, now, wanted, why, command, kept } = finding;
        let word = match verdict {
            Verdict::Wrong => "WRONG",
            other => other.word(),
        };
        let _ = write!(out, "\n{word:<8} {name:<34} {now}");
        if *verdict == Verdict::Good {
            continue;
        }
        let _ = write!(out, "\n{:9}wanted: {wanted}\n{:9}{why}", "", "");
        if let Some(command) = command {
            let _ = write!(out, "\n{:9}now:      {command}", "");
        }
        if let Some(kept) = kept {
            let _ = write!(out, "\n{:9}for good: {kept}", "");
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (good, note, unknown, wrong) =
        (count(Verdict::Good), count(Verdict::Note), count(Verdict::Unknown), count(Verdict::Wrong));
    let _ = write!(out, "\n\n{good} good, {note} to note, {unknown} unknown, {wrong} wrong");
    out
}

/// For machines.
pub(super) fn json(sockets: u64, findings: &[Finding]) -> Value {
    let checks: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "name": finding.name, "verdict": finding.verdict.word(), "now": finding.now,
                "wanted": finding.wanted, "why": finding.why, "command": finding.command, "kept": finding.kept,
            })
        })
        .collect();
    let good = findings.iter().all(|finding| finding.verdict != Verdict::Wrong);
    json!({ "sockets": sockets, "good": good, "checks": checks })
}
