//! Who is connected, on all nodes together: a log that every node folds into the same state.
//!
//! A node says what changed for its own clients, in batches; what follows (who is connected anywhere, whose node is gone,
//! which notices there are, who tells them) each node finds by itself, from the order of the log alone. So there is
//! nothing to elect and nothing to lock. `docs/decisions/009-presence-across-nodes.md` has the reasons.

mod fold;
mod log;
mod members;
mod record;
mod shared;
mod snapshot;
mod writer;

use super::connect::{Connection, OpenError, patiently};
use crate::{
    error::RecordError,
    presence::{Change, Notice, PresenceStore, Standing},
};
use async_trait::async_trait;
use futures_util::{StreamExt, TryFutureExt};
use log::Log;
use protocol::{cursor::Cursor, id::ClientId};
use record::{Member, Record};
use shared::{Membership, Shared};
use std::{
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::task::JoinSet;
use writer::{BEAT, Queue, Writer};

/// A development-wire client whose place cannot be written down for so long goes on all the same.
const POSITION_TIME: Duration = Duration::from_secs(2);

/// A node that stops does not wait longer for its last word.
const LEAVE_TIME: Duration = Duration::from_secs(2);

/// The store of a node that shares NATS with others. Its tasks end with it.
pub struct Presence {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    _tasks: JoinSet<()>,
}

/// How a node takes part.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether it tells an application who comes and goes. Where no node does, no notices are kept.
    pub tells: bool,
    /// After so many records of the log a snapshot takes their place.
    pub snapshot_every: u64,
}

impl Options {
    /// Of a node that tells an application, or not: with three nodes a snapshot every twenty minutes, or more often where
    /// much goes on. A start reads at most two such spans.
    #[must_use]
    pub const fn new(tells: bool) -> Self {
        Self { tells, snapshot_every: 2_000 }
    }
}

impl Presence {
    /// Reads what there is and joins the others. Waits for that: not to be called where the connection runs.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(connection: Connection, options: Options) -> Result<Self, OpenError> {
        let (opened, result) = mpsc::sync_channel(1);
        connection.runtime.clone().spawn(async move {
            // Nobody waits for it any more: then nobody needs it.
            let _ = opened.send(Self::join(connection, options).await);
        });
        result.recv().unwrap_or_else(|_| Err(OpenError::lasting("the connection to NATS has ended")))
    }

    async fn join(connection: Connection, options: Options) -> Result<Self, OpenError> {
        let failed = |error: log::Trouble| {
            OpenError::passing(format!(
                "who is connected cannot be read from JetStream ({error}); see that its servers are well"
            ))
        };
        let runtime = connection.runtime.clone();
        let log = patiently(|| Log::open(connection.clone())).await?;
        // Before the log is read, so that nothing falls between.
        let mut live = log.listen().await.map_err(failed)?;
        let shared = || Shared::open(log.clone(), new_member()).map_err(failed);
        let shared = patiently(shared).await?;
        let shared = Arc::new(shared);
        let queue = Arc::new(Queue::default());
        let mut tasks = JoinSet::new();
        let writer = Writer { shared: Arc::clone(&shared), queue: Arc::clone(&queue), options, new_member };
        tasks.spawn_on(writer.run(), &runtime);
        let reader = Arc::clone(&shared);
        let listening = async move {
            while let Some(message) = live.next().await {
                // What is missed here is read after the next beat at the latest.
                let Some(placed) = Log::heard(message) else { continue };
                if placed.place > *reader.applied.borrow() + 1
                    && let Err(error) = reader.catch_up(placed.place).await
                {
                    tracing::debug!(%error, "the presence log could not be read; it is tried again");
                }
                reader.take(&placed);
            }
        };
        tasks.spawn_on(listening, &runtime);
        Ok(Self { shared, queue, _tasks: tasks })
    }
}

