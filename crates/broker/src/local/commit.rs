//! Numbering, writing and announcing: what happens under the log's lock.

use super::{
    Durability, Options, Shared,
    idempotency::{Idempotency, Seen},
};
use crate::{
    broker::{Deletion, Health},
    error::PublishError,
    key::ChannelKey,
    message::{Draft, Link, Message, Stored},
};
use bytes::Bytes;
use journal::{AppendError, Appended, Chore, Entry, Key, Writer};
use protocol::{
    cursor::{Cursor, Offset},
    limits,
    message::Data,
};
use smallvec::SmallVec;
use std::sync::atomic::Ordering;

/// Record kinds in the journal.
pub(super) const KIND_TEXT: u8 = 1;
pub(super) const KIND_BINARY: u8 = 2;
/// No message: from here on a deleted channel counts. It raises the end of the log, so that tokens from before and
/// tokens from after never have the same position.
pub(super) const KIND_DELETION: u8 = 3;

/// The writer, and what must change together with it.
pub(super) struct Log {
    /// `None` once it was closed.
    writer: Option<Writer>,
    idempotency: Idempotency,
}

/// What happens to a draft of a batch.
enum Plan {
    /// It is entry number n of what is written now.
    Write(usize),
    /// It is the same as entry number n.
    Repeats(usize),
    /// The answer is known.
    Known(Result<Stored, PublishError>),
}

/// A draft that will be written, by its place among all, with what the journal borrows.
struct Fresh {
    draft: usize,
    keys: SmallVec<[Key; 1]>,
    idempotency: Option<journal::Idempotency>,
}

pub(super) fn journal_options(options: &Options) -> journal::Options {
    let base = if options.durability == Durability::Memory {
        journal::Options::in_memory()
    } else {
        journal::Options::default()
    };
    journal::Options {
        retention_bytes: options.retention_bytes,
        retention: options.retention,
        index_retention: limits::INDEX_RETENTION,
        idempotency_window: limits::IDEMPOTENCY_WINDOW,
        accept_loss: options.accept_loss,
        new_epoch: options.new_epoch,
        durable: options.durability == Durability::Fsync,
        boot_id: options.boot_id.clone(),
        fresh_epoch: options.new_epoch_number.unwrap_or(base.fresh_epoch),
        ..base
    }
}

impl Log {
    pub(super) fn new(writer: Writer, idempotency: Idempotency) -> Self {
        Self { writer: Some(writer), idempotency }
    }

    /// Stores one message: the path of nearly every send with `memory` and `os`.
    pub(super) fn commit_one(
        &mut self,
        shared: &Shared,
        mut draft: Draft,
        now_ms: u64,
    ) -> Result<Stored, PublishError> {
        if draft.idempotency_key.is_some() {
            let mut results = self.commit(shared, std::slice::from_mut(&mut draft), now_ms);
            return results.pop().expect("one draft has one result");
        }
        let fresh = Fresh::new(shared, 0, &draft, None);
        let writer = self.writer.as_mut().ok_or(PublishError::Stopping)?;
        let appended =
            writer.append_one(fresh.entry(&draft), now_ms).map_err(|error| shared.refused(&error))?;
        shared.healthy();
        Ok(shared.visible(&mut draft, &appended))
    }

    /// Stores many with one write and, if the durability says so, one sync. What is announced is taken out of the drafts.
    pub(super) fn commit(
        &mut self,
        shared: &Shared,
        drafts: &mut [Draft],
        now_ms: u64,
    ) -> Vec<Result<Stored, PublishError>> {
        let (plans, fresh) = self.plan(shared, drafts, now_ms);
        let written = self.write(shared, drafts, &fresh, now_ms);
        let stored: Result<Vec<Stored>, PublishError> = written.map(|appended| {
            let each = fresh.iter().zip(&appended);
            each.map(|(fresh, appended)| {
                if let Some(idempotency) = &fresh.idempotency {
                    self.idempotency.remember(idempotency, Offset(appended.offset.0), now_ms);
                }
                shared.visible(&mut drafts[fresh.draft], appended)
            })
            .collect()
        });
        let of = |index: usize| stored.as_ref().map(|all| all[index].clone()).map_err(Clone::clone);
        plans
            .into_iter()
            .map(|plan| match plan {
                Plan::Write(index) => of(index),
                Plan::Repeats(index) => of(index).map(|stored| Stored { repeated: true, ..stored }),
                Plan::Known(result) => result,
            })
            .collect()
    }

