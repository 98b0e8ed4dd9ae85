//! What the suite stands on: brokers to be opened and opened again, and an ear for their announcements.

use broker::{
    broker::{Announce, Broker, Flush, Heard, Place, Word},
    key::ChannelKey,
    message::{Draft, History, Message, Page, Passing, Position, Recipients},
};
use parking_lot::Mutex;
use protocol::{cursor::Offset, id::ClientId, limits, message::Data};
use std::{pin::Pin, sync::Arc, time::Duration};

/// The clock of the suite, in milliseconds since 1970.
pub(crate) const NOON: u64 = 1_800_000_000_000;

/// A page that holds everything.
pub(crate) const ALL: Page = Page { messages: usize::MAX, bytes: usize::MAX };

/// What a test asks of its broker beside the defaults.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) retention_messages: u32,
    /// For a broker that keeps the time of its keys itself.
    pub(crate) idempotency_window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { retention_messages: 1_000, idempotency_window: limits::IDEMPOTENCY_WINDOW }
    }
}

type Opening = Pin<Box<dyn Future<Output = Arc<dyn Broker>>>>;

/// Where brokers of one kind keep their messages.
pub(crate) struct Stand {
    /// Opens a broker on it; the one before was closed.
    pub(crate) open: Box<dyn Fn(Settings) -> Opening>,
    /// Whether messages outlive the broker.
    pub(crate) keeps: bool,
    /// Whether keys and silent channels are forgotten by a clock of its own, and not by that of the suite.
    pub(crate) own_clock: bool,
}

impl Stand {
    /// A broker with an ear.
    pub(crate) async fn open(&self, settings: Settings) -> (Arc<dyn Broker>, Arc<Ear>) {
        let broker = (self.open)(settings).await;
        let ear = Arc::new(Ear::default());
        broker.attach(Arc::downgrade(&ear) as std::sync::Weak<dyn Announce>);
        (broker, ear)
    }
}

/// Hears announcements.
#[derive(Default)]
pub(crate) struct Ear {
    pub(crate) messages: Mutex<Vec<Message>>,
    pub(crate) passed: Mutex<Vec<Passing>>,
    pub(crate) deleted: Mutex<Vec<ChannelKey>>,
    /// How often a new life began.
    pub(crate) epochs: Mutex<u32>,
}

impl Announce for Ear {
    fn announce(&self, message: Message) {
        self.messages.lock().push(message);
    }

    fn flush(&self, _: Flush) {}

    fn pass(&self, message: &Passing, from: Place) -> Option<Place> {
        // The first turn ends before the first socket, as one does in the middle of many.
        if from.socket == 0 {
            return Some(Place { socket: 1, ..from });
        }
        self.passed.lock().push(message.clone());
        None
    }

    fn word(&self, _: &Word) -> Heard {
        Heard::NoSuchSocket
    }

    fn deleted(&self, key: ChannelKey) {
        self.deleted.lock().push(key);
    }

    fn new_epoch(&self) {
        *self.epochs.lock() += 1;
    }
}

impl Ear {
    /// Waits for so many announcements.
    pub(crate) async fn heard(&self, count: usize) -> Vec<Message> {
        for _ in 0..1_000 {
            if self.messages.lock().len() >= count {
                return self.messages.lock().clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} of {count} messages were announced", self.messages.lock().len());
    }
}

pub(crate) fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

pub(crate) fn draft(to: &str, text: &str) -> Draft {
    Draft {
        to: Recipients::One(id(to)),
        data: Data::Text(text.to_owned().into()),
        ttl_seconds: 0,
        idempotency_key: None,
        origin: Default::default(),
    }
}

pub(crate) fn keyed(to: &str, text: &str, key: &str) -> Draft {
    Draft { idempotency_key: Some(key.into()), ..draft(to, text) }
}

/// Publishes a text that must be stored.
pub(crate) async fn publish(broker: &Arc<dyn Broker>, to: &str, text: &str) -> Offset {
    broker.publish(draft(to, text), NOON).await.unwrap().offset
}

pub(crate) async fn read(broker: &Arc<dyn Broker>, of: &str, position: Position, page: Page) -> History {
    let of = id(of);
    broker.history(&of, broker.key(&of), position, page, NOON).await.unwrap()
}

/// After an offset of this life.
pub(crate) fn after(broker: &Arc<dyn Broker>, offset: Offset) -> Position {
    Position::After(protocol::cursor::Cursor::new(broker.end().epoch, offset))
}

pub(crate) fn texts(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| String::from_utf8(message.data.bytes().to_vec()).unwrap();
    messages.iter().map(text).collect()
}

/// The brokers of a single node.
pub(crate) mod local {
    use super::{NOON, Settings, Stand};
    use broker::{
        broker::Broker,
        local::{Durability, Local, Options},
    };
    use journal::{Disk, FileDisk, MemoryDisk};
    use std::{sync::Arc, time::Duration};

