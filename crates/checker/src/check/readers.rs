//! What each reader got, and what it should have got.

use super::{Rules, messages::Messages};
use crate::{
    event::{Event, Place},
    report::Report,
};
use std::collections::{HashMap, HashSet};

/// One reader, as far as the history has told.
struct Reader<'a> {
    channel: &'a str,
    begun: usize,
    from: Option<&'a Place>,
    /// Up to where it has had everything, or was told what is missing.
    last: Option<&'a Place>,
    /// The values it got.
    got: HashSet<&'a str>,
    /// What it was told to be missing: after the one place, up to the other.
    gaps: Vec<(Option<&'a Place>, &'a Place)>,
}

/// Follows every reader through the history.
pub(super) fn check(events: &[Event], messages: &Messages<'_>, rules: Rules, report: &mut Report) {
    let mut readers: HashMap<&str, Reader<'_>> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Begin { reader, channel, from } => {
                let begun = Reader::new(channel, index, from.as_ref());
                if readers.insert(reader, begun).is_some() {
                    report.broken(0, format!("{reader} began twice"));
                }
            }
            Event::Message { reader: name, place, value } => {
                if let Some(reader) = readers.get_mut(name.as_str()) {
                    reader.message(name, place.as_ref(), value, report);
                }
            }
            Event::Gap { reader: name, place, reason } => {
                report.gaps += 1;
                if let Some(reader) = readers.get_mut(name.as_str()) {
                    reader.gap(name, place, reason, rules, report);
                }
            }
            Event::End { reader: name } => {
                report.readers += 1;
                match readers.get(name.as_str()) {
                    Some(reader) => reader.end(name, index, messages, report),
                    None => report.broken(0, format!("{name} ended before it began")),
                }
            }
            _ => {}
        }
    }
}

impl<'a> Reader<'a> {
    fn new(channel: &'a str, begun: usize, from: Option<&'a Place>) -> Self {
        Self { channel, begun, from, last: from, got: HashSet::new(), gaps: Vec::new() }
    }

    fn message(&mut self, name: &str, place: Option<&'a Place>, value: &'a str, report: &mut Report) {
        if !self.got.insert(value) {
            report.broken(1, format!("{name} got {value:?} twice"));
            return;
        }
        // A message for open sockets alone has no place and moves nobody.
        let Some(place) = place else { return };
        if let Some(last) = self.last {
            if last.epoch != place.epoch {
                report.broken(3, format!("{name} went from {last} to {place} and heard of no gap"));
            } else if place <= last {
                report.broken(1, format!("{name} got {value:?} at {place} after {last}"));
            }
        }
        self.last = Some(place);
    }

    fn gap(&mut self, name: &str, place: &'a Place, reason: &str, rules: Rules, report: &mut Report) {
        let allowed = match reason {
            "trimmed" => rules.may_trim,
            "epoch" => rules.may_change_epoch,
            _ => false,
        };
        if !allowed {
            report.broken(3, format!("{name} heard of a gap ({reason}) at {place}, and there can be none"));
        }
        if reason == "trimmed" && self.last.is_some_and(|last| last.epoch == place.epoch && place <= last) {
            report.broken(3, format!("{name} heard of a gap up to {place}, which it has passed"));
        }
        self.gaps.push((self.last, place));
        self.last = Some(place);
    }

    fn end(&self, name: &str, index: usize, messages: &Messages<'_>, report: &mut Report) {
        let mut missing: Vec<&Place> = Vec::new();
        let mut anything = false;
        for (value, message) in messages.of(self.channel) {
            if self.got.contains(value) {
                continue;
            }
            // Lost before anybody knew: that may be what a gap speaks of.
            anything |= message.places.is_empty() && message.may_be_stored();
            missing.extend(&message.places);
            let Some(place) = message.places.last() else { continue };
            let is_answered = message.stored.is_some_and(|stored| stored < index);
            let is_passed = self.last.is_some_and(|last| last.epoch == place.epoch && place <= last);
            let is_known = is_answered || (is_passed && message.known.is_some_and(|known| known < index));
            if is_known && !message.expires && self.is_due(message.begun, place) && !self.is_told(place) {
                let promise = if is_answered { 2 } else { 4 };
                let how = if is_answered { "was answered as stored" } else { "was seen by others" };
                report.broken(promise, format!("{name} never got {value:?}, which {how} at {place}"));
            }
        }
        // Another epoch is said also when nothing is missing: nobody can know.
        for (after, place) in self.gaps.iter().filter(|(after, place)| in_one_epoch(*after, place)) {
            let covers = |missed: &&Place| is_between(*after, missed, place);
            if !anything && !missing.iter().any(covers) {
                report.broken(3, format!("{name} heard of a gap up to {place}, but nothing is missing"));
            }
        }
    }

    /// Whether a message that it did not get should have come to it.
    fn is_due(&self, begun: usize, place: &Place) -> bool {
        match self.from.filter(|from| from.epoch == place.epoch) {
            Some(from) => place > from,
            None => begun > self.begun,
        }
    }

    /// Whether it was told that what lies there is missing.
    fn is_told(&self, place: &Place) -> bool {
        self.gaps.iter().any(|(after, until)| is_between(*after, place, until))
    }
}

fn in_one_epoch(after: Option<&Place>, until: &Place) -> bool {
    after.is_none_or(|after| after.epoch == until.epoch)
}

/// Whether a gap that goes from `after` to `until` covers what lies at `place`. One that leads into another epoch covers
/// all the rest of the one before, all epochs between the two, and of the next one what lies up to its place.
fn is_between(after: Option<&Place>, place: &Place, until: &Place) -> bool {
    let is_behind = after.is_none_or(|after| after.epoch != place.epoch || place > after);
    let is_before = place.epoch != until.epoch || place <= until;
    let is_on_the_way = place.epoch == until.epoch || after.is_none_or(|after| after.epoch != until.epoch);
    is_behind && is_before && is_on_the_way
}
