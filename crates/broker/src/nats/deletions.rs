//! Deleted channels: a mark in the stream, so that all nodes learn of it in order, and an entry in a bucket that lives
//! as long as a token may, for nodes that start later.

use super::{
    Shared,
    connect::{Connection, OpenError, patiently},
    publish, read,
    record::{Head, Kind},
    subject,
};
use crate::{broker::Deletion, error::PublishError, key::ChannelKey};
use async_nats::jetstream::kv::{self, Operation};
use bytes::Bytes;
use futures_util::StreamExt;
use parking_lot::Mutex;
use protocol::{
    cursor::{Cursor, Epoch, Offset},
    id::ClientId,
    limits,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::oneshot;

const BUCKET: &str = "deletions";

/// So soon a bucket that cannot be watched is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A start waits so long for what stands in the bucket.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// What is known of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) deletion: Deletion,
    /// The channel's newest message before it.
    pub(super) previous: Offset,
}

/// All deletions that a token may still be refused for.
pub(super) struct Deletions {
    connection: Connection,
    bucket: kv::Store,
    known: Mutex<HashMap<ChannelKey, Known>>,
}

/// As it stands in the bucket.
#[derive(Serialize, Deserialize)]
struct Written {
    epoch: u64,
    offset: u64,
    time_ms: u64,
    previous: u64,
}

/// How long a token may live that is to be refused.
fn token_life() -> Duration {
    let seconds = u64::from(limits::TOKEN_MINUTES_MAX) * 60 + limits::TOKEN_LIFE_LEEWAY_SECONDS;
    Duration::from_secs(seconds)
}

impl Deletions {
    pub(super) async fn open(connection: &Connection) -> Result<Self, OpenError> {
        let bucket = connection.bucket(BUCKET, token_life()).await?;
        Ok(Self { connection: connection.clone(), bucket, known: Mutex::default() })
    }

    /// Makes the bucket again if it was lost.
    async fn make_again(&self) {
        if let Err(error) = self.connection.bucket(BUCKET, token_life()).await {
            tracing::debug!(%error, "the bucket of deleted channels is not there");
        }
    }

    async fn write(&self, id: &ClientId, text: Bytes) -> Result<(), kv::PutError> {
        let key = subject::token(id);
        if self.bucket.put(key.as_str(), text.clone()).await.is_ok() {
            return Ok(());
        }
        self.make_again().await;
        self.bucket.put(key, text).await.map(|_| ())
    }

    pub(super) fn of(&self, key: ChannelKey) -> Option<Known> {
        self.known.lock().get(&key).copied()
    }

    /// Whether this is newer than what was known.
    pub(super) fn learn(&self, key: ChannelKey, new: Known) -> bool {
        let mut known = self.known.lock();
        let place = |known: &Known| (known.deletion.at.epoch.0, known.deletion.at.offset);
        if known.get(&key).is_some_and(|old| place(old) >= place(&new)) {
            return false;
        }
        known.insert(key, new);
        true
    }

    pub(super) fn forget(&self, now_ms: u64) {
        let life_ms = token_life().as_millis() as u64;
        self.known.lock().retain(|_, known| known.deletion.time_ms + life_ms > now_ms);
    }
}

/// Deletes a channel.
pub(super) async fn delete(
    shared: &Shared,
    id: &ClientId,
    key: ChannelKey,
    now_ms: u64,
) -> Result<Deletion, PublishError> {
    shared.ready()?;
    let subject = shared.subject(id);
    let previous = match shared.index.newest(key) {
        Some(newest) => newest,
        None => read::newest_at_leader(shared, &subject).await.map_err(|_| PublishError::Away)?,
    };
    let head = Head { kind: Kind::Deletion, time_ms: now_ms, previous, ..Head::default() };
    let epoch = shared.end().epoch;
    let offset = publish::mark(shared, id, &head).await?;
    let written = Written { epoch: epoch.0, offset: offset.0, time_ms: now_ms, previous: previous.0 };
    let text = serde_json::to_vec(&written).map_err(|_| PublishError::OutcomeUnknown)?;
    let put = shared.deletions.write(id, text.into()).await;
    put.map_err(|_| PublishError::OutcomeUnknown)?;
    // Nobody can read it any more; now it is gone as well, but for the mark.
    let stream = shared.connection.jetstream.get_stream_no_info(shared.connection.names.stream()).await;
    if let Ok(stream) = stream
        && let Err(error) = stream.purge().filter(subject).sequence(offset.0).await
    {
        tracing::warn!(%error, "what was kept of a deleted channel is unreadable, but could not be removed yet");
    }
    Ok(Deletion { at: Cursor::new(epoch, offset), time_ms: now_ms })
}

/// Reads what stands in the bucket, and goes on learning what is added.
pub(super) async fn watch(shared: &Arc<Shared>) -> Result<(), OpenError> {
    let failed =
        |why: &str| OpenError::passing(format!("the bucket of deleted channels cannot be read ({why})"));
    let bucket = &shared.deletions.bucket;
    let status = || async { bucket.status().await.map_err(|error| failed(&error.to_string())) };
    let status = patiently(status).await?;
    let (tell, heard) = oneshot::channel();
    shared.connection.runtime.spawn(learn_all(Arc::downgrade(shared), Some(tell)));
    if status.values() == 0 {
        return Ok(());
    }
    match tokio::time::timeout(READ_WITHIN, heard).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(failed("no answer in time")),
    }
}

async fn learn_all(shared: Weak<Shared>, mut current: Option<oneshot::Sender<()>>) {
    loop {
        let Some(held) = shared.upgrade() else { return };
        let watching = held.deletions.bucket.watch_with_history(">").await;
        if watching.is_err() && held.connection.is_connected() {
            held.deletions.make_again().await;
        }
        drop(held);
        if let Ok(mut entries) = watching {
            while let Some(Ok(entry)) = entries.next().await {
                let Some(held) = shared.upgrade() else { return };
                if entry.operation == Operation::Put {
                    held.learn(&entry);
                }
                if entry.delta == 0
                    && let Some(tell) = current.take()
                {
                    // Whoever waits may have given up.
                    let _ = tell.send(());
                }
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

impl Shared {
    fn learn(&self, entry: &kv::Entry) {
        let Ok(written) = serde_json::from_slice::<Written>(&entry.value) else { return };
        let Some(id) = subject::client_id(&entry.key) else { return };
        let at = Cursor::new(Epoch(written.epoch), Offset(written.offset));
        let deletion = Deletion { at, time_ms: written.time_ms };
        let key = self.hasher.channel(&id);
        if self.deletions.learn(key, Known { deletion, previous: Offset(written.previous) }) {
            self.announce(|announce| announce.deleted(key));
        }
    }
}
