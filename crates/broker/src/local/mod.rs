//! The broker of a single node: a journal on this machine.
//!
//! With the durabilities `memory` and `os` the publishing thread numbers, writes and announces inline, under the log's
//! lock. With `fsync` a writer thread takes all that waits, without lingering, writes once, syncs once, announces and
//! answers (`group_commit`). Both go through one `commit`.

mod book;
mod commit;
mod group_commit;
mod history;
mod idempotency;
mod plan;

use crate::{
    broker::{Announce, Broker, Deletion, Flush, Health, LogStart, in_turns},
    error::{PublishError, ReadError, RecordError},
    key::{ChannelKey, KeyHasher},
    message::{Draft, History, Page, Passing, Position, Recipients, Stored},
    presence::{Change, Notice, PresenceStore, Standing},
};
use async_trait::async_trait;
use book::Book;
use commit::Log;
use group_commit::Queue;
use idempotency::Idempotency;
use journal::{Disk, Reader};
use parking_lot::Mutex;
use plan::Plans;
use protocol::{
    cursor::{Cursor, Epoch, Offset},
    id::ClientId,
    message::Data,
};
use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// What survives, and thereby how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives power loss: synced before it is answered.
    Fsync,
    /// Survives the process being killed: handed to the kernel before it is answered.
    Os,
    /// Survives nothing: each start is a new epoch.
    Memory,
}

/// How the local broker keeps messages.
#[derive(Clone, Debug)]
pub struct Options {
    /// What survives.
    pub durability: Durability,
    /// How long messages are kept.
    pub retention: Duration,
    /// How many messages of one channel are kept.
    pub retention_messages: u32,
    /// How many bytes of all channels are kept.
    pub retention_bytes: u64,
    /// How many Idempotency-Keys are remembered.
    pub idempotency_keys: usize,
    /// The secret of [`KeyHasher`]; the same for the whole life of the log.
    pub hash_secret: [u8; 16],
    /// Start although messages are lost; begins a new epoch.
    pub accept_loss: bool,
    /// Begin a new epoch, for a restored backup.
    pub new_epoch: bool,
    /// Tells one boot of the kernel from another.
    pub boot_id: String,
    /// The number of a new epoch, should one begin; a random one if none is named.
    pub new_epoch_number: Option<u32>,
}

/// The local broker.
pub struct Local {
    shared: Arc<Shared>,
    writer_thread: Mutex<Option<JoinHandle<()>>>,
}

/// What publishers, the writer thread and readers share.
struct Shared {
    options: Options,
    epoch: Epoch,
    hasher: KeyHasher,
    reader: Reader,
    /// The one writer, and what must change together with it.
    log: Mutex<Log>,
    /// What is remembered beside messages.
    book: Book,
    /// The last offset that may be read: stored, and synced if it must be. Raised before a message is announced, so
    /// that a channel that is opened meanwhile, and was not there to be told, finds the message when it asks.
    readable: AtomicU64,
    /// The last announced offset. Raised after a message is announced, so that whoever reads it, and then the newest
    /// message of a channel, has missed nothing up to here.
    announced: AtomicU64,
    /// Not held: who listens holds the broker.
    announce: OnceLock<Weak<dyn Announce>>,
    queue: Queue,
    /// Nothing happens on other threads; see [`Local::open_stepwise`].
    stepwise: bool,
    /// What readers in pages have before them.
    plans: Plans,
    /// Why messages are refused, if they are.
    health: Mutex<Health>,
    /// Whether they are: every publisher looks, and a lock is a line of the cache that they would take from each other.
    refusing: AtomicBool,
}

/// What a start found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Bytes of a torn tail that were cut: written, but never answered as stored.
    pub torn_bytes: u64,
    /// Whether a new epoch began.
    pub new_epoch: bool,
}

impl Local {
    /// Opens the journal on `disk`, the presence ledger on one of its own, and starts the writer thread, if the durability has one.
    ///
    /// # Errors
    /// A sentence that says what to do: the directory is in use, the journal is damaged, the disk fails.
    pub fn open(
        disk: Arc<dyn Disk>,
        ledger_disk: Arc<dyn Disk>,
        options: Options,
        now_ms: u64,
    ) -> Result<(Self, Recovery), journal::OpenError> {
        let (local, recovery) = Self::open_stepwise(disk, ledger_disk, options, now_ms)?;
        Ok((local.on_threads(), recovery))
    }

