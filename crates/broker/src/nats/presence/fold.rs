//! What the log adds up to, the same on every node. No network, no lock, no clock: each decision (who is first, who was
//! last, whose node is gone, what cancels out) follows from the order of the log, so it is made once.

use super::{
    members::{Heard, Members},
    record::{Head, Member, Record},
};
use crate::{
    expiring::Expiring,
    presence::{Notice, Standing},
};
use protocol::{
    cursor::{Cursor, Epoch, Offset},
    id::ClientId,
    limits,
};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::{BinaryHeap, HashMap};

/// How often what is over is looked for, in milliseconds of the log's time.
const FORGET_EVERY_MS: u64 = 600_000;

/// See the module.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) members: Members,
    clients: HashMap<ClientId, Client>,
    /// By the second in which the token expires.
    positions: Expiring<u128, (Cursor, u64)>,
    last_generation: u64,
    forgot_ms: u64,
    standing: Standing,
}

/// One who is connected, or of whom something is to be told.
#[derive(Default)]
struct Client {
    /// The nodes that hold sockets of it.
    on: SmallVec<[Member; 1]>,
    /// Oldest first; they alternate. The first may be known to the application already; a second one that is undone
    /// before it is the first goes with what undoes it. So there are two at most.
    waiting: SmallVec<[Waiting; 1]>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    generation: u64,
    connected: bool,
    time_ms: u64,
}

/// A piece of the whole, for a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Piece {
    State { members: Members, last_generation: u64, forgot_ms: u64 },
    Client { id: String, on: Vec<Member>, waiting: Vec<Waiting> },
    Position { token: u128, epoch: u64, offset: u64, expires_at: u64 },
}

impl Fold {
    /// Takes the batch at a place of the log, stored at a time. Returns those of whom there is something new to tell.
    pub(super) fn apply(
        &mut self,
        place: u64,
        time_ms: u64,
        head: Head,
        records: &[Record<'_>],
    ) -> Vec<ClientId> {
        let mut news = Vec::new();
        let Heard::Counts { gone } = self.members.hear(place, head) else { return news };
        for (member, told) in gone {
            self.empty(member, told, time_ms, &mut news);
        }
        for record in records {
            match *record {
                Record::Changed { id, connected, time_ms: at_ms } => {
                    // A record holds what was a client id when it was written.
                    let Ok(id) = id.parse() else { continue };
                    let how = Told { by: head.tells, at_ms, stored_ms: time_ms };
                    news.extend(self.change(&id, how, |on| match connected {
                        true if !on.contains(&head.member) => on.push(head.member),
                        true => {}
                        false => on.retain(|member| *member != head.member),
                    }));
                }
                Record::Settled { id, generation } => self.settle(id, generation),
                Record::Position { token, epoch, offset, expires_at } => {
                    let cursor = Cursor::new(Epoch(epoch), Offset(offset));
                    self.positions.insert(token, expires_at, (cursor, expires_at));
                }
                Record::Leaving { beats } => self.members.leave(head.member, beats),
            }
        }
        if head.beat && time_ms.saturating_sub(self.forgot_ms) >= FORGET_EVERY_MS {
            self.forget(time_ms);
        }
        news
    }

    /// Whether anybody holds a socket of it.
    pub(super) fn is_connected(&self, id: &ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| !client.on.is_empty())
    }

    /// Whether this member does.
    pub(super) fn is_on(&self, id: &ClientId, member: Member) -> bool {
        self.clients.get(id).is_some_and(|client| client.on.contains(&member))
    }

    /// Whether another one does.
    pub(super) fn is_elsewhere(&self, id: &ClientId, member: Member) -> bool {
        self.clients.get(id).is_some_and(|client| client.on.iter().any(|on| *on != member))
    }

    /// The first `limit` client ids after `after` that others hold sockets of, in the order of their bytes.
    pub(super) fn elsewhere(&self, member: Member, after: Option<&ClientId>, limit: usize) -> Vec<ClientId> {
        let mut page = BinaryHeap::with_capacity(limit + 1);
        for (id, client) in &self.clients {
            if after.is_none_or(|after| id > after) && client.on.iter().any(|on| *on != member) {
                page.push(id);
                if page.len() > limit {
                    page.pop();
                }
            }
        }
        page.into_sorted_vec().into_iter().cloned().collect()
    }

