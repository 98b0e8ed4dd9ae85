//! What a node says: one batch at a time, in order, again until it is in the log. Each is a sign of life as well.

use super::{
    Options,
    fold::Fold,
    log::Trouble,
    record::{self, Head, Member, Record},
    shared::{Membership, Shared},
    snapshot,
};
use crate::error::RecordError;
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, oneshot},
    time,
};

/// The common rhythm; see [`super::members`] for what follows from it.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// Batches are so far apart: what comes meanwhile goes together.
const PAUSE: Duration = Duration::from_millis(20);

/// A batch is no larger, unless one record is.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// What waits while NATS is away is no more than this.
const QUEUE_BYTES_MAX: usize = 64 << 20;

/// Looking for the log takes no longer, and coming as far as the own last word: with a leader that is gone each call waits
/// for an answer that never comes, and whoever waits says nothing, until the others count it out.
const ENSURE_TIME: Duration = Duration::from_secs(1);
const REACH_TIME: Duration = Duration::from_secs(4);

/// A batch that failed is said again after this.
const RETRY: Duration = Duration::from_millis(250);

/// After so many tries, or beats' times, in a row this node tells the application nothing more: before the others can
/// have counted it out.
const MISSES_MAX: u32 = 2;

/// What waits to be said.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Nothing is taken: this node does not count.
    closed: bool,
}

/// Encoded records of one caller.
struct Entry {
    records: Vec<Vec<u8>>,
    bytes: usize,
    /// With the last of its entries.
    done: Option<oneshot::Sender<Result<(), RecordError>>>,
}

impl Queue {
    /// Has records said; returns when they are folded here.
    pub(super) async fn say(&self, records: impl Iterator<Item = Record<'_>>) -> Result<(), RecordError> {
        let mut entries = vec![Entry { records: Vec::new(), bytes: 0, done: None }];
        for record in records {
            let record = record.encode();
            match entries.last_mut() {
                Some(entry) if entry.bytes + record.len() <= BATCH_BYTES_MAX => {
                    entry.bytes += record.len();
                    entry.records.push(record);
                }
                _ => entries.push(Entry { bytes: record.len(), records: vec![record], done: None }),
            }
        }
        let (done, answer) = oneshot::channel();
        entries.last_mut().expect("there is one from the beginning").done = Some(done);
        {
            let mut waiting = self.waiting.lock();
            let bytes: usize = entries.iter().map(|entry| entry.bytes).sum();
            if waiting.closed || waiting.bytes + bytes > QUEUE_BYTES_MAX {
                return Err(RecordError::Away);
            }
            waiting.bytes += bytes;
            waiting.entries.extend(entries);
        }
        self.changed.notify_one();
        answer.await.unwrap_or(Err(RecordError::Away))
    }

    /// As much as goes into one batch.
    fn take(&self) -> Vec<Entry> {
        let mut waiting = self.waiting.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = waiting.entries.pop_front() {
            if !taken.is_empty() && bytes + entry.bytes > BATCH_BYTES_MAX {
                waiting.entries.push_front(entry);
                break;
            }
            bytes += entry.bytes;
            taken.push(entry);
        }
        waiting.bytes -= bytes;
        taken
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().entries.is_empty()
    }

    /// Refuses what waits, and all that comes until it is opened again.
    fn close(&self) {
        let refused =
            std::mem::replace(&mut *self.waiting.lock(), Waiting { closed: true, ..Waiting::default() });
        answer(refused.entries.into(), Err(RecordError::Away));
    }

    fn open(&self) {
        self.waiting.lock().closed = false;
    }
}

fn answer(entries: Vec<Entry>, result: Result<(), RecordError>) {
    for done in entries.into_iter().filter_map(|entry| entry.done) {
        // Whoever does not wait any more does not want to know.
        let _ = done.send(result);
    }
}

/// See the module.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Arc<Queue>,
    pub(super) options: Options,
    /// Makes a name for each of this node's lives.
    pub(super) new_member: fn() -> Member,
}

