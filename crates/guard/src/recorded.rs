//! The recorded figures, and what a difference from them means.

use crate::{
    figures::{ByName, Figures, MadeWith},
    say,
};
use std::{fmt::Write, fs};

/// In the repository, beside this program's code.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recorded.toml");

const HEAD: &str = "\
# What a message and a socket cost, for one operation each. `just guard-record` writes this file; the tests compare with
# it. A figure that changes is a decision: it goes into the commit that changes it (CONTRIBUTING.md).

";

/// A kind of figure and how far it may lie from what is recorded.
struct Kind {
    unit: &'static str,
    /// A share of the recorded figure. Two runs differ by less than 0.1 %; the rest is for small differences between
    /// machines.
    tolerance: f64,
    /// What never counts as a difference: tables that grow now and then, spread over the operations.
    least: f64,
}

const INSTRUCTIONS: Kind = Kind { unit: "instructions", tolerance: 0.03, least: 5.0 };
const ALLOCATIONS: Kind = Kind { unit: "allocations", tolerance: 0.01, least: 0.1 };
const BYTES: Kind = Kind { unit: "bytes", tolerance: 0.01, least: 1.0 };

/// What the whole program does by the clock is counted too; see `program`.
const PROGRAM_TOLERANCE: f64 = 0.05;

/// Writes the figures down.
pub(crate) fn record(figures: &Figures) -> Result<(), String> {
    let mut rounded = Figures { instructions: rounded(&figures.instructions), ..Figures::default() };
    rounded.allocations = rounded_to_hundredths(&figures.allocations);
    rounded.bytes = rounded_to_hundredths(&figures.bytes);
    let text = toml::to_string(&rounded).map_err(|error| error.to_string())?;
    fs::write(FILE, format!("{HEAD}{text}")).map_err(|error| format!("{FILE}: {error}"))?;
    say(&table(figures, &rounded));
    Ok(())
}

fn rounded(figures: &ByName) -> ByName {
    figures.iter().map(|(name, figure)| (name.clone(), figure.round())).collect()
}

fn rounded_to_hundredths(figures: &ByName) -> ByName {
    figures.iter().map(|(name, figure)| (name.clone(), (figure * 100.0).round() / 100.0)).collect()
}

/// Compares the figures with the recorded ones.
///
/// # Errors
/// A sentence for each that differs, and what to do.
pub(crate) fn check(figures: &Figures) -> Result<(), String> {
    let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let recorded: Figures = toml::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    let differences = differences(figures, &recorded);
    say(&table(figures, &recorded));
    if differences.is_empty() {
        return Ok(());
    }
    let mut out = format!("\n{}\n", differences.join("\n"));
    out.push_str(&made_with(&figures.made_with, &recorded.made_with));
    out.push_str(
        "\nIf this is what you want, record it with `just guard-record`, and say in the commit why the figure changed.",
    );
    Err(out)
}

/// The kinds, and their figures in both.
fn kinds<'a>(figures: &'a Figures, recorded: &'a Figures) -> [(&'static Kind, &'a ByName, &'a ByName); 3] {
    [
        (&INSTRUCTIONS, &figures.instructions, &recorded.instructions),
        (&ALLOCATIONS, &figures.allocations, &recorded.allocations),
        (&BYTES, &figures.bytes, &recorded.bytes),
    ]
}

fn differences(figures: &Figures, recorded: &Figures) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, now, before) in kinds(figures, recorded) {
        if kind.unit == INSTRUCTIONS.unit && figures.made_with.architecture != recorded.made_with.architecture
        {
            say("NOT CHECKED: instructions; they are recorded for another architecture\n");
            continue;
        }
        for (name, figure) in now {
            let profile = figures.profiles.get(name).filter(|_| kind.unit == INSTRUCTIONS.unit);
            match before.get(name) {
                None => found.push(format!("{name}: its {} are not recorded.", kind.unit)),
                Some(before) => found.extend(kind.difference(name, *figure, *before, profile)),
            }
        }
        let gone = before.keys().filter(|name| !now.contains_key(*name));
        found.extend(
            gone.map(|name| format!("{name}: its {} are recorded, and not counted any more.", kind.unit)),
        );
    }
    found
}

