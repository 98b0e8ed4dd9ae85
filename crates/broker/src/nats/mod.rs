//! The broker of several equal nodes: a NATS JetStream that all of them share.
//!
//! One stream holds all messages, a channel is a subject of it, an offset is a sequence of the stream. Each node reads
//! the stream from its end on with one consumer (`feed`) and announces what it reads: so every node announces every
//! message, in the one order of the stream, and nothing can be lost in between without being noticed. What a send
//! answers was stored by JetStream, and announced here.

pub mod connect;
mod deletions;
mod durability;
mod feed;
mod history;
mod index;
mod life;
pub mod look;
mod passing;
pub mod presence;
mod publish;
mod read;
mod record;
mod stream;
mod subject;
mod word;

use crate::{
    broker::{Announce, Broker, Deletion, Health, Heard, LogStart, NodeNumber, Word},
    error::{PublishError, ReadError},
    key::{ChannelKey, KeyHasher},
    local::Durability,
    message::{Draft, History, Page, Position, Recipients, Stored},
};
use async_trait::async_trait;
use connect::{ConnectTo, Connection, OpenError, patiently};
use deletions::Deletions;
use feed::Waiting;
use index::Index;
use life::Life;
use parking_lot::RwLock;
use protocol::{
    cursor::{Cursor, Offset},
    id::ClientId,
    message::Data,
};
use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::sync::{Notify, oneshot};

/// How the nodes keep messages.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where NATS is.
    pub connect: ConnectTo,
    /// What an answered message is to survive. `fsync` is refused where it would not hold.
    pub durability: Durability,
    /// Monitoring addresses of the NATS servers (`http://host:8222`): there a start sees whether they sync.
    pub monitors: Vec<String>,
    /// The operator's word that they do.
    pub assert_synced: bool,
    /// How long messages are kept.
    pub retention: Duration,
    /// How many messages of one channel are kept.
    pub retention_messages: u32,
    /// How many bytes of all channels are kept.
    pub retention_bytes: u64,
    /// How long an Idempotency-Key holds.
    pub idempotency_window: Duration,
    /// The largest message that is sent.
    pub message_bytes_max: usize,
    /// The secret of [`KeyHasher`]: each node has its own, keys do not leave it.
    pub hash_secret: [u8; 16],
}

/// The broker on NATS. Dropped, it lets go of the connection.
pub struct Nats {
    shared: Arc<Shared>,
    /// Ends the thread that carries the connection.
    _stop: oneshot::Sender<()>,
}

/// What the feed, senders and readers share.
struct Shared {
    options: Options,
    connection: Connection,
    hasher: KeyHasher,
    number: NodeNumber,
    index: Index,
    deletions: Deletions,
    life: Life,
    /// The last announced place.
    end: RwLock<Cursor>,
    /// Sends that wait to be announced.
    waiting: Waiting,
    /// Not held: who listens holds the broker.
    announce: OnceLock<Weak<dyn Announce>>,
    /// The feed is to look at the stream anew.
    disturbed: Notify,
    closing: AtomicBool,
    kept_bytes: AtomicU64,
}

impl Nats {
    /// Connects, makes the stream if it is not there, and reads what a node must know. The connection lives on a thread
    /// of its own.
    ///
    /// # Errors
    /// [`OpenError`], a sentence that says what to do.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let (opened, result) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    return drop(opened.send(Err(OpenError::lasting(format!("no runtime: {error}")))));
                }
            };
            runtime.block_on(async {
                let shared = Shared::open(options).await;
                let is_open = shared.is_ok();
                if opened.send(shared).is_ok() && is_open {
                    // An error is the end as well: the broker is gone.
                    let _ = stopped.await;
                }
            });
            // Tasks that still wait for NATS do not hold up the end.
            runtime.shutdown_background();
        };
        let spawned = thread::Builder::new().name("nats".into()).spawn(run);
        spawned.map_err(|error| OpenError::lasting(format!("no thread for NATS: {error}")))?;
        let shared = result.recv().unwrap_or_else(|_| Err(OpenError::lasting("opening NATS panicked")))?;
        Ok(Self { shared, _stop: stop })
    }

    /// The connection, for what else the nodes share.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.shared.connection
    }
}

