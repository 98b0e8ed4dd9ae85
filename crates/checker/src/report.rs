//! What came out.

use std::fmt;

/// How many violations a report prints; a broken server breaks a promise thousands of times.
const PRINTED_MAX: usize = 20;

/// What a history holds, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Tries to send.
    pub sends: usize,
    /// Messages that were answered as stored.
    pub stored: usize,
    /// Messages that readers got.
    pub received: usize,
    /// Readers that read to the end.
    pub readers: usize,
    /// Gaps that were said.
    pub gaps: usize,
    /// Presence notices, repeated ones not counted.
    pub notices: usize,
    /// Every promise that was broken, in no particular order.
    pub violations: Vec<Violation>,
}

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The number of the promise; 0 if the history itself makes no sense.
    pub promise: u8,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "promise {}: {}", self.promise, self.what)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sends, stored, received, readers, gaps, notices, violations } = self;
        write!(
            f,
            "{sends} sends, {stored} messages answered as stored, {received} received by {readers} readers, \
             {gaps} gaps, {notices} notices: {} violations",
            violations.len()
        )?;
        for violation in violations.iter().take(PRINTED_MAX) {
            write!(f, "\n  {violation}")?;
        }
        if violations.len() > PRINTED_MAX {
            write!(f, "\n  and {} more", violations.len() - PRINTED_MAX)?;
        }
        Ok(())
    }
}