    /// Decides by the Idempotency-Keys what is written, also for repetitions within the batch.
    fn plan(&mut self, shared: &Shared, drafts: &[Draft], now_ms: u64) -> (Vec<Plan>, Vec<Fresh>) {
        let mut fresh: Vec<Fresh> = Vec::with_capacity(drafts.len());
        let mut batch = std::collections::HashMap::new();
        let plans = drafts
            .iter()
            .enumerate()
            .map(|(place, draft)| {
                let idempotency = draft.idempotency_key.as_deref().map(|key| journal::Idempotency {
                    key: shared.hasher.idempotency(&draft.to, key),
                    body: shared.hasher.body(draft),
                });
                if let Some(id) = &idempotency {
                    if let Some(&(index, body)) = batch.get(&id.key) {
                        let same = body == id.body;
                        return if same {
                            Plan::Repeats(index)
                        } else {
                            Plan::Known(Err(PublishError::KeyReused))
                        };
                    }
                    match self.idempotency.look_up(id, now_ms) {
                        Seen::Never => {
                            batch.insert(id.key, (fresh.len(), id.body));
                        }
                        Seen::Same(offset) => {
                            return Plan::Known(Ok(Stored { offset, repeated: true, failed: Vec::new() }));
                        }
                        Seen::Other => return Plan::Known(Err(PublishError::KeyReused)),
                    }
                }
                fresh.push(Fresh::new(shared, place, draft, idempotency));
                Plan::Write(fresh.len() - 1)
            })
            .collect();
        (plans, fresh)
    }

    fn write(
        &mut self,
        shared: &Shared,
        drafts: &[Draft],
        fresh: &[Fresh],
        now_ms: u64,
    ) -> Result<Vec<Appended>, PublishError> {
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let writer = self.writer.as_mut().ok_or(PublishError::Stopping)?;
        let entries: Vec<Entry<'_>> = fresh.iter().map(|fresh| fresh.entry(&drafts[fresh.draft])).collect();
        let appended = writer.append(&entries, now_ms).map_err(|error| shared.refused(&error))?;
        self.sync(shared)?;
        Ok(appended)
    }

    /// Writes where a channel is deleted, and syncs if the durability says so.
    pub(super) fn mark_deletion(
        &mut self,
        shared: &Shared,
        key: ChannelKey,
        now_ms: u64,
    ) -> Result<Deletion, PublishError> {
        let entry = Entry {
            kind: KIND_DELETION,
            ttl_seconds: 0,
            keys: &[Key(key.0)],
            payload: b"",
            idempotency: None,
        };
        let writer = self.writer.as_mut().ok_or(PublishError::Stopping)?;
        let appended = writer.append_one(entry, now_ms).map_err(|error| shared.refused(&error))?;
        self.sync(shared)?;
        let offset = appended.offset.0;
        shared.readable.store(offset, Ordering::Release);
        shared.announced.store(offset, Ordering::Release);
        Ok(Deletion { at: Cursor::new(shared.epoch, Offset(offset)), time_ms: appended.time_ms })
    }