impl Shared {
    async fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let connection = patiently(|| Connection::open(&options.connect)).await?;
        patiently(|| durability::check(&connection, &options)).await?;
        let info = patiently(|| stream::open(&connection, &options)).await?;
        let (life, epoch) = patiently(|| Life::open(&connection, &options, info.clone())).await?;
        let passed = passing::listen(&connection).await?;
        let number = word::new_number();
        let words = word::listen(&connection, number).await?;
        let shared = Arc::new(Self {
            hasher: KeyHasher::new(&options.hash_secret),
            number,
            index: Index::new(),
            deletions: patiently(|| Deletions::open(&connection)).await?,
            life,
            end: RwLock::new(Cursor::new(epoch, Offset(info.state.last_sequence))),
            waiting: Waiting::default(),
            announce: OnceLock::new(),
            disturbed: Notify::new(),
            closing: AtomicBool::new(false),
            kept_bytes: AtomicU64::new(info.state.bytes),
            connection,
            options,
        });
        shared.connection.runtime.spawn(passing::hear(Arc::downgrade(&shared), passed));
        shared.connection.runtime.spawn(word::hear(Arc::downgrade(&shared), words));
        deletions::watch(&shared).await?;
        patiently(|| feed::look_back(&shared, &info)).await?;
        tracing::info!(epoch = %epoch, messages = info.state.messages, "the stream is open");
        Ok(shared)
    }

    fn end(&self) -> Cursor {
        *self.end.read()
    }

    /// Tells who listens, if anybody does.
    fn announce<T>(&self, tell: impl FnOnce(&dyn Announce) -> T) -> Option<T> {
        let announce = self.announce.get().and_then(Weak::upgrade);
        announce.map(|announce| tell(&*announce))
    }

    /// The subject of a channel.
    fn subject(&self, id: &ClientId) -> String {
        let mut subject = self.connection.names.message_root();
        subject::push_token(&mut subject, id);
        subject
    }

    /// Whether sends can be taken now.
    fn ready(&self) -> Result<(), PublishError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(PublishError::Stopping);
        }
        if self.connection.is_connected() { Ok(()) } else { Err(PublishError::Away) }
    }
}

#[async_trait]
impl Broker for Nats {
    fn attach(&self, announce: Weak<dyn Announce>) {
        assert!(self.shared.announce.set(announce).is_ok(), "a broker is attached once");
        let runtime = &self.shared.connection.runtime;
        runtime.spawn(feed::run(Arc::downgrade(&self.shared)));
        runtime.spawn(life::watch(Arc::downgrade(&self.shared)));
    }

    fn key(&self, id: &ClientId) -> ChannelKey {
        self.shared.hasher.channel(id)
    }

    fn end(&self) -> Cursor {
        self.shared.end()
    }

    fn start(&self) -> LogStart {
        let offset = self.shared.index.floor();
        // When what lies below was stored is not known here; the stream is asked.
        LogStart { offset, time_ms: if offset.0 == 0 { 0 } else { u64::MAX } }
    }

    async fn publish(&self, draft: Draft, now_ms: u64) -> Result<Stored, PublishError> {
        let mut results = publish::publish(&self.shared, std::slice::from_ref(&draft), now_ms).await;
        results.pop().unwrap_or(Err(PublishError::OutcomeUnknown))
    }

    async fn publish_many(&self, drafts: Vec<Draft>, now_ms: u64) -> Vec<Result<Stored, PublishError>> {
        publish::publish(&self.shared, &drafts, now_ms).await
    }

    async fn pass(&self, to: Recipients, data: Data) -> Result<(), PublishError> {
        passing::pass(&self.shared, &to, &data).await
    }

    // Every node hears of every channel.
    fn follow(&self, _id: &ClientId, _key: ChannelKey) {}

    fn unfollow(&self, _id: &ClientId, _key: ChannelKey) {}

    async fn newest(&self, _id: &ClientId, key: ChannelKey) -> Result<Offset, ReadError> {
        Ok(self.shared.index.newest(key).unwrap_or_default())
    }

    async fn history(
        &self,
        id: &ClientId,
        key: ChannelKey,
        position: Position,
        page: Page,
        now_ms: u64,
    ) -> Result<History, ReadError> {
        history::read(&self.shared, id, key, position, page, now_ms).await
    }

    async fn delete(&self, id: &ClientId, key: ChannelKey, now_ms: u64) -> Result<Deletion, PublishError> {
        deletions::delete(&self.shared, id, key, now_ms).await
    }

    fn deletion(&self, key: ChannelKey) -> Option<Deletion> {
        self.shared.deletions.of(key).map(|known| known.deletion)
    }

    fn node(&self) -> Option<NodeNumber> {
        Some(self.shared.number)
    }

    async fn hand_over(&self, to: NodeNumber, word: Word) -> Result<Heard, PublishError> {
        word::hand_over(&self.shared, to, &word).await
    }

    fn tick(&self, now_ms: u64) {
        self.shared.deletions.forget(now_ms);
    }

    fn health(&self) -> Health {
        if self.shared.connection.is_connected() {
            Health::Good
        } else {
            Health::Refusing(PublishError::Away)
        }
    }

    fn kept_bytes(&self) -> u64 {
        self.shared.kept_bytes.load(Ordering::Relaxed)
    }

    async fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        // What was handed over goes out; whether it was stored, its sender hears. NATS may be away for good.
        let _ = tokio::time::timeout(connect::CALL_TIME, self.shared.connection.client.flush()).await;
    }
}