    /// A stand on two disks: the journal's and the ledger's.
    fn stand(durability: Durability, disks: impl Fn() -> [Arc<dyn Disk>; 2] + 'static) -> Stand {
        Stand {
            open: Box::new(move |settings| {
                let [journal, ledger] = disks();
                let options = options(durability, settings);
                let (broker, _) = Local::open(journal, ledger, options, NOON).unwrap();
                Box::pin(async { Arc::new(broker) as Arc<dyn Broker> })
            }),
            keeps: durability != Durability::Memory,
            own_clock: false,
        }
    }

    fn options(durability: Durability, settings: Settings) -> Options {
        Options {
            durability,
            retention: Duration::from_secs(7_200),
            retention_messages: settings.retention_messages,
            retention_bytes: 1 << 30,
            idempotency_keys: 1_000,
            hash_secret: [7; 16],
            accept_loss: false,
            new_epoch: false,
            boot_id: "boot".into(),
            new_epoch_number: None,
        }
    }

    pub(crate) fn memory() -> Stand {
        stand(Durability::Memory, || [Arc::new(MemoryDisk::new()), Arc::new(MemoryDisk::new())])
    }

    pub(crate) fn os_on_files() -> Stand {
        on_files(Durability::Os)
    }

    pub(crate) fn fsync_on_files() -> Stand {
        on_files(Durability::Fsync)
    }

    pub(crate) fn fsync_in_memory() -> Stand {
        let disks: [Arc<dyn Disk>; 2] = [Arc::new(MemoryDisk::new()), Arc::new(MemoryDisk::new())];
        stand(Durability::Fsync, move || disks.clone())
    }

    fn on_files(durability: Durability) -> Stand {
        let directory = tempfile::tempdir().unwrap();
        stand(durability, move || {
            ["journal", "presence"].map(|name| {
                let disk = FileDisk::new(directory.path().join(name)).unwrap();
                Arc::new(disk) as Arc<dyn Disk>
            })
        })
    }
}

/// Nodes on a NATS: here one.
pub(crate) mod nats {
    use super::{Settings, Stand};
    use crate::{
        nats::options,
        nats_server::{NatsCluster, NatsServer},
    };
    use broker::{
        broker::Broker,
        nats::{Nats, Options, connect::ConnectTo},
    };
    use std::sync::Arc;

    pub(crate) fn on_one_server() -> Stand {
        let server = NatsServer::start();
        on(move || options(&server))
    }

    /// Three replicas, on servers that others use too: with names of its own.
    pub(crate) fn on_three_servers(cluster: Arc<NatsCluster>, name: &str) -> Stand {
        // The longest that an operator may choose is of 32 letters.
        let prefix = name.replace('_', "").chars().take(32).collect::<String>();
        on(move || {
            let one = options(&cluster.servers[0]);
            let (servers, prefix) = (cluster.urls(), prefix.clone());
            let connect = ConnectTo { servers, prefix, replicas: 3, ..one.connect };
            Options { connect, monitors: cluster.monitors(), ..one }
        })
    }

    fn on(make: impl Fn() -> Options + 'static) -> Stand {
        Stand {
            open: Box::new(move |settings: Settings| {
                let options = Options {
                    retention_messages: settings.retention_messages,
                    idempotency_window: settings.idempotency_window,
                    ..make()
                };
                Box::pin(async { Arc::new(Nats::open(options).unwrap()) as Arc<dyn Broker> })
            }),
            keeps: true,
            own_clock: true,
        }
    }
}