impl Writer {
    /// Speaks for as long as the node runs.
    pub(super) async fn run(self) {
        loop {
            self.live().await;
            self.shared.set_in_touch(false);
            self.queue.close();
            tracing::warn!(
                "the other nodes heard nothing of this one for too long and count it as gone; its sockets are told to come back"
            );
            self.shared.membership.send_replace(Membership::CountedOut);
            let mut membership = self.shared.membership.subscribe();
            // The sender is right here: it does not end.
            let _ = membership.wait_for(|membership| *membership == Membership::Ended).await;
            self.shared.view.lock().me = (self.new_member)();
            self.queue.open();
            self.shared.membership.send_replace(Membership::Counts);
        }
    }

    /// One life: until the others do not count this node any more.
    async fn live(&self) {
        let member = self.shared.view.lock().me;
        let mut beats = time::interval(BEAT);
        beats.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut snapshot_at = *self.shared.applied.borrow() + self.options.snapshot_every;
        for number in 0.. {
            let beat = tokio::select! {
                biased;
                _ = beats.tick() => true,
                () = self.queue.changed.notified(), if number > 0 => false,
            };
            let entries = if number > 0 { self.queue.take() } else { Vec::new() };
            let head = Head { member, number, tells: self.options.tells, beat };
            let records: Vec<Vec<u8>> =
                entries.iter().flat_map(|entry| entry.records.iter().cloned()).collect();
            let counts = self.speak(head, record::encode(head, &records)).await;
            answer(entries, if counts { Ok(()) } else { Err(RecordError::Away) });
            if !counts {
                return;
            }
            if beat {
                // One that took long is not followed by the next at once: the silence of others is counted in them.
                beats.reset();
            }
            self.shared.set_in_touch(true);
            if *self.shared.applied.borrow() >= snapshot_at && self.keeps_house(member) {
                snapshot_at = *self.shared.applied.borrow() + self.options.snapshot_every;
                self.spawn_snapshot(member);
            }
            if !beat {
                time::sleep(PAUSE).await;
            }
            if !self.queue.is_empty() {
                self.queue.changed.notify_one();
            }
        }
    }

    /// Says a batch until it is in the log and folded here; whether it counts.
    async fn speak(&self, head: Head, batch: Vec<u8>) -> bool {
        let batch = Bytes::from(batch);
        let mut misses = 0;
        loop {
            match self.watched(self.try_to_speak(batch.clone()), &mut misses).await {
                Ok(()) => break,
                Err(error) => {
                    self.missed(&mut misses);
                    tracing::debug!(%error, misses, "a word about presence did not get through; it is said again");
                }
            }
            // Somebody may have deleted the stream: then a new one begins.
            let making = async { time::timeout(ENSURE_TIME, self.shared.log.ensure()).await? };
            if let Err(error) = self.watched(making, &mut misses).await {
                tracing::debug!(%error, "the presence log cannot be reached");
            }
            time::sleep(RETRY).await;
        }
        self.shared.view.lock().fold.members.last(head.member) == Some(head.number)
    }

    /// Waits for something, and counts how long that takes.
    async fn watched<T>(&self, work: impl Future<Output = T>, misses: &mut u32) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = time::sleep(BEAT) => self.missed(misses),
            }
        }
    }

    /// A beat's time went by, or a try, and nothing came back.
    fn missed(&self, misses: &mut u32) {
        *misses += 1;
        if *misses == MISSES_MAX {
            self.shared.set_in_touch(false);
        }
    }

    async fn try_to_speak(&self, batch: Bytes) -> Result<(), Trouble> {
        let before = *self.shared.applied.borrow();
        let place = self.shared.log.append(batch).await?;
        if place <= before {
            let (_, log) = time::timeout(ENSURE_TIME, self.shared.log.ensure()).await??;
            tracing::error!("the presence log began anew: who was connected is found out again");
            self.shared.replace(Fold::default(), 0, log);
        }
        time::timeout(REACH_TIME, self.shared.reach(place)).await?
    }

    fn keeps_house(&self, member: Member) -> bool {
        self.shared.view.lock().fold.members.keeper() == Some(member)
    }

    /// Beside the beats, which must not wait for it.
    fn spawn_snapshot(&self, member: Member) {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let (place, log, parts) = {
                let view = shared.view.lock();
                (view.place, view.log, snapshot::encode(&view.fold))
            };
            if let Err(error) = snapshot::save(&shared.log, log, place, member, parts).await {
                tracing::warn!(%error, "the presence log could not be shortened; it goes on growing, and is tried again");
            }
        });
    }
}
