//! What the records add up to. No disk, no lock, no clock.

use super::record::Record;
use crate::{
    broker::Deletion,
    expiring::Expiring,
    key::ChannelKey,
    presence::{Change, Notice, Standing},
};
use protocol::{
    cursor::{Cursor, Epoch, Offset},
    id::ClientId,
    limits,
};
use smallvec::SmallVec;
use std::collections::HashMap;

/// The book's content.
#[derive(Default)]
pub(super) struct State {
    clients: HashMap<ClientId, Client>,
    /// By the millisecond of the deletion.
    deletions: Expiring<ChannelKey, Deletion>,
    /// By the second in which the token expires.
    positions: Expiring<u128, Position>,
    connected: usize,
    waiting: usize,
}

/// One who is connected, or of whom something is to be told.
#[derive(Default)]
struct Client {
    connected: bool,
    /// Oldest first; they alternate. Never more than two, see [`State::cancels`].
    waiting: SmallVec<[Waiting; 1]>,
}

struct Waiting {
    generation: u64,
    connected: bool,
    time_ms: u64,
    stage: Stage,
}

/// How far a notice is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The application cannot know of it.
    Fresh,
    /// It is about to be dropped with its opposite.
    Cancelling,
    /// It was tried: the application may know.
    Begun,
}

#[derive(Clone, Copy)]
struct Position {
    cursor: Cursor,
    expires_at: u64,
}

impl State {
    pub(super) fn is_connected(&self, id: &ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| client.connected)
    }

    pub(super) fn is_waiting(&self, id: &ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| !client.waiting.is_empty())
    }

    pub(super) fn connected(&self) -> Vec<ClientId> {
        self.clients.iter().filter(|(_, client)| client.connected).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn waiting(&self) -> Vec<ClientId> {
        self.clients
            .iter()
            .filter(|(_, client)| !client.waiting.is_empty())
            .map(|(id, _)| id.clone())
            .collect()
    }

    pub(super) fn standing(&self) -> Standing {
        Standing { connected: self.connected, waiting: self.waiting }
    }

    pub(super) fn position(&self, token: u128) -> Option<Cursor> {
        self.positions.get(token).map(|position| position.cursor)
    }

    pub(super) fn deletion(&self, key: ChannelKey) -> Option<Deletion> {
        self.deletions.get(key).copied()
    }

    /// Whether a change makes the notice before it void. That one is then held back until the change is applied or
    /// [given up](Self::keep).
    pub(super) fn cancels(&mut self, change: &Change) -> bool {
        let last = self.clients.get_mut(&change.id).and_then(|client| client.waiting.last_mut());
        let Some(last) = last.filter(|last| last.stage == Stage::Fresh) else { return false };
        last.stage = Stage::Cancelling;
        true
    }

    /// The change was not recorded: what it would have cancelled goes out after all.
    pub(super) fn keep(&mut self, id: &ClientId) {
        let last = self.clients.get_mut(id).and_then(|client| client.waiting.last_mut());
        if let Some(last) = last.filter(|last| last.stage == Stage::Cancelling) {
            last.stage = Stage::Fresh;
        }
    }

    /// The oldest notice of a client id, which is from now on taken as known to the application.
    pub(super) fn begin(&mut self, id: &ClientId) -> Option<Notice> {
        let waiting = self.clients.get_mut(id)?.waiting.first_mut()?;
        if waiting.stage == Stage::Cancelling {
            return None;
        }
        waiting.stage = Stage::Begun;
        Some(Notice {
            id: id.clone(),
            connected: waiting.connected,
            generation: waiting.generation,
            time_ms: waiting.time_ms,
        })
    }

    /// Applies a record under its number. After a start, `stored` is true: it is not known what was tried.
    pub(super) fn apply(&mut self, number: u64, record: &Record<'_>, stored: bool) {
        let stage = if stored { Stage::Begun } else { Stage::Fresh };
        match *record {
            Record::Changed { id, connected, time_ms, cancels } => {
                self.change(id, |client| {
                    client.connected = connected;
                    if cancels {
                        client.waiting.pop();
                    } else {
                        client.waiting.push(Waiting { generation: number, connected, time_ms, stage });
                    }
                });
            }
            Record::Settled { id, generation } => {
                self.change(id, |client| client.waiting.retain(|waiting| waiting.generation != generation));
            }
            Record::Client { id, connected } => self.change(id, |client| client.connected = connected),
            Record::Waiting { id, connected, time_ms } => {
                let waiting = Waiting { generation: number, connected, time_ms, stage };
                self.change(id, |client| client.waiting.push(waiting));
            }
            Record::Deleted { key, epoch, offset, time_ms } => {
                let at = Cursor::new(Epoch(epoch), Offset(offset));
                self.deletions.insert(ChannelKey(key), time_ms, Deletion { at, time_ms });
            }
            Record::Position { token, epoch, offset, expires_at } => {
                let cursor = Cursor::new(Epoch(epoch), Offset(offset));
                self.positions.insert(token, expires_at, Position { cursor, expires_at });
            }
        }
    }

    /// Changes one client, keeps the counts, and forgets it when there is nothing to remember.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Client)) {
        // A record holds what was a client id when it was written.
        let Ok(id) = id.parse::<ClientId>() else { return };
        let client = self.clients.entry(id.clone()).or_default();
        let (was_connected, were_waiting) = (client.connected, client.waiting.len());
        change(client);
        self.connected = self.connected + usize::from(client.connected) - usize::from(was_connected);
        self.waiting = self.waiting + client.waiting.len() - were_waiting;
        if !client.connected && client.waiting.is_empty() {
            self.clients.remove(&id);
        }
        if self.clients.capacity() > 1024 && self.clients.len() < self.clients.capacity() / 4 {
            self.clients.shrink_to_fit();
        }
    }

    /// Forgets what no token that still lives can ask for. `kept_ms`: how long messages are kept.
    pub(super) fn forget(&mut self, now_ms: u64, kept_ms: u64) {
        let life_ms = (u64::from(limits::TOKEN_MINUTES_MAX) * 60 + limits::TOKEN_LIFE_LEEWAY_SECONDS) * 1000;
        let since = now_ms.saturating_sub(life_ms.max(kept_ms));
        self.deletions.forget_before(since);
        // A second is over with its first millisecond.
        self.positions.forget_before(now_ms / 1000 + 1);
    }

    /// Records, with their numbers, that add up to this state.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, Record<'_>)> {
        let clients = self.clients.iter().flat_map(|(id, client)| {
            let id = id.as_str();
            let waiting = client.waiting.iter().map(move |waiting| {
                let Waiting { connected, time_ms, .. } = *waiting;
                (waiting.generation, Record::Waiting { id, connected, time_ms })
            });
            std::iter::once((0, Record::Client { id, connected: client.connected })).chain(waiting)
        });
        let deletions = self.deletions.iter().map(|(key, deletion)| {
            let Deletion { at, time_ms } = *deletion;
            (0, Record::Deleted { key: key.0, epoch: at.epoch.0, offset: at.offset.0, time_ms })
        });
        let positions = self.positions.iter().map(|(token, position)| {
            let Position { cursor, expires_at } = *position;
            let (epoch, offset) = (cursor.epoch.0, cursor.offset.0);
            (0, Record::Position { token: *token, epoch, offset, expires_at })
        });
        clients.chain(deletions).chain(positions)
    }
}