impl Kind {
    fn difference(&self, name: &str, now: f64, before: f64, profile: Option<&String>) -> Option<String> {
        let tolerance =
            if name.starts_with("program.") { PROGRAM_TOLERANCE.max(self.tolerance) } else { self.tolerance };
        if (now - before).abs() <= (before * tolerance).max(self.least) {
            return None;
        }
        let unit = self.unit;
        let mut sentence = format!("{name}: {now:.1} {unit}, recorded are {before:.1}");
        // From nothing, no share tells how much more it is.
        if before > 0.0 {
            let _ = write!(sentence, " ({:+.1} %)", (now / before - 1.0) * 100.0);
        }
        sentence.push_str(". ");
        if now < before {
            sentence.push_str("It got better: record it, so that it stays.");
            return Some(sentence);
        }
        let _ = write!(sentence, "It got WORSE. Look at what changed in {}", place(name));
        if let Some(profile) = profile {
            let _ = write!(sentence, "; where they go: callgrind_annotate {profile}");
        }
        sentence.push('.');
        Some(sentence)
    }
}

/// Where the code of a figure lies.
fn place(name: &str) -> &'static str {
    match name.split('.').next().unwrap_or_default() {
        "codec" => "crates/protocol",
        "journal" => "crates/journal (writer, record, index)",
        "hub" => "crates/delivery (hub, open, catch_up, entry)",
        "broker" => "crates/broker/src/local (history) and crates/journal (reader)",
        "send" => "crates/broker/src/local (commit) and crates/delivery (hub, catch_up)",
        "program" => "crates/server/src/http (connection, messages) and all below it",
        "socket" => "crates/delivery (socket, channel, poll, edge/local)",
        _ => "the crates that it names",
    }
}

/// Says what else may explain a difference.
fn made_with(now: &MadeWith, before: &MadeWith) -> String {
    if now == before {
        return String::new();
    }
    format!(
        "\nThe figures were recorded with {}, {}, {}; here are {}, {}, {}. Another compiler makes other code, another C\n\
         library copies otherwise: if most figures differ a little and nothing was changed, this is why.\n",
        before.rustc, before.c_library, before.valgrind, now.rustc, now.c_library, now.valgrind
    )
}

/// All figures beside the recorded ones.
fn table(figures: &Figures, recorded: &Figures) -> String {
    let mut out = format!("{:<36} {:>12} {:>12} {:>12}\n", "", "", "now", "recorded");
    for (kind, now, before) in kinds(figures, recorded) {
        for (name, figure) in now {
            let before = before.get(name).map_or("-".into(), |figure| format!("{figure:.2}"));
            let _ = writeln!(out, "{name:<36} {:>12} {figure:>12.2} {before:>12}", kind.unit);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_with_what_to_do() {
        let profile = "target/x.1".to_owned();
        let of = |now, before| INSTRUCTIONS.difference("hub.open", now, before, Some(&profile));
        assert_eq!(of(1029.0, 1000.0), None);
        assert_eq!(of(971.0, 1000.0), None);
        let worse = of(1031.0, 1000.0).unwrap();
        assert!(
            worse.contains("WORSE") && worse.contains("+3.1 %") && worse.contains("crates/delivery"),
            "{worse}"
        );
        assert!(worse.contains("callgrind_annotate target/x.1"), "{worse}");
        assert!(of(969.0, 1000.0).unwrap().contains("better"));
        assert!(ALLOCATIONS.difference("send.memory.one", 5.0, 4.0, None).is_some());
        let from_none = ALLOCATIONS.difference("codec.sse.encode", 1.0, 0.0, None).unwrap();
        assert!(
            from_none.starts_with("codec.sse.encode: 1.0 allocations, recorded are 0.0. It got WORSE"),
            "{from_none}"
        );
        assert!(BYTES.difference("socket.sse", 464.0, 400.0, None).is_some());
    }

    #[test]
    fn what_is_new_or_gone_is_a_difference() {
        let with = |name: &str| {
            let mut figures = Figures::default();
            figures.bytes.insert(name.into(), 1.0);
            figures
        };
        let found = differences(&with("new"), &with("old"));
        assert!(found[0].starts_with("new: its bytes are not recorded"), "{found:?}");
        assert!(found[1].starts_with("old: its bytes are recorded, and not counted"), "{found:?}");
    }
}