    pub(super) fn is_waiting(&self, id: &ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| !client.waiting.is_empty())
    }

    pub(super) fn waiting(&self) -> Vec<ClientId> {
        let waiting = self.clients.iter().filter(|(_, client)| !client.waiting.is_empty());
        waiting.map(|(id, _)| id.clone()).collect()
    }

    /// The oldest notice of a client id.
    pub(super) fn first(&self, id: &ClientId) -> Option<Notice> {
        let Waiting { generation, connected, time_ms } = *self.clients.get(id)?.waiting.first()?;
        Some(Notice { id: id.clone(), connected, generation, time_ms })
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    pub(super) fn position(&self, token: u128) -> Option<Cursor> {
        self.positions.get(token).map(|(cursor, _)| *cursor)
    }

    /// A node is gone, and with it all that it held.
    fn empty(&mut self, member: Member, told: bool, time_ms: u64, news: &mut Vec<ClientId>) {
        let on_it = self.clients.iter().filter(|(_, client)| client.on.contains(&member));
        let mut ids: Vec<ClientId> = on_it.map(|(id, _)| id.clone()).collect();
        // A map has an order of its own on each node, and generations follow from this one.
        ids.sort_unstable();
        let how = Told { by: told, at_ms: time_ms, stored_ms: time_ms };
        for id in ids {
            news.extend(self.change(&id, how, |on| on.retain(|on| *on != member)));
        }
    }

    /// Changes who holds a client id; returns it if there is something to tell.
    fn change(
        &mut self,
        id: &ClientId,
        how: Told,
        change: impl FnOnce(&mut SmallVec<[Member; 1]>),
    ) -> Option<ClientId> {
        let client = self.clients.entry(id.clone()).or_default();
        let was_connected = !client.on.is_empty();
        change(&mut client.on);
        let connected = !client.on.is_empty();
        let mut new = None;
        if was_connected != connected {
            self.standing.connected =
                self.standing.connected + usize::from(connected) - usize::from(was_connected);
            if client.waiting.len() > 1 {
                client.waiting.pop();
                self.standing.waiting -= 1;
            } else if how.by && client.waiting.last().is_none_or(|last| last.connected != connected) {
                // Microseconds since 1970 at least: generations rise also if the log was lost.
                self.last_generation = (self.last_generation + 1).max(how.stored_ms * 1000);
                let generation = self.last_generation;
                client.waiting.push(Waiting { generation, connected, time_ms: how.at_ms });
                self.standing.waiting += 1;
                new = Some(id.clone());
            }
        }
        self.let_go(id);
        new
    }

    fn settle(&mut self, id: &str, generation: u64) {
        let Ok(id) = id.parse::<ClientId>() else { return };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let before = client.waiting.len();
        client.waiting.retain(|waiting| waiting.generation != generation);
        self.standing.waiting -= before - client.waiting.len();
        self.let_go(&id);
    }

    /// Forgets a client id of which there is nothing to remember.
    fn let_go(&mut self, id: &ClientId) {
        if self.clients.get(id).is_some_and(|client| client.on.is_empty() && client.waiting.is_empty()) {
            self.clients.remove(id);
        }
        if self.clients.capacity() > 1024 && self.clients.len() < self.clients.capacity() / 4 {
            self.clients.shrink_to_fit();
        }
    }

    /// Forgets notices that nobody took in their time, and positions of tokens that are over.
    fn forget(&mut self, now_ms: u64) {
        self.forgot_ms = now_ms;
        self.positions.forget_before(now_ms / 1000 + 1);
        let since = now_ms.saturating_sub(limits::NOTICE_LIFE.as_millis() as u64);
        let standing = &mut self.standing;
        self.clients.retain(|_, client| {
            let before = client.waiting.len();
            client.waiting.retain(|waiting| waiting.time_ms >= since);
            standing.waiting -= before - client.waiting.len();
            !client.on.is_empty() || !client.waiting.is_empty()
        });
    }

    /// Pieces that add up to this state.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        let (members, last_generation, forgot_ms) =
            (self.members.clone(), self.last_generation, self.forgot_ms);
        let clients = self.clients.iter().map(|(id, client)| Piece::Client {
            id: id.as_str().to_owned(),
            on: client.on.to_vec(),
            waiting: client.waiting.to_vec(),
        });
        let positions = self.positions.iter().map(|(token, (cursor, expires_at))| {
            let (epoch, offset) = (cursor.epoch.0, cursor.offset.0);
            Piece::Position { token: *token, epoch, offset, expires_at: *expires_at }
        });
        std::iter::once(Piece::State { members, last_generation, forgot_ms }).chain(clients).chain(positions)
    }

    /// Puts a piece into its place.
    pub(super) fn put(&mut self, piece: Piece) {
        match piece {
            Piece::State { members, last_generation, forgot_ms } => {
                (self.members, self.last_generation, self.forgot_ms) = (members, last_generation, forgot_ms);
            }
            Piece::Client { id, on, waiting } => {
                let Ok(id) = id.parse() else { return };
                self.standing.connected += usize::from(!on.is_empty());
                self.standing.waiting += waiting.len();
                self.clients.insert(id, Client { on: on.into(), waiting: waiting.into() });
            }
            Piece::Position { token, epoch, offset, expires_at } => {
                let cursor = Cursor::new(Epoch(epoch), Offset(offset));
                self.positions.insert(token, expires_at, (cursor, expires_at));
            }
        }
    }
}

/// How a change is told.
#[derive(Clone, Copy)]
struct Told {
    /// Whether at all.
    by: bool,
    /// When it happened, and when the log took it.
    at_ms: u64,
    stored_ms: u64,
}

#[cfg(test)]
mod tests;
