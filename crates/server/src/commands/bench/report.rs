//! What was measured: for people a table, for machines JSON.

use serde_json::{Map, Value, json};
use std::fmt::Write;

/// One measure of one run.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) measure: &'static str,
    /// What was asked for: sockets, bytes, senders.
    pub(super) settings: Vec<(&'static str, u64)>,
    pub(super) figures: Vec<Figure>,
    /// Why the figures may say less than they seem to.
    pub(super) warnings: Vec<String>,
    /// What must not be: with any of these the run has failed.
    pub(super) faults: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Figure {
    /// As JSON has it, with its unit last.
    pub(super) name: &'static str,
    /// As people read it.
    pub(super) label: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
}

impl Report {
    pub(super) fn new(measure: &'static str) -> Self {
        Self { measure, ..Self::default() }
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl TryInto<u64>) {
        self.settings.push((name, value.try_into().unwrap_or(u64::MAX)));
    }

    pub(super) fn add(&mut self, name: &'static str, label: &'static str, value: f64, unit: &'static str) {
        self.figures.push(Figure { name, label, value, unit });
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Counts what must not be.
    pub(super) fn fault(&mut self, count: u64, what: &str) {
        if count > 0 {
            self.faults.push(format!("{what}: {}", thousands(count as f64)));
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut out = Map::new();
        out.insert("measure".into(), self.measure.into());
        out.insert("good".into(), self.faults.is_empty().into());
        out.extend(self.settings.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        out.extend(self.figures.iter().map(|figure| (figure.name.to_owned(), json!(rounded(figure.value)))));
        out.insert("warnings".into(), json!(self.warnings));
        out.insert("faults".into(), json!(self.faults));
        Value::Object(out)
    }

    pub(super) fn table(&self) -> String {
        let settings: Vec<String> = self
            .settings
            .iter()
            .map(|(name, value)| format!("{} {}", thousands(*value as f64), name.replace('_', " ")))
            .collect();
        let mut out = format!("{}: {}\n", self.measure, settings.join(", "));
        for figure in &self.figures {
            let _ = writeln!(out, "  {:<38} {:>12} {}", figure.label, number(figure.value), figure.unit);
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "  note: {warning}");
        }
        for fault in &self.faults {
            let _ = writeln!(out, "  FAILED: {fault}");
        }
        out
    }
}

/// As many digits as a measurement is worth.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        medium if medium < 1000.0 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

/// A number with its thousands apart.
pub(super) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_table_and_json() {
        let mut report = Report::new("unicast");
        report.set("sockets", 1000_usize);
        report.add("messages_per_second", "messages a second", 31_234.567_8, "/s");
        report.add("latency_p50_us", "median", 84.26, "µs");
        report.fault(0, "messages lost");
        assert_eq!(report.json()["good"], true);
        report.fault(1_200, "messages LOST");
        report.warn("busy");
        let table = report.table();
        for part in
            ["unicast: 1,000 sockets", "31,235 /s", "84.3 µs", "FAILED: messages LOST: 1,200", "note: busy"]
        {
            assert!(table.contains(part), "{table}");
        }
        let json = report.json();
        assert_eq!(
            (json["good"].as_bool(), json["messages_per_second"].as_f64()),
            (Some(false), Some(31_234.568))
        );
    }
}
