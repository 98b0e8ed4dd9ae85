//! Notices that grow old: a real store, a real application on a port, and records of yesterday.

use super::*;
use broker::{
    local::{Durability, Local, Options},
    presence::Change,
};
use journal::MemoryDisk;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

const LIFE_MS: u64 = limits::NOTICE_LIFE.as_millis() as u64;

struct World {
    notices: Arc<Notices>,
    store: Arc<dyn PresenceStore>,
    clock: Clock,
    /// Whom the application heard of, as often as it did.
    heard: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// An application that answers so, and a store in memory.
    async fn new(answer: &'static str) -> Self {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(application(listener, answer, Arc::clone(&heard)));
        let clock = Clock::start();
        let store = store(clock.now_ms());
        let notices = Arc::new(Notices::new(to(address), Arc::clone(&store), clock, None).unwrap());
        Self { notices, store, clock, heard }
    }

    /// Records that somebody came, so long ago.
    async fn came(&self, id: &str, age_ms: u64) {
        let change = Change { id: id.parse().unwrap(), connected: true };
        let ids = self.store.record(vec![change], self.clock.now_ms() - age_ms).await.unwrap();
        self.notices.recorded(ids);
    }

    fn run(&self) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(&self.notices).run())
    }

    fn heard_of(&self, id: &str) -> usize {
        self.heard.lock().iter().filter(|heard| *heard == id).count()
    }
}

fn to(address: SocketAddr) -> NoticesTo {
    let url = format!("http://{address}/hook").parse().unwrap();
    NoticesTo { url, format: Format::Standard, secrets: vec![b"secret".to_vec()].into() }
}

fn store(now_ms: u64) -> Arc<dyn PresenceStore> {
    let options = Options {
        durability: Durability::Memory,
        retention: Duration::from_secs(7200),
        retention_messages: 10,
        retention_bytes: 1 << 20,
        idempotency_keys: 10,
        hash_secret: [7; 16],
        accept_loss: false,
        new_epoch: false,
        boot_id: String::new(),
        new_epoch_number: None,
    };
    let disk = || Arc::new(MemoryDisk::new());
    Arc::new(Local::open(disk(), disk(), options, now_ms).unwrap().0)
}

/// One request a connection.
async fn application(listener: TcpListener, answer: &'static str, heard: Arc<Mutex<Vec<String>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        // The document is the end of the request, and its last member a text.
        while !bytes.ends_with(b"\"}") {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        let text = String::from_utf8(bytes).unwrap();
        let document: serde_json::Value =
            serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        heard.lock().push(document["data"]["client_id"].as_str().unwrap().to_owned());
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            time::sleep(Duration::from_millis(5)).await;
        }
    };
    time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("not within 20 s: {what}"));
}

#[tokio::test]
async fn what_is_a_day_old_is_given_up_and_what_is_younger_is_told() {
    let world = World::new("204 No Content").await;
    world.came("too old", LIFE_MS + 1).await;
    world.came("old", LIFE_MS - 60_000).await;
    let running = world.run();
    until("both are settled", || world.store.waiting().is_empty()).await;
    assert_eq!((world.heard_of("old"), world.heard_of("too old")), (1, 0));
    let Counters { told, failed, dropped, .. } = &world.notices.counters;
    assert_eq!((told.get(), failed.get(), dropped.get()), (1, 0, 1));
    assert!(world.store.is_connected(&"too old".parse().unwrap()), "it is there, whoever knows of it");
    // What comes of the same client id later is news.
    let gone = Change { id: "too old".parse().unwrap(), connected: false };
    world.notices.recorded(world.store.record(vec![gone], world.clock.now_ms()).await.unwrap());
    until("it is told", || world.heard_of("too old") == 1).await;
    running.abort();
}

#[tokio::test]
async fn what_grows_too_old_while_it_is_tried_is_given_up() {
    let world = World::new("503 Away").await;
    world.came("ada", LIFE_MS - 2_500).await;
    let running = world.run();
    until("it is given up", || world.store.waiting().is_empty()).await;
    // At once, after a second, and perhaps after two more; then its day was over.
    let tries = world.heard_of("ada");
    assert!((2..=3).contains(&tries), "{tries} tries");
    let Counters { failed, dropped, .. } = &world.notices.counters;
    assert_eq!((failed.get(), dropped.get()), (tries as u64, 1));
    running.abort();
}
