//! What every presence store does, and what is only true of nodes that share one.
#![allow(clippy::unwrap_used, reason = "helpers of tests may")]
#![allow(clippy::disallowed_methods, reason = "tests ask what time it is and use files")]

mod contract;
#[path = "../support/nats_server.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod nats_server;
mod nodes;

use broker::{
    local::{Durability, Local, Options},
    nats::{
        connect::{ConnectTo, Connection, Login},
        presence::{self, Presence},
    },
    presence::{Change, Notice, PresenceStore},
};
use journal::{Disk, MemoryDisk};
use nats_server::NatsServer;
use protocol::id::ClientId;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// The clock of the suite, in milliseconds since 1970.
pub(crate) const NOON: u64 = 1_800_000_000_000;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A node of the presence on NATS, with threads of its own, as in a process of its own. Dropped, it is dead.
pub(crate) struct Node {
    pub(crate) store: Arc<Presence>,
    pub(crate) runtime: Option<Runtime>,
}

impl Node {
    pub(crate) fn start(server: &NatsServer) -> Self {
        Self::with(server, presence::Options::new(true))
    }

    pub(crate) fn with(server: &NatsServer, options: presence::Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let to = ConnectTo {
            servers: vec![server.url()],
            login: Login::None,
            tls: false,
            tls_ca: None,
            prefix: "downlink".into(),
            replicas: 1,
        };
        let connection = runtime.block_on(async move { Connection::open(&to).await }).unwrap();
        let store = Arc::new(Presence::open(connection, options).unwrap());
        Self { store, runtime: Some(runtime) }
    }

    pub(crate) fn record(&self, changes: &[(&str, bool)]) {
        let changes = changes.iter().map(|(id, connected)| change(id, *connected)).collect();
        self.block_on(self.store.record(changes, NOON)).unwrap();
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Takes the next notice of a client id that this node is to tell, as soon as there is one.
    pub(crate) fn tell(&self, of: &str) -> Notice {
        let notice = until("a notice", || self.store.begin(&id(of)));
        self.block_on(self.store.settle(vec![notice.clone()]));
        notice
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until something is so.
pub(crate) fn until_so(what: &str, mut so: impl FnMut() -> bool) {
    until(what, || so().then_some(()));
}

pub(crate) fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

pub(crate) fn change(of: &str, connected: bool) -> Change {
    Change { id: id(of), connected }
}

/// A store on a machine's own disk.
fn local(ledger: &Arc<MemoryDisk>) -> Arc<Local> {
    let options = Options {
        durability: Durability::Fsync,
        retention: Duration::from_secs(7_200),
        retention_messages: 1_000,
        retention_bytes: 1 << 30,
        idempotency_keys: 1_000,
        hash_secret: [7; 16],
        accept_loss: false,
        new_epoch: false,
        boot_id: "boot".into(),
        new_epoch_number: None,
    };
    let ledger = Arc::clone(ledger) as Arc<dyn Disk>;
    Arc::new(Local::open(Arc::new(MemoryDisk::new()), ledger, options, NOON).unwrap().0)
}