    /// Like [`open`](Self::open), but nothing happens on other threads: what is sent with `fsync` waits for [`step`](Self::step),
    /// and everything else is done where it is asked for. For simulations, in which a seed decides what happens when.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_stepwise(
        disk: Arc<dyn Disk>,
        ledger_disk: Arc<dyn Disk>,
        options: Options,
        now_ms: u64,
    ) -> Result<(Self, Recovery), journal::OpenError> {
        let Options { durability, accept_loss, retention, .. } = options;
        let book = Book::open(ledger_disk, durability, accept_loss, retention, now_ms)?;
        let opened = journal::open(disk, commit::journal_options(&options), now_ms)?;
        let recovery =
            Recovery { torn_bytes: opened.report.torn_bytes, new_epoch: opened.report.epoch_is_new };
        let idempotency = Idempotency::recover(options.idempotency_keys, &opened.report.idempotency);
        let shared = Shared {
            stepwise: true,
            epoch: Epoch(opened.epoch),
            hasher: KeyHasher::new(&options.hash_secret),
            readable: AtomicU64::new(opened.reader.end().0),
            announced: AtomicU64::new(opened.reader.end().0),
            reader: opened.reader,
            book,
            log: Mutex::new(Log::new(opened.writer, idempotency)),
            announce: OnceLock::new(),
            queue: Queue::default(),
            plans: Plans::default(),
            health: Mutex::new(Health::Good),
            refusing: AtomicBool::new(false),
            options,
        };
        Ok((Self { shared: Arc::new(shared), writer_thread: Mutex::default() }, recovery))
    }

    /// Starts the writer thread, if the durability has one, and lets other threads read.
    fn on_threads(mut self) -> Self {
        Arc::get_mut(&mut self.shared).expect("nobody shares it yet").stepwise = false;
        if self.shared.options.durability == Durability::Fsync {
            *self.writer_thread.lock() = Some(group_commit::spawn(Arc::clone(&self.shared)));
        }
        self
    }

    /// Does what the writer thread does: writes, syncs and announces all that waits. Whether there was anything.
    pub fn step(&self) -> bool {
        group_commit::step(&self.shared)
    }
}

impl Shared {
    /// Tells who listens, if anybody still does.
    fn announce<T>(&self, tell: impl FnOnce(&dyn Announce) -> T) -> Option<T> {
        let announce = self.announce.get().expect("attached before the first publish");
        announce.upgrade().map(|announce| tell(&*announce))
    }

    /// How far readers may look: what lies beyond may not be synced.
    fn readable(&self) -> Offset {
        Offset(self.readable.load(Ordering::Acquire))
    }

    /// Work for the disk, away from the threads that serve. `None` if it panicked.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Option<T> {
        if self.stepwise {
            return Some(work(self));
        }
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&shared)).await.ok()
    }

    fn inline(&self) -> bool {
        self.options.durability != Durability::Fsync
    }
}

#[async_trait]
impl Broker for Local {
    fn attach(&self, announce: Weak<dyn Announce>) {
        assert!(self.shared.announce.set(announce).is_ok(), "a broker is attached once");
    }

    fn key(&self, id: &ClientId) -> ChannelKey {
        self.shared.hasher.channel(id)
    }

    fn end(&self) -> Cursor {
        Cursor::new(self.shared.epoch, Offset(self.shared.announced.load(Ordering::Acquire)))
    }

    fn start(&self) -> LogStart {
        let start = self.shared.reader.start();
        LogStart { offset: Offset(start.offset.0), time_ms: start.time_ms }
    }

    async fn publish(&self, draft: Draft, now_ms: u64) -> Result<Stored, PublishError> {
        if self.shared.inline() {
            let result = self.shared.log.lock().commit_one(&self.shared, draft, now_ms);
            self.shared.announce(|announce| announce.flush(Flush::Here));
            return result;
        }
        // An answer gets lost only with the thread that was to give it.
        self.shared.queue.send(draft, now_ms)?.await.unwrap_or(Err(PublishError::OutcomeUnknown))
    }

    async fn publish_many(&self, mut drafts: Vec<Draft>, now_ms: u64) -> Vec<Result<Stored, PublishError>> {
        if self.shared.inline() {
            let results = self.shared.log.lock().commit(&self.shared, &mut drafts, now_ms);
            self.shared.announce(|announce| announce.flush(Flush::Here));
            return results;
        }
        // All are queued before the first is awaited, so that they share a sync.
        let queued: Vec<_> = drafts.into_iter().map(|draft| self.shared.queue.send(draft, now_ms)).collect();
        let mut results = Vec::with_capacity(queued.len());
        for answer in queued {
            results.push(match answer {
                Ok(answer) => answer.await.unwrap_or(Err(PublishError::OutcomeUnknown)),
                Err(refused) => Err(refused),
            });
        }
        results
    }