    /// Makes what was written count, if the durability asks for more than writing.
    fn sync(&mut self, shared: &Shared) -> Result<(), PublishError> {
        let writer = self.writer.as_mut().ok_or(PublishError::Stopping)?;
        if !shared.inline()
            && let Err(error) = writer.sync()
        {
            tracing::error!(%error, "syncing the journal failed; messages are refused until the server is started again");
            shared.refuse(PublishError::Unavailable);
            return Err(PublishError::OutcomeUnknown);
        }
        shared.healthy();
        Ok(())
    }

    /// Work for the disk that needs no lock: the file of keys of a segment that is full.
    pub(super) fn take_chore(&mut self, now_ms: u64) -> Option<Chore> {
        self.writer.as_mut()?.take_chore(now_ms)
    }

    pub(super) fn tick(&mut self, now_ms: u64) {
        self.idempotency.forget_old(now_ms);
        let Some(writer) = &mut self.writer else { return };
        match writer.retain(now_ms) {
            Ok(Some(trimmed)) => tracing::debug!(?trimmed, "old segments were dropped"),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "old segments could not be dropped"),
        }
    }

    pub(super) fn close(&mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.close()
        {
            tracing::error!(%error, "the journal's end could not be marked; the next start reads its tail");
        }
    }
}

impl Fresh {
    fn new(shared: &Shared, place: usize, draft: &Draft, idempotency: Option<journal::Idempotency>) -> Self {
        let mut keys: SmallVec<[Key; 1]> =
            draft.to.ids().iter().map(|id| Key(shared.hasher.channel(id).0)).collect();
        if keys.len() > 1 {
            // An id that stands twice in a list gets the message once.
            keys.sort_unstable();
            keys.dedup();
        }
        Self { draft: place, keys, idempotency }
    }

    fn entry<'a>(&'a self, draft: &'a Draft) -> Entry<'a> {
        Entry {
            kind: match draft.data {
                Data::Text(_) => KIND_TEXT,
                Data::Binary(_) => KIND_BINARY,
            },
            ttl_seconds: draft.ttl_seconds,
            keys: &self.keys,
            payload: draft.data.bytes(),
            idempotency: self.idempotency,
        }
    }
}

impl Shared {
    /// Announces what was written (and synced, if it must be), and takes it out of its draft.
    fn visible(&self, draft: &mut Draft, appended: &Appended) -> Stored {
        let offset = Offset(appended.offset.0);
        let links = appended.links.iter().map(|link| Link {
            key: ChannelKey(link.key.0),
            previous: Offset(link.previous.0),
            ordinal: link.ordinal,
        });
        self.readable.store(offset.0, Ordering::Release);
        let message = Message {
            offset,
            time_ms: appended.time_ms,
            ttl_seconds: draft.ttl_seconds,
            data: std::mem::replace(&mut draft.data, Data::Binary(Bytes::new())),
            links: links.collect(),
            origin: std::mem::take(&mut draft.origin),
        };
        self.announce(|announce| announce.announce(message));
        self.announced.store(offset.0, Ordering::Release);
        Stored { offset, repeated: false, failed: Vec::new() }
    }

    fn healthy(&self) {
        if self.refusing.load(Ordering::Acquire) {
            tracing::info!("messages are stored again");
            let mut health = self.health.lock();
            *health = Health::Good;
            self.refusing.store(false, Ordering::Release);
        }
    }

    /// From now on messages are refused; whether they were not before.
    pub(super) fn refuse(&self, with: PublishError) -> bool {
        let mut health = self.health.lock();
        *health = Health::Refusing(with);
        !self.refusing.swap(true, Ordering::AcqRel)
    }

    fn refused(&self, error: &AppendError) -> PublishError {
        let (refusal, outcome) = match error {
            AppendError::Full => (PublishError::DiskFull, PublishError::DiskFull),
            AppendError::Poisoned => (PublishError::Unavailable, PublishError::Unavailable),
            _ => (PublishError::Unavailable, PublishError::OutcomeUnknown),
        };
        if self.refuse(refusal) {
            tracing::error!(%error, "messages are refused");
        }
        outcome
    }
}
