//! How a channel's sockets are doing, and what an operator may do about it: for people, who look seldom.

use crate::{
    channel::Channel,
    drain::Returns,
    hub::Hub,
    presence::SocketView,
    socket::{Replay, Socket, Wire},
};
use broker::{
    error::ReadError,
    key::ChannelKey,
    message::{Page, Position},
};
use protocol::{
    close::CloseCode,
    cursor::Offset,
    id::ClientId,
    limits::{PAGE_BYTES_MAX, PAGE_MESSAGES_MAX, SOCKETS_SHOWN_MAX},
    socket::Seconds,
};
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

/// One socket, as it is right now.
#[derive(Clone, Debug)]
pub struct SocketStanding {
    /// What is always known of it.
    pub view: SocketView,
    /// Its place in the channel: names it among the others, to nobody but the operator.
    pub place: u32,
    /// What it does.
    pub doing: Doing,
    /// When its token ends, in seconds from now.
    pub token_left: Seconds,
    /// How long ago its page acknowledged last, in seconds.
    pub acked_ago: Option<Seconds>,
}

/// What a socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It takes what comes.
    Takes,
    /// It has taken nothing for so many seconds.
    Blocked(Seconds),
    /// It is brought up to date from the disk.
    Reads,
    /// Between two polls.
    BetweenPolls,
    /// It is about to end.
    Ends,
}

/// What a socket still has to get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Places of the messages, by rising offset.
    pub offsets: Vec<Offset>,
    /// There are more, which were not counted.
    pub more: bool,
}

/// What was found of the client ids that have a socket here.
#[derive(Debug)]
pub struct Found {
    /// The best of them.
    pub channels: Vec<Arc<Channel>>,
    /// How many there are.
    pub matching: usize,
}

impl Channel {
    /// Its sockets, the first thousand.
    #[must_use]
    pub fn standings(&self, now: Seconds) -> Vec<SocketStanding> {
        self.members(&mut 0, SOCKETS_SHOWN_MAX).iter().map(|socket| socket.standing(now)).collect()
    }
}

impl Socket {
    fn standing(&self, now: Seconds) -> SocketStanding {
        let view = SocketView::of(self);
        let state = self.state.lock();
        let doing = match (&state.wire, state.heartbeat.blocked_since()) {
            _ if state.ending => Doing::Ends,
            (Wire::Closed, _) => Doing::Ends,
            (Wire::Poll(poll), _) if poll.is_between() => Doing::BetweenPolls,
            (_, Some(since)) => Doing::Blocked(now.saturating_sub(since)),
            _ if state.replay != Replay::No => Doing::Reads,
            _ => Doing::Takes,
        };
        SocketStanding {
            view,
            place: self.place,
            doing,
            token_left: state.heartbeat.expires_at().saturating_sub(now),
            acked_ago: (state.acked.0 != 0).then(|| now.saturating_sub(state.acked_at)),
        }
    }
}

impl Hub {
    /// What of a channel lies after a cursor, up to `latest`: from memory if it can, else from the disk, `pages_max` pages
    /// of it.
    ///
    /// # Errors
    /// [`ReadError`] if the disk had to be asked, and that failed.
    pub async fn unsent(
        &self,
        (id, key): (&ClientId, ChannelKey),
        (cursor, latest): (Offset, Offset),
        pages_max: usize,
    ) -> Result<Unsent, ReadError> {
        if cursor >= latest {
            return Ok(Unsent::default());
        }
        if let Some(run) = self.tail.run(key, cursor, latest) {
            return Ok(Unsent { offsets: run.iter().map(|entry| entry.offset()).collect(), more: false });
        }
        let (mut position, mut offsets) = (Position::After(self.cursor(cursor)), Vec::new());
        for _ in 0..pages_max {
            let page = Page { messages: PAGE_MESSAGES_MAX, bytes: PAGE_BYTES_MAX };
            let history = self.broker.history(id, key, position, page, self.clock.now_ms()).await?;
            offsets.extend(history.messages.iter().map(|message| message.offset));
            if !history.more {
                return Ok(Unsent { offsets, more: false });
            }
            position = Position::After(self.cursor(history.upto));
        }
        Ok(Unsent { offsets, more: true })
    }

    /// The client ids with a socket here that contain a text, without regard to case in ASCII: first the one that is
    /// the text, then those that begin with it, then the others; of each kind those that came last first.
    #[must_use]
    pub fn search(&self, text: &str, limit: usize) -> Found {
        // A heap of the best: memory for one page, whatever the number of channels.
        let (mut best, mut matching) = (BinaryHeap::with_capacity(limit + 1), 0);
        self.for_each_channel(|channel| {
            let Some(rank) = rank(&channel.id, text).filter(|_| !channel.id.is_canary()) else { return };
            matching += 1;
            best.push(Ranked(rank, Reverse(channel.since_ms), Arc::clone(channel)));
            if best.len() > limit {
                best.pop();
            }
        });
        let channels = best.into_sorted_vec().into_iter().map(|Ranked(_, _, channel)| channel).collect();
        Found { channels, matching }
    }

    /// Ends a channel's sockets, or the one at a place, so that their clients come back with their cursors, each at its
    /// own time. Returns how many were told.
    pub fn send_back(&self, channel: &Channel, place: Option<u32>) -> u64 {
        let count = u64::from(channel.sockets());
        let returns = Returns::new(count, RETURN_MS_MAX);
        let mut told = 0;
        channel.for_each_socket(|socket| {
            if place.is_none_or(|place| place == socket.place) {
                let after_ms = returns.after_ms(told, count);
                self.close(socket, CloseCode::RESTART, "Sent back by the operator.", Some(after_ms));
                told += 1;
            }
        });
        told
    }
}

/// All whom an operator sends back have come within this time.
const RETURN_MS_MAX: u32 = 5_000;

/// How well an id matches; 0 is best.
fn rank(id: &ClientId, text: &str) -> Option<u8> {
    let (id, text) = (id.as_str().as_bytes(), text.as_bytes());
    if id == text {
        return Some(0);
    }
    if text.is_empty() || id.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text)) {
        return Some(1);
    }
    id.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text)).then_some(2)
}

/// A channel by its rank; among equals, by their ids.
struct Ranked(u8, Reverse<u64>, Arc<Channel>);

impl Ranked {
    fn order(&self) -> (u8, Reverse<u64>, &ClientId) {
        (self.0, self.1, &self.2.id)
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_matches_by_its_beginning_or_anything_in_it() {
        let rank = |id: &str, text: &str| super::rank(&id.parse().unwrap(), text);
        assert_eq!(rank("ada", "ada"), Some(0));
        assert_eq!(rank("ada-7", "ADA"), Some(1));
        assert_eq!(rank("user-ada", "ada"), Some(2));
        assert_eq!(rank("anything", ""), Some(1));
        assert_eq!(rank("ad", "ada"), None);
        assert_eq!(rank("é", "É"), None, "ASCII only");
        assert_eq!(rank("bob", "ada"), None);
    }
}
