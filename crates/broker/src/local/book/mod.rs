//! What the local broker remembers beside messages: who is connected, what the application is to be told, which
//! channels were deleted, and how far readers of the development wire have come.
//!
//! It all fits in memory and is kept on disk as a ledger. Writers take the ledger's lock first and the state's lock
//! for moments only, so that nobody who asks waits for the disk.

mod record;
mod state;

use super::Durability;
use crate::{
    broker::Deletion,
    error::RecordError,
    key::ChannelKey,
    presence::{Change, Notice, Standing},
};
use journal::{Disk, Ledger, OpenError};
use parking_lot::Mutex;
use protocol::{cursor::Cursor, id::ClientId};
use record::Record;
use state::State;
use std::{sync::Arc, time::Duration};

/// See the module.
pub(super) struct Book {
    ledger: Mutex<Ledger>,
    state: Mutex<State>,
    /// Whether records count only once they are synced.
    durable: bool,
    kept_ms: u64,
}

impl Book {
    /// Reads the ledger and rewrites it, if there is room, so that it is small, synced, and has no torn end.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        durability: Durability,
        accept_loss: bool,
        retention: Duration,
        now_ms: u64,
    ) -> Result<Self, OpenError> {
        let place = disk.place();
        // Microseconds since 1970 as the least number: generations rise also if the ledger was lost.
        let opened = Ledger::open(disk, accept_loss, now_ms * 1000)?;
        let (mut ledger, mut state) = (opened.ledger, State::default());
        for (number, bytes) in &opened.records {
            match Record::decode(bytes) {
                Some(record) => state.apply(*number, &record, true),
                None => tracing::warn!(number, "a record of the presence ledger is of an unknown kind"),
            }
        }
        if opened.torn_bytes > 0 {
            tracing::warn!(
                bytes = opened.torn_bytes,
                "the end of the presence ledger was torn and has been cut"
            );
        }
        let kept_ms = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        state.forget(now_ms, kept_ms);
        match rewrite(&mut ledger, &state) {
            // What is stored is delivered all the same; the first record tries again.
            Err(error) if journal::is_full(&error) => {
                tracing::warn!("the disk is full: who comes and goes is recorded when there is room");
            }
            Err(source) => return Err(OpenError::Io { doing: "write the presence ledger", place, source }),
            Ok(()) => {}
        }
        let durable = durability == Durability::Fsync;
        Ok(Self { ledger: Mutex::new(ledger), state: Mutex::new(state), durable, kept_ms })
    }

    /// Records what is a change; see [`PresenceStore::record`](crate::presence::PresenceStore::record).
    pub(super) fn record(&self, changes: &[Change], now_ms: u64) -> Result<Vec<ClientId>, RecordError> {
        let mut ledger = self.ledger.lock();
        let mut state = self.state.lock();
        let mut seen = std::collections::HashSet::new();
        let real: Vec<(&Change, bool)> = changes
            .iter()
            .filter(|change| state.is_connected(&change.id) != change.connected && seen.insert(&change.id))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|change| (change, state.cancels(change)))
            .collect();
        drop(state);
        let records: Vec<Record<'_>> = real
            .iter()
            .map(|(change, cancels)| {
                let (id, connected, cancels) = (change.id.as_str(), change.connected, *cancels);
                Record::Changed { id, connected, time_ms: now_ms, cancels }
            })
            .collect();
        let written = self.write(&mut ledger, &records, self.durable);
        if written.is_err() {
            let mut state = self.state.lock();
            real.iter().for_each(|(change, _)| state.keep(&change.id));
        }
        written?;
        Ok(real.into_iter().filter(|(_, cancels)| !cancels).map(|(change, _)| change.id.clone()).collect())
    }

    /// Writes down that notices were told; returns those of whom there is more to tell. Not synced: a notice is then
    /// told twice rather than never.
    pub(super) fn settle(&self, notices: &[Notice]) -> Vec<ClientId> {
        let records: Vec<Record<'_>> = notices
            .iter()
            .map(|notice| Record::Settled { id: notice.id.as_str(), generation: notice.generation })
            .collect();
        let mut ledger = self.ledger.lock();
        if let Err(error) = self.write(&mut ledger, &records, false) {
            tracing::warn!(%error, "told notices could not be written down; after a restart they are told again");
            let mut state = self.state.lock();
            records.iter().for_each(|record| state.apply(0, record, false));
        }
        let state = self.state.lock();
        notices.iter().map(|notice| &notice.id).filter(|id| state.is_waiting(id)).cloned().collect()
    }

    /// Writes down that a channel was deleted.
    pub(super) fn delete(&self, key: ChannelKey, deletion: Deletion) -> Result<(), RecordError> {
        let Deletion { at, time_ms } = deletion;
        let record = Record::Deleted { key: key.0, epoch: at.epoch.0, offset: at.offset.0, time_ms };
        self.write(&mut self.ledger.lock(), &[record], self.durable)
    }

    pub(super) fn keep_position(&self, token: u128, position: Cursor, expires_at: u64) {
        let (epoch, offset) = (position.epoch.0, position.offset.0);
        let record = Record::Position { token, epoch, offset, expires_at };
        if let Err(error) = self.write(&mut self.ledger.lock(), &[record], false) {
            tracing::warn!(%error, "a reader's position could not be written down; a restart repeats messages to it");
            self.state.lock().apply(0, &record, false);
        }
    }

    pub(super) fn deletion(&self, key: ChannelKey) -> Option<Deletion> {
        self.state.lock().deletion(key)
    }

    pub(super) fn position(&self, token: u128) -> Option<Cursor> {
        self.state.lock().position(token)
    }

    pub(super) fn is_connected(&self, id: &ClientId) -> bool {
        self.state.lock().is_connected(id)
    }

    pub(super) fn connected(&self) -> Vec<ClientId> {
        self.state.lock().connected()
    }

    pub(super) fn waiting(&self) -> Vec<ClientId> {
        self.state.lock().waiting()
    }

    pub(super) fn standing(&self) -> Standing {
        self.state.lock().standing()
    }

    pub(super) fn begin(&self, id: &ClientId) -> Option<Notice> {
        self.state.lock().begin(id)
    }

    /// Forgets what is over, and rewrites the ledger when it has grown.
    pub(super) fn tick(&self, now_ms: u64) {
        let mut ledger = self.ledger.lock();
        self.state.lock().forget(now_ms, self.kept_ms);
        if ledger.wants_rewrite()
            && let Err(error) = rewrite(&mut ledger, &self.state.lock())
        {
            tracing::warn!(%error, "the presence ledger could not be rewritten; it goes on growing");
        }
    }

    pub(super) fn close(&self) {
        if let Err(error) = self.ledger.lock().close() {
            tracing::error!(%error, "the presence ledger's end could not be marked");
        }
    }

    /// Appends, syncs if asked to, and applies: in this order, so that nobody acts on what may be lost.
    fn write(&self, ledger: &mut Ledger, records: &[Record<'_>], sync: bool) -> Result<(), RecordError> {
        if records.is_empty() {
            return Ok(());
        }
        let first = ledger.next();
        let payloads: Vec<Vec<u8>> = records.iter().map(Record::encode).collect();
        let appended = match ledger.append(&payloads) {
            // A new file may do where the old one failed: it holds what is known, and is synced.
            Err(journal::AppendError::Poisoned) => {
                rewrite(ledger, &self.state.lock()).map_err(|error| match journal::is_full(&error) {
                    true => RecordError::Full,
                    false => RecordError::Failed,
                })?;
                ledger.append(&payloads)
            }
            other => other,
        };
        appended.map_err(|error| match error {
            journal::AppendError::Full => RecordError::Full,
            _ => RecordError::Failed,
        })?;
        if sync {
            ledger.sync().map_err(|_| RecordError::Failed)?;
        }
        let mut state = self.state.lock();
        for (number, record) in (first..).zip(records) {
            state.apply(number, record, false);
        }
        Ok(())
    }
}

fn rewrite(ledger: &mut Ledger, state: &State) -> std::io::Result<()> {
    let records: Vec<(u64, Vec<u8>)> =
        state.records().map(|(number, record)| (number, record.encode())).collect();
    ledger.rewrite(records.iter().map(|(number, bytes)| (*number, &bytes[..])))
}

#[cfg(test)]
mod tests;
