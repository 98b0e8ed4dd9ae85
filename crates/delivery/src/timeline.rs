//! What happened to this node's sockets of late, for a person who asks why a client is behind.
//!
//! One ring for the whole node. Only what is rare beside messages stands in it: who came and went, what was refused,
//! gaps, readers that stopped, notices. Messages and their times are in the journal, and how far a socket is, is in the
//! socket; so nothing here is on a message's path.

use broker::key::ChannelKey;
use parking_lot::Mutex;
use protocol::{
    close::CloseCode,
    cursor::Offset,
    frame::GapReason,
    limits::{TIMELINE_EVENTS_MAX, TIMELINE_SHOWN_MAX},
    socket::Transport,
};
use std::{collections::VecDeque, net::IpAddr};

/// Something that happened to a channel on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A socket was opened.
    Connected {
        /// Its place in the channel.
        place: u32,
        /// Up to here it was given nothing: it had that, or did not ask for it.
        from: Offset,
        /// How its frames travel.
        transport: Transport,
        /// Where it came from.
        address: IpAddr,
    },
    /// A socket was not opened, though its token was good.
    Refused {
        /// What its client was told.
        code: CloseCode,
    },
    /// A gap was said: messages up to here may be missing.
    Gap {
        /// Where it ends.
        upto: Offset,
        /// Why there is one.
        reason: GapReason,
    },
    /// A socket has taken nothing for some seconds, although its other side is there.
    Slow {
        /// How its frames travel.
        transport: Transport,
    },
    /// A socket is gone.
    Ended {
        /// Its place in the channel, which another one may have now.
        place: u32,
        /// How its frames travelled.
        transport: Transport,
        /// Why; `None` if its connection ended without a word.
        code: Option<CloseCode>,
        /// Up to where it was given everything.
        cursor: Offset,
        /// The highest place that its page acknowledged; 0 for none.
        acked: Offset,
    },
    /// The channel was deleted.
    Deleted,
    /// A presence notice is settled.
    Noticed {
        /// That the client came, or that it went.
        connected: bool,
        /// What became of it.
        outcome: Noticed,
    },
}

/// What became of a presence notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// The application took it.
    Told,
    /// The application has no handler for it.
    Refused,
    /// It was given up: too old, or not wanted.
    Dropped,
}

/// The newest events of the node.
#[derive(Debug)]
pub struct Timeline {
    began_ms: u64,
    /// Its memory is there from the beginning, so that a socket's costs stay what they are.
    ring: Mutex<VecDeque<(ChannelKey, Event)>>,
}

/// What is still known of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Oldest first.
    pub events: Vec<Event>,
    /// What happened before may be forgotten; in milliseconds since 1970.
    pub since_ms: u64,
}

impl Timeline {
    pub(crate) fn new(now_ms: u64) -> Self {
        let mut ring = VecDeque::with_capacity(TIMELINE_EVENTS_MAX);
        // The kernel gives memory when it is first written.
        let nothing = (ChannelKey(0), Event { time_ms: 0, what: What::Deleted });
        ring.resize(TIMELINE_EVENTS_MAX, nothing);
        ring.clear();
        Self { began_ms: now_ms, ring: Mutex::new(ring) }
    }

    /// When it began, in milliseconds since 1970: at the node's start.
    #[must_use]
    pub fn began_ms(&self) -> u64 {
        self.began_ms
    }

    /// Notes an event; the oldest one makes room.
    pub fn note(&self, key: ChannelKey, time_ms: u64, what: What) {
        let mut ring = self.ring.lock();
        if ring.len() >= TIMELINE_EVENTS_MAX {
            ring.pop_front();
        }
        ring.push_back((key, Event { time_ms, what }));
    }

    /// The newest events of a channel.
    #[must_use]
    pub fn recent(&self, key: ChannelKey) -> Recent {
        let ring = self.ring.lock();
        let of_it = ring.iter().rev().filter(|(other, _)| *other == key).map(|(_, event)| *event);
        let mut events: Vec<Event> = of_it.take(TIMELINE_SHOWN_MAX + 1).collect();
        let oldest_ms = ring.front().map_or(self.began_ms, |(_, event)| event.time_ms);
        let is_full = ring.len() >= TIMELINE_EVENTS_MAX;
        drop(ring);
        let mut since_ms = if is_full { oldest_ms } else { self.began_ms };
        if events.len() > TIMELINE_SHOWN_MAX {
            since_ms = events.pop().map_or(since_ms, |event| event.time_ms);
        }
        events.reverse();
        Recent { events, since_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: ChannelKey = ChannelKey(1);
    const BOB: ChannelKey = ChannelKey(2);

    #[test]
    fn each_channel_has_its_own_events_in_their_order() {
        let timeline = Timeline::new(5);
        timeline.note(ADA, 10, What::Deleted);
        timeline.note(BOB, 11, What::Refused { code: CloseCode::GONE });
        timeline.note(ADA, 12, What::Refused { code: CloseCode::OVERLOADED });
        let recent = timeline.recent(ADA);
        assert_eq!(recent.since_ms, 5, "nothing was forgotten since the start");
        assert_eq!(
            recent.events,
            [
                Event { time_ms: 10, what: What::Deleted },
                Event { time_ms: 12, what: What::Refused { code: CloseCode::OVERLOADED } },
            ]
        );
        assert_eq!(timeline.recent(ChannelKey(3)).events, []);
    }

    #[test]
    fn the_oldest_are_forgotten_and_that_is_said() {
        let timeline = Timeline::new(0);
        timeline.note(BOB, 1, What::Deleted);
        for number in 0..TIMELINE_EVENTS_MAX as u64 {
            timeline.note(ADA, 100 + number, What::Deleted);
        }
        assert_eq!(timeline.recent(BOB), Recent { events: Vec::new(), since_ms: 100 });
        let recent = timeline.recent(ADA);
        let last_ms = 99 + TIMELINE_EVENTS_MAX as u64;
        assert_eq!(recent.events.len(), TIMELINE_SHOWN_MAX);
        assert_eq!(recent.events.last().map(|event| event.time_ms), Some(last_ms));
        assert_eq!(recent.since_ms, last_ms - TIMELINE_SHOWN_MAX as u64, "more are known than are shown");
        assert_eq!(timeline.ring.lock().len(), TIMELINE_EVENTS_MAX);
    }

    #[test]
    fn the_ring_takes_a_megabyte_at_most() {
        assert!(size_of::<(ChannelKey, Event)>() * TIMELINE_EVENTS_MAX <= 1 << 20);
    }
}
