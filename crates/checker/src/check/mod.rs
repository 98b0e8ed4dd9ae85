//! Comparing a history with the promises.

mod messages;
mod notices;
mod readers;

use crate::{
    event::Event,
    report::{Report, Violation},
};

/// What may happen in a run beside the ordinary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Retention may be exceeded: then a `trimmed` gap is right where something is missing. Without it every gap is wrong.
    pub may_trim: bool,
    /// The log may be lost or restored: then an `epoch` gap is right, and what lay in an older epoch may be gone.
    pub may_change_epoch: bool,
}

/// Checks a whole history.
#[must_use]
pub fn check(events: &[Event], rules: Rules) -> Report {
    let mut report = Report::default();
    let messages = messages::Messages::gather(events, rules, &mut report);
    messages.check_order(&mut report);
    messages.check_kept(events, rules, &mut report);
    readers::check(events, &messages, rules, &mut report);
    notices::check(events, &mut report);
    report
}

impl Report {
    /// Adds a broken promise.
    fn broken(&mut self, promise: u8, what: String) {
        self.violations.push(Violation { promise, what });
    }
}
