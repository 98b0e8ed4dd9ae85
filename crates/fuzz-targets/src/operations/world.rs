//! The hub that all runs share, and what was done to a run's own channels.

use broker::{
    broker::Broker,
    key::ChannelKey,
    local::{Durability, Local, Options},
    message::{Draft, Origin, Recipients},
};
use delivery::{
    clock::Clock,
    edge::{self, EdgeHandle},
    hub::{Hub, Limits},
    open::Opened,
    stream::Stream,
};
use journal::MemoryDisk;
use protocol::{
    cursor::{Cursor, Offset},
    id::ClientId,
    message::Data,
    token::{Grant, Keyring},
};
use std::{
    net::{TcpListener, TcpStream},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// A few more than a burst: two of them are more than a channel keeps.
pub(super) const KEPT_MAX: u32 = 1500;

/// So little that bursts leave it, and readers need the broker.
const TAIL_BYTES: usize = 64 * 1024;

/// How long tokens live.
const TOKEN_SECONDS: u64 = 3600;

/// Everything that outlives a run. Channels do not: each run has its own.
pub(super) struct World {
    pub(super) hub: Arc<Hub>,
    pub(super) runtime: Runtime,
    listener: TcpListener,
    adoptions: mpsc::Sender<(TcpStream, Opened)>,
    /// Makes channels, tokens and messages differ.
    count: AtomicU64,
}

/// A message as it was sent.
pub(super) struct Sent {
    pub(super) offset: Offset,
    pub(super) text: String,
    /// It has a time to live: whether it still comes is a matter of time.
    pub(super) may_expire: bool,
}

/// One channel, and all that was ever sent to it.
pub(super) struct Channel {
    pub(super) id: ClientId,
    pub(super) key: ChannelKey,
    /// Kept or not, oldest first.
    pub(super) sent: Vec<Sent>,
    /// Messages that nobody keeps.
    pub(super) passed: Vec<String>,
    /// Up to here it was deleted.
    pub(super) deleted_at: Offset,
}

impl World {
    /// The one of this process.
    pub(super) fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(World::new)
    }

    fn new() -> Self {
        let options = Options {
            durability: Durability::Memory,
            retention: Duration::from_secs(7200),
            retention_messages: KEPT_MAX,
            retention_bytes: 8 << 20,
            idempotency_keys: 1000,
            hash_secret: [7; 16],
            accept_loss: false,
            new_epoch: false,
            boot_id: String::new(),
            new_epoch_number: None,
        };
        let clock = Clock::start();
        let (disk, ledger) = (Arc::new(MemoryDisk::new()), Arc::new(MemoryDisk::new()));
        let (local, _) = Local::open(disk, ledger, options, clock.now_ms()).expect("memory opens");
        let secret = b"a-secret-of-at-least-32-bytes-for-fuzzing".to_vec();
        let keyring = Keyring::new(&[("first".into(), secret)]).expect("the secret is long enough");
        let limits = Limits {
            sockets_per_client: 1000,
            sockets_per_address: 1000,
            messages_per_channel: KEPT_MAX,
            tail_bytes: TAIL_BYTES,
        };
        let edges = vec![EdgeHandle::new(0)];
        let hub = Hub::new(Arc::new(local), keyring, clock, limits, edges.clone());
        let (adoptions, adopted) = mpsc::channel::<(TcpStream, Opened)>(16);
        let adopted = Arc::new(tokio::sync::Mutex::new(adopted));
        edge::spawn(&hub, &edges, move |edge| {
            let adopted = Arc::clone(&adopted);
            async move {
                while let Some((stream, opened)) = adopted.lock().await.recv().await {
                    edge.adopt(Stream::plain(stream), opened, b"", &mut []);
                }
            }
        })
        .expect("an edge thread starts");
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        let runtime = runtime.expect("a runtime starts");
        // libFuzzer's own `main` leaves the signal that ends whoever writes to a closed connection in force.
        let taken = runtime.block_on(async { signal(SignalKind::pipe()) });
        drop(taken.expect("signals can be taken"));
        Self {
            hub,
            runtime,
            listener: TcpListener::bind("127.0.0.1:0").expect("a port is free"),
            adoptions,
            count: AtomicU64::new(0),
        }
    }

    /// A number that was never given.
    pub(super) fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn broker(&self) -> &dyn Broker {
        &*self.hub.broker
    }

    /// A channel that nobody has used.
    pub(super) fn channel(&self) -> Channel {
        let id: ClientId = format!("channel-{}", self.next()).parse().expect("a client id");
        let key = self.broker().key(&id);
        Channel { id, key, sent: Vec::new(), passed: Vec::new(), deleted_at: Offset(0) }
    }

    /// What a new token of a channel grants.
    pub(super) fn grant(&self, channel: &Channel) -> Grant {
        let issued_at = self.hub.clock.now_ms() / 1000;
        let start: Option<Cursor> = Some(self.broker().end());
        Grant { client_id: channel.id.clone(), issued_at, expires_at: issued_at + TOKEN_SECONDS, start }
    }

    pub(super) fn sign(&self, grant: &Grant) -> String {
        self.hub.keyring.read().sign(grant, &self.next().to_string())
    }

    /// A connection whose other end is given to the edge together with the socket.
    pub(super) fn connect(&self, opened: Opened) -> TcpStream {
        let address = self.listener.local_addr().expect("it is bound");
        let ours = TcpStream::connect(address).expect("it listens");
        let (theirs, _) = self.listener.accept().expect("it was connected to");
        theirs.set_nonblocking(true).expect("a connection can");
        // Thousands of runs a second must not leave as many connections behind in the kernel.
        let reset = socket2::SockRef::from(&ours).set_linger(Some(Duration::ZERO));
        reset.expect("a connection can");
        self.adoptions.try_send((theirs, opened)).map_err(drop).expect("the edge takes them as they come");
        ours
    }

    /// Sends one message to all of these channels.
    pub(super) fn publish(&self, channels: &mut [Channel], bytes: usize, ttl_seconds: u32) {
        self.send(channels, bytes, ttl_seconds, None);
    }

    /// Sends a message again with its key: it is stored once.
    pub(super) fn publish_twice(&self, channel: &mut Channel) {
        let key = format!("key-{}", self.next());
        let channels = std::slice::from_mut(channel);
        self.send(channels, 1, 0, Some(&key));
        let sent = channels[0].sent.last().expect("it was just sent");
        let draft = draft(channels, sent.text.clone(), 0, Some(&key));
        let again = self.runtime.block_on(self.broker().publish(draft, self.hub.clock.now_ms()));
        let again = again.expect("memory takes it");
        assert!(again.repeated && again.offset == sent.offset, "{again:?}");
    }

    fn send(&self, channels: &mut [Channel], bytes: usize, ttl_seconds: u32, key: Option<&str>) {
        let text = format!("{}:{}", self.next(), "x".repeat(bytes));
        let draft = draft(channels, text.clone(), ttl_seconds, key);
        let stored = self.runtime.block_on(self.broker().publish(draft, self.hub.clock.now_ms()));
        let stored = stored.expect("memory takes it");
        for channel in channels {
            let before = channel.sent.last().map_or(channel.deleted_at, |sent| sent.offset);
            assert!(stored.offset > before, "offsets rise: {} after {before}", stored.offset);
            let may_expire = ttl_seconds != 0;
            channel.sent.push(Sent { offset: stored.offset, text: text.clone(), may_expire });
        }
    }

    /// Sends a message that nobody keeps.
    pub(super) fn pass(&self, channel: &mut Channel) {
        let text = format!("passing-{}", self.next());
        let data = Data::Text(text.clone().into());
        let passing = self.broker().pass(Recipients::One(channel.id.clone()), data);
        self.runtime.block_on(passing).expect("nobody has to take it");
        channel.passed.push(text);
    }

    pub(super) fn delete(&self, channel: &mut Channel) {
        let deleting = self.broker().delete(&channel.id, channel.key, self.hub.clock.now_ms());
        let deletion = self.runtime.block_on(deleting).expect("memory takes it");
        channel.deleted_at = deletion.at.offset;
    }

    /// Time passes for the broker; now and then so much that it forgets everything.
    pub(super) fn tick(&self, argument: usize) {
        // Forgetting takes a few rounds.
        let (hours, rounds) = if argument > 200 { (25, 32) } else { (0, 1) };
        let now_ms = self.hub.clock.now_ms() + hours * 3_600_000;
        (0..rounds).for_each(|_| self.broker().tick(now_ms));
    }
}

impl Channel {
    /// What was sent at a place.
    pub(super) fn at(&self, offset: Offset) -> Option<&Sent> {
        let index = self.sent.binary_search_by_key(&offset, |sent| sent.offset).ok()?;
        self.sent.get(index)
    }

    /// What surely has to come to whoever has had everything up to `after`, up to `upto`.
    pub(super) fn due(&self, after: Offset, upto: Offset) -> impl Iterator<Item = &Sent> {
        let from = self.sent.partition_point(|sent| sent.offset <= after);
        self.sent[from..].iter().take_while(move |sent| sent.offset <= upto).filter(|sent| !sent.may_expire)
    }
}

fn draft(channels: &[Channel], text: String, ttl_seconds: u32, key: Option<&str>) -> Draft {
    let to = match channels {
        [channel] => Recipients::One(channel.id.clone()),
        channels => Recipients::Many(channels.iter().map(|channel| channel.id.clone()).collect()),
    };
    Draft {
        to,
        data: Data::Text(text.into()),
        ttl_seconds,
        idempotency_key: key.map(Into::into),
        origin: Origin::default(),
    }
}
