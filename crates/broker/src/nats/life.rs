//! Which life of the log this is: a stream that was deleted, restored from an older backup or that went backwards
//! has begun another.
//!
//! All nodes must agree, also after all of them were started anew. So the life stands in a bucket: of which stream it
//! is, its number, and a place that the stream had reached. Whoever finds that the stream is another one, or ends before
//! that place, writes down the next life; the others see it within a second.

use super::{
    Options, Shared,
    connect::{Connection, OpenError},
    stream,
};
use async_nats::jetstream::{kv, stream::Info};
use parking_lot::Mutex;
use protocol::cursor::{Epoch, Offset};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Weak, atomic::Ordering},
    time::Duration,
};

/// How often the stream is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After so many looks the place that was reached is written down.
const WRITE_EVERY: u32 = 10;

/// A follower may be a moment ahead of what a leader says of itself, and a leader that has just been chosen may still be
/// taking what it has stored; so backwards is only what stays so for five seconds.
const LOOKS_AGAIN: u32 = 16;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// Two nodes write at once, and again: one of them succeeds each time.
const WRITES_MAX: u32 = 20;

const BUCKET: &str = "state";
const KEY: &str = "life";

/// The life that this node knows of.
pub(super) struct Life {
    connection: Connection,
    bucket: kv::Store,
    known: Mutex<Written>,
}

/// As it stands in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    /// When the stream was made, in milliseconds since 1970.
    created_ms: u64,
    /// Rises when the same stream went backwards.
    number: u64,
    /// A place that the stream had reached.
    reached: u64,
}

impl Written {
    fn epoch(self) -> Epoch {
        Epoch(self.created_ms + self.number)
    }

    fn is_same(self, other: Self) -> bool {
        (self.created_ms, self.number) == (other.created_ms, other.number)
    }
}

impl Life {
    /// Reads which life it is, or writes down the first.
    pub(super) async fn open(
        connection: &Connection,
        options: &Options,
        info: Info,
    ) -> Result<(Self, Epoch), OpenError> {
        let bucket = connection.bucket(BUCKET, Duration::ZERO).await?;
        let nothing = Written { created_ms: 0, number: 0, reached: 0 };
        let life = Self { connection: connection.clone(), bucket, known: Mutex::new(nothing) };
        let (written, _) = life.agree(options, info, 0).await.map_err(OpenError::passing)?;
        *life.known.lock() = written;
        Ok((life, written.epoch()))
    }

    /// Which life the stream is in, as all nodes see it; the next one is written down if it has begun. `reached`: a place
    /// that this node saw in the life it knows. With the stream as it was seen last: a leader may be behind what others have
    /// told, so it is looked at more than once before it counts as gone backwards.
    async fn agree(
        &self,
        options: &Options,
        mut info: Info,
        reached: u64,
    ) -> Result<(Written, Info), String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("the life of the stream cannot be read or written: {error}")
        };
        let mut looks = 0;
        for _ in 0..WRITES_MAX {
            let created_ms = u64::try_from(info.created.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
            let last = info.state.last_sequence;
            let fresh = Written { created_ms, number: 0, reached: last };
            let entry = match self.bucket.entry(KEY).await {
                Ok(entry) => entry,
                // It may have been lost, with the stream.
                Err(error) => {
                    self.connection.bucket(BUCKET, Duration::ZERO).await.map_err(|_| failed(&error))?;
                    self.bucket.entry(KEY).await.map_err(|error| failed(&error))?
                }
            };
            let there = entry.as_ref().and_then(|entry| serde_json::from_slice::<Written>(&entry.value).ok());
            let next = match there {
                Some(there) if there.created_ms == created_ms => {
                    let own = if there.is_same(*self.known.lock()) { reached } else { 0 };
                    if last >= there.reached.max(own) {
                        return Ok((there, info));
                    }
                    if looks < LOOKS_AGAIN {
                        looks += 1;
                        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                        let again = stream::look(&self.connection, options).await;
                        info = again.map_err(|error| error.to_string())?;
                        continue;
                    }
                    Written { number: there.number + 1, ..fresh }
                }
                _ => fresh,
            };
            if self.write(next, entry.map(|entry| entry.revision)).await {
                return Ok((next, info));
            }
        }
        Err(failed(&"others write all the time"))
    }

    /// Writes unless another was faster.
    async fn write(&self, written: Written, over: Option<u64>) -> bool {
        let Ok(text) = serde_json::to_vec(&written) else { return false };
        match over {
            Some(revision) => self.bucket.update(KEY, text.into(), revision).await.is_ok(),
            None => self.bucket.create(KEY, text.into()).await.is_ok(),
        }
    }

    /// Writes down how far the stream is.
    async fn write_reached(&self, reached: u64) {
        let known = *self.known.lock();
        let Ok(Some(entry)) = self.bucket.entry(KEY).await else { return };
        let there = serde_json::from_slice::<Written>(&entry.value).ok();
        if there.is_some_and(|there| there.is_same(known) && there.reached < reached) {
            self.write(Written { reached, ..known }, Some(entry.revision)).await;
        }
    }
}

/// Looks at the stream again and again, and has the feed look when something is not as it was.
pub(super) async fn watch(shared: Weak<Shared>) {
    let mut looks = 0;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        if !shared.connection.is_connected() {
            continue;
        }
        let Ok(info) = stream::look(&shared.connection, &shared.options).await else { continue };
        shared.kept_bytes.store(info.state.bytes, Ordering::Relaxed);
        let reached = shared.end().offset.0;
        match shared.life.agree(&shared.options, info, reached).await {
            Ok((written, _)) if !written.is_same(*shared.life.known.lock()) => shared.disturbed.notify_one(),
            Ok(_) => {
                looks += 1;
                if looks % WRITE_EVERY == 0 {
                    shared.life.write_reached(reached).await;
                }
            }
            Err(error) => tracing::debug!(error, "the stream could not be looked at"),
        }
    }
}

impl Life {
    /// Finds out for the feed whether a new life has begun, and if so, begins it: every socket comes back and is told.
    pub(super) async fn renew(shared: &Shared) -> Result<(), String> {
        let info =
            stream::look(&shared.connection, &shared.options).await.map_err(|error| error.to_string())?;
        let end = shared.end();
        let (written, info) = shared.life.agree(&shared.options, info, end.offset.0).await?;
        if written.epoch() == end.epoch {
            return Ok(());
        }
        let last = Offset(info.state.last_sequence);
        tracing::error!(
            epoch = %written.epoch(),
            "the stream was deleted, restored or went backwards: a new epoch begins, clients are told that messages may be missing"
        );
        *shared.life.known.lock() = written;
        shared.index.restart(last);
        *shared.end.write() = protocol::cursor::Cursor::new(written.epoch(), last);
        shared.waiting.all();
        shared.announce(|announce| announce.new_epoch());
        Ok(())
    }
}