    async fn pass(&self, to: Recipients, data: Data) -> Result<(), PublishError> {
        let keys = to.ids().iter().map(|id| self.shared.hasher.channel(id)).collect();
        let message = Passing { data, keys };
        in_turns(|from| self.shared.announce(|announce| announce.pass(&message, from))?).await;
        Ok(())
    }

    fn follow(&self, _id: &ClientId, _key: ChannelKey) {}

    fn unfollow(&self, _id: &ClientId, _key: ChannelKey) {}

    async fn newest(&self, _id: &ClientId, key: ChannelKey) -> Result<Offset, ReadError> {
        let newest =
            self.shared.reader.newest(journal::Key(key.0), journal::Offset(self.shared.readable().0));
        Ok(newest.map_or(Offset(0), |place| Offset(place.offset.0)))
    }

    async fn history(
        &self,
        _id: &ClientId,
        key: ChannelKey,
        position: Position,
        page: Page,
        now_ms: u64,
    ) -> Result<History, ReadError> {
        if self.shared.options.durability == Durability::Memory {
            return history::read(&self.shared, key, position, page, now_ms);
        }
        // A bounded pool reads the disk; a socket's thread never waits for it.
        let reading = self.shared.blocking(move |shared| history::read(shared, key, position, page, now_ms));
        reading.await.unwrap_or_else(|| Err(ReadError("reading panicked".into())))
    }

    async fn delete(&self, _id: &ClientId, key: ChannelKey, now_ms: u64) -> Result<Deletion, PublishError> {
        let deleting = self.shared.blocking(move |shared| {
            let deletion = shared.log.lock().mark_deletion(shared, key, now_ms)?;
            shared.book.delete(key, deletion).map_err(|error| match error {
                RecordError::Full => PublishError::DiskFull,
                RecordError::Failed | RecordError::Away => PublishError::OutcomeUnknown,
            })?;
            shared.announce(|announce| announce.deleted(key));
            Ok(deletion)
        });
        deleting.await.unwrap_or(Err(PublishError::OutcomeUnknown))
    }

    fn deletion(&self, key: ChannelKey) -> Option<Deletion> {
        self.shared.book.deletion(key)
    }

    fn tick(&self, now_ms: u64) {
        self.shared.book.tick(now_ms);
        loop {
            // A statement of its own: the lock is released before the disk is used.
            let chore = self.shared.log.lock().take_chore(now_ms);
            let Some(chore) = chore else { break };
            if let Err(error) = chore.run() {
                tracing::warn!(%error, "a file of keys could not be written; the next start reads its segment instead");
                break;
            }
        }
        self.shared.log.lock().tick(now_ms);
    }

    fn health(&self) -> Health {
        self.shared.health.lock().clone()
    }

    fn kept_bytes(&self) -> u64 {
        self.shared.reader.kept_bytes()
    }

    fn kept_segments(&self) -> u64 {
        self.shared.reader.kept_segments() as u64
    }

    async fn close(&self) {
        self.shared.queue.close();
        let thread = self.writer_thread.lock().take();
        let closing = self.shared.blocking(move |shared| {
            if let Some(thread) = thread {
                // A panic there was reported when it happened; the log is closed all the same.
                let _ = thread.join();
            }
            shared.log.lock().close();
            shared.book.close();
        });
        if closing.await.is_none() {
            tracing::error!("closing the journal failed");
        }
    }
}

#[async_trait]
impl PresenceStore for Local {
    fn is_connected(&self, id: &ClientId) -> bool {
        self.shared.book.is_connected(id)
    }

    fn here(&self) -> Vec<ClientId> {
        self.shared.book.connected()
    }

    fn waiting(&self) -> Vec<ClientId> {
        self.shared.book.waiting()
    }

    async fn record(&self, changes: Vec<Change>, now_ms: u64) -> Result<Vec<ClientId>, RecordError> {
        self.shared
            .blocking(move |shared| shared.book.record(&changes, now_ms))
            .await
            .unwrap_or(Err(RecordError::Failed))
    }

    fn begin(&self, id: &ClientId) -> Option<Notice> {
        self.shared.book.begin(id)
    }

    async fn settle(&self, notices: Vec<Notice>) -> Vec<ClientId> {
        self.shared.blocking(move |shared| shared.book.settle(&notices)).await.unwrap_or_default()
    }

    fn standing(&self) -> Standing {
        self.shared.book.standing()
    }

    fn position(&self, token: u128) -> Option<Cursor> {
        self.shared.book.position(token)
    }

    async fn keep_position(&self, token: u128, position: Cursor, expires_at: u64) {
        self.shared.blocking(move |shared| shared.book.keep_position(token, position, expires_at)).await;
    }
}