/// Random, from the system by way of the standard library's hash keys.
fn new_member() -> Member {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

#[async_trait]
impl PresenceStore for Presence {
    fn is_shared(&self) -> bool {
        true
    }

    fn is_connected(&self, id: &ClientId) -> bool {
        self.shared.view.lock().fold.is_connected(id)
    }

    fn is_here(&self, id: &ClientId) -> bool {
        let view = self.shared.view.lock();
        view.fold.is_on(id, view.me)
    }

    /// Nobody: what was connected to this node before its start hangs on that life of it, which is waited out.
    fn here(&self) -> Vec<ClientId> {
        Vec::new()
    }

    fn is_elsewhere(&self, id: &ClientId) -> bool {
        let view = self.shared.view.lock();
        view.fold.is_elsewhere(id, view.me)
    }

    fn elsewhere(&self, after: Option<&ClientId>, limit: usize) -> Vec<ClientId> {
        let view = self.shared.view.lock();
        view.fold.elsewhere(view.me, after, limit)
    }

    fn waiting(&self) -> Vec<ClientId> {
        if self.shared.is_teller() { self.shared.view.lock().fold.waiting() } else { Vec::new() }
    }

    async fn news(&self) -> Vec<ClientId> {
        loop {
            let news = self.shared.take_news();
            if !news.is_empty() {
                return news;
            }
            self.shared.there_are_news.notified().await;
        }
    }

    async fn counted_out(&self) {
        let membership = &self.shared.membership;
        membership.send_if_modified(|now| {
            let ended = *now == Membership::Told;
            *now = if ended { Membership::Ended } else { *now };
            ended
        });
        // The sender lies beside it: it does not end.
        let _ = membership.subscribe().wait_for(|now| *now == Membership::CountedOut).await;
        membership.send_replace(Membership::Told);
    }

    async fn leave(&self, return_within: Duration) {
        let beats = u32::try_from(return_within.as_millis().div_ceil(BEAT.as_millis())).unwrap_or(u32::MAX);
        let leaving = self.queue.say(std::iter::once(Record::Leaving { beats }));
        if !matches!(tokio::time::timeout(LEAVE_TIME, leaving).await, Ok(Ok(()))) {
            tracing::warn!(
                "the other nodes could not be told that this one stops; its clients count as gone sooner"
            );
        }
    }

    /// What there is to tell comes as [`news`](PresenceStore::news).
    async fn record(&self, changes: Vec<Change>, now_ms: u64) -> Result<Vec<ClientId>, RecordError> {
        let records = changes.iter().map(|Change { id, connected }| Record::Changed {
            id: id.as_str(),
            connected: *connected,
            time_ms: now_ms,
        });
        self.queue.say(records).await.map(|()| Vec::new())
    }

    fn begin(&self, id: &ClientId) -> Option<Notice> {
        if self.shared.is_teller() { self.shared.view.lock().fold.first(id) } else { None }
    }

    async fn settle(&self, notices: Vec<Notice>) -> Vec<ClientId> {
        let records = notices
            .iter()
            .map(|notice| Record::Settled { id: notice.id.as_str(), generation: notice.generation });
        if self.queue.say(records).await.is_err() {
            tracing::warn!("told notices could not be written down; they are told again");
        }
        let view = self.shared.view.lock();
        notices.into_iter().map(|notice| notice.id).filter(|id| view.fold.is_waiting(id)).collect()
    }

    fn standing(&self) -> Standing {
        self.shared.view.lock().fold.standing()
    }

    fn position(&self, token: u128) -> Option<Cursor> {
        self.shared.view.lock().fold.position(token)
    }

    async fn keep_position(&self, token: u128, position: Cursor, expires_at: u64) {
        let (epoch, offset) = (position.epoch.0, position.offset.0);
        let keeping = self.queue.say(std::iter::once(Record::Position { token, epoch, offset, expires_at }));
        if !matches!(tokio::time::timeout(POSITION_TIME, keeping).await, Ok(Ok(()))) {
            tracing::warn!(
                "a reader's position could not be written down; another node repeats messages to it"
            );
        }
    }
}
