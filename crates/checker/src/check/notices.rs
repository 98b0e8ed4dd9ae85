//! What the application heard of who came and went.

use crate::{event::Event, report::Report};
use std::collections::{HashMap, HashSet};

/// The last notice about a client id.
struct Last {
    connected: bool,
    generation: u64,
}

/// Notices alternate, their generations rise, and the last one is true.
pub(super) fn check(events: &[Event], report: &mut Report) {
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut last: HashMap<&str, Last> = HashMap::new();
    for event in events {
        match event {
            Event::Notice { client_id, connected, generation, id } => {
                // A notice that comes again, since its answer was not heard, changes nothing.
                if !seen.insert((client_id, id)) {
                    continue;
                }
                report.notices += 1;
                let now = Last { connected: *connected, generation: *generation };
                match last.insert(client_id, now) {
                    Some(before) if before.connected == *connected => {
                        report.broken(6, format!("{client_id} is told to be {} twice", word(*connected)));
                    }
                    Some(before) if before.generation >= *generation => {
                        let before = before.generation;
                        report.broken(6, format!("{client_id}: generation {generation} after {before}"));
                    }
                    None if !connected => {
                        report.broken(6, format!("{client_id} is told to be gone, and never came"));
                    }
                    _ => {}
                }
            }
            Event::Present { client_id, connected } => {
                let told = last.get(client_id.as_str()).is_some_and(|last| last.connected);
                if told != *connected {
                    let (told, is) = (word(told), word(*connected));
                    report.broken(6, format!("{client_id} is {is}, but the last notice says {told}"));
                }
            }
            _ => {}
        }
    }
}

fn word(connected: bool) -> &'static str {
    if connected { "connected" } else { "disconnected" }
}
