//! What is known of each message from all sides: who sent it, what was answered, where it was seen.

use super::Rules;
use crate::{
    event::{Event, Place},
    report::Report,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// All messages of a history, by channel and value.
#[derive(Default)]
pub(super) struct Messages<'a> {
    by_channel: BTreeMap<&'a str, Channel<'a>>,
    /// Which messages a try sends: several, if it is for several channels.
    by_send: HashMap<u64, Vec<(&'a str, &'a str)>>,
}

#[derive(Default)]
struct Channel<'a> {
    messages: BTreeMap<&'a str, Message>,
    /// Whose place it is: no two messages of a channel may share one.
    places: HashMap<Place, &'a str>,
}

/// One message. Numbers are indexes into the history.
pub(super) struct Message {
    /// Where its first try begins.
    pub(super) begun: usize,
    /// Where it was first answered as stored.
    pub(super) stored: Option<usize>,
    /// Where it was first known to anybody to be stored: answered, received, or read.
    pub(super) known: Option<usize>,
    /// Its place, in each epoch one.
    pub(super) places: Vec<Place>,
    /// Whether it may vanish by itself.
    pub(super) expires: bool,
    has_key: bool,
    tries: usize,
    refused: usize,
}

impl<'a> Messages<'a> {
    /// Goes through the history once.
    pub(super) fn gather(events: &'a [Event], rules: Rules, report: &mut Report) -> Self {
        let mut all = Self::default();
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Send { send, channel, value, key, expires } => {
                    report.sends += 1;
                    all.by_send.entry(*send).or_default().push((channel, value));
                    let messages = &mut all.by_channel.entry(channel).or_default().messages;
                    let message = messages.entry(value).or_insert_with(|| Message::begun(index));
                    message.tries += 1;
                    message.has_key |= key.is_some();
                    message.expires |= expires;
                }
                Event::Stored { send, place } => {
                    for (channel, value) in all.by_send.get(send).cloned().unwrap_or_default() {
                        all.stored(index, channel, value, report);
                        if let Some(place) = place {
                            all.seen(index, channel, value, place, rules, report);
                        }
                    }
                }
                Event::Refused { send } => {
                    for (channel, value) in all.by_send.get(send).into_iter().flatten() {
                        let messages = all.by_channel.get_mut(channel).map(|channel| &mut channel.messages);
                        if let Some(message) = messages.and_then(|messages| messages.get_mut(value)) {
                            message.refused += 1;
                        }
                    }
                }
                Event::Kept { channel, messages } => {
                    for (place, value) in messages {
                        all.seen(index, channel, value, place, rules, report);
                    }
                }
                _ => {}
            }
        }
        all.gather_received(events, rules, report);
        all
    }

    fn gather_received(&mut self, events: &'a [Event], rules: Rules, report: &mut Report) {
        let mut channels = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Begin { reader, channel, .. } => {
                    channels.insert(reader.as_str(), channel.as_str());
                }
                Event::Message { reader, place, value } => {
                    report.received += 1;
                    let Some(channel) = channels.get(reader.as_str()) else {
                        report.broken(0, format!("{reader} received {value:?} before it began"));
                        continue;
                    };
                    match place {
                        Some(place) => self.seen(index, channel, value, place, rules, report),
                        None => {
                            self.known(channel, value, report);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn stored(&mut self, index: usize, channel: &'a str, value: &'a str, report: &mut Report) {
        let messages = self.by_channel.get_mut(channel).map(|channel| &mut channel.messages);
        if let Some(message) = messages.and_then(|messages| messages.get_mut(value)) {
            if message.stored.is_none() {
                report.stored += 1;
                message.stored = Some(index);
            }
            message.know(index);
        }
    }

    /// A message that somebody saw: sent it must have been, and not refused.
    fn known(&mut self, channel: &str, value: &str, report: &mut Report) -> Option<&mut Message> {
        let messages = self.by_channel.get_mut(channel).map(|channel| &mut channel.messages);
        let Some(message) = messages.and_then(|messages| messages.get_mut(value)) else {
            report.broken(1, format!("{channel}: {value:?} was seen, but nobody sent it"));
            return None;
        };
        if message.refused == message.tries {
            report.broken(2, format!("{channel}: {value:?} was seen, but its send was refused"));
        }
        Some(message)
    }

    /// A message was seen at a place.
    fn seen(
        &mut self,
        index: usize,
        channel: &'a str,
        value: &'a str,
        place: &Place,
        rules: Rules,
        report: &mut Report,
    ) {
        let Some(message) = self.known(channel, value, report) else { return };
        message.know(index);
        let in_epoch = message.places.iter().find(|known| known.epoch == place.epoch);
        let elsewhere = in_epoch.or_else(|| message.places.first().filter(|_| !rules.may_change_epoch));
        match elsewhere {
            Some(known) if known == place => return,
            Some(known) => {
                let promise = if message.has_key { 7 } else { 1 };
                report.broken(promise, format!("{channel}: {value:?} lies at {known} and at {place}"));
                return;
            }
            None => message.places.push(place.clone()),
        }
        let places = self.by_channel.get_mut(channel).map(|channel| &mut channel.places);
        let taken = places.and_then(|places| places.insert(place.clone(), value));
        if let Some(other) = taken.filter(|other| *other != value) {
            report.broken(1, format!("{channel}: {other:?} and {value:?} both lie at {place}"));
        }
    }

    /// The messages of a channel, with their values.
    pub(super) fn of(&self, channel: &str) -> impl Iterator<Item = (&'a str, &Message)> {
        let channel = self.by_channel.get(channel);
        channel
            .into_iter()
            .flat_map(|channel| channel.messages.iter())
            .map(|(value, message)| (*value, message))
    }

    /// A message that was answered before another was sent lies before it.
    pub(super) fn check_order(&self, report: &mut Report) {
        for (name, channel) in &self.by_channel {
            let mut placed: Vec<(&Place, &str, &Message)> = Vec::new();
            for (value, message) in &channel.messages {
                placed.extend(message.places.iter().map(|place| (place, *value, message)));
            }
            placed.sort_by_key(|(place, ..)| *place);
            let mut latest: Option<(&Place, usize, &str)> = None;
            for (place, value, message) in placed {
                let before = latest.filter(|(other, ..)| other.epoch == place.epoch);
                if let Some((_, begun, earlier)) = before
                    && message.stored.is_some_and(|stored| stored < begun)
                {
                    let what = format!(
                        "{name}: {value:?} was answered before {earlier:?} was sent, but lies behind it"
                    );
                    report.broken(1, what);
                }
                if before.is_none_or(|(_, begun, _)| begun < message.begun) {
                    latest = Some((place, message.begun, value));
                }
            }
        }
    }

    /// What is read at once is in order, and holds all that was answered before.
    pub(super) fn check_kept(&self, events: &[Event], rules: Rules, report: &mut Report) {
        for (index, event) in events.iter().enumerate() {
            let Event::Kept { channel, messages } = event else { continue };
            for pair in messages.windows(2) {
                if pair[0].0 >= pair[1].0 && pair[0].0.epoch == pair[1].0.epoch {
                    let (before, after) = (&pair[0].0, &pair[1].0);
                    report.broken(1, format!("{channel}: {after} is listed behind {before}"));
                }
            }
            if rules.may_trim || rules.may_change_epoch {
                continue;
            }
            let kept: HashSet<&str> = messages.iter().map(|(_, value)| value.as_str()).collect();
            for (value, message) in self.of(channel) {
                let is_due = message.stored.is_some_and(|stored| stored < index) && !message.expires;
                if is_due && !kept.contains(value) {
                    report.broken(2, format!("{channel}: {value:?} was answered as stored, but is not kept"));
                }
            }
        }
    }
}

impl Message {
    fn begun(index: usize) -> Self {
        Self {
            begun: index,
            stored: None,
            known: None,
            places: Vec::new(),
            expires: false,
            has_key: false,
            tries: 0,
            refused: 0,
        }
    }

    fn know(&mut self, index: usize) {
        self.known = Some(self.known.map_or(index, |known| known.min(index)));
    }

    /// Whether it may have been stored without anybody knowing.
    pub(super) fn may_be_stored(&self) -> bool {
        self.refused < self.tries
    }
}
