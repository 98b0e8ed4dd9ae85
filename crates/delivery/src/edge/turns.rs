//! No work of an edge takes so long that others wait for their turn: seen between the steps of a single thread.

use super::{Edge, EdgeHandle, tick::BEATS_AT_ONCE};
use crate::{
    clock::Clock,
    entry::message_frame,
    hub::{Hub, Limits},
    open::Request,
    socket::Socket,
    stream::Stream,
    turn::SENDS_MAX,
};
use broker::{
    local::{Durability, Local, Options},
    message::{Draft, Origin, Position, Recipients},
};
use journal::MemoryDisk;
use protocol::{
    cursor::Offset,
    limits::{CACHE_BYTES_DEFAULT, PING_SECONDS},
    message::Data,
    socket::Transport,
    token::Keyring,
};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    rc::Rc,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::task::{LocalSet, yield_now};

/// Far more sockets than have their turn at once.
const MANY: usize = 4 * SENDS_MAX;

/// More than whoever publishes serves at once.
const FEW: usize = 10;

/// A node of one edge, whose tasks run while a test awaits.
struct Node {
    hub: Arc<Hub>,
    edge: Rc<Edge>,
    listener: TcpListener,
    /// They read nothing: what is sent to them stays within the kernel's buffers.
    browsers: Vec<TcpStream>,
}

impl Node {
    fn start() -> Self {
        let options = Options {
            durability: Durability::Memory,
            retention: Duration::from_secs(7200),
            retention_messages: 1000,
            retention_bytes: 64 << 20,
            idempotency_keys: 100,
            hash_secret: [7; 16],
            accept_loss: false,
            new_epoch: false,
            boot_id: String::new(),
            new_epoch_number: Some(1),
        };
        let wall_ms: &AtomicU64 = Box::leak(Box::new(AtomicU64::new(1_700_000_000_000)));
        let clock = Clock::simulated(wall_ms);
        let (disk, ledger) = (Arc::new(MemoryDisk::new()), Arc::new(MemoryDisk::new()));
        let (local, _) = Local::open_stepwise(disk, ledger, options, clock.now_ms()).unwrap();
        let limits = Limits {
            sockets_per_client: 2 * MANY as u32,
            sockets_per_address: 2 * MANY as u32,
            messages_per_channel: 1000,
            tail_bytes: CACHE_BYTES_DEFAULT,
        };
        let handle = EdgeHandle::new(0);
        let keyring = Keyring::new(&[(String::new(), vec![7; 32])]).unwrap();
        let hub = Hub::new(Arc::new(local), keyring, clock, limits, vec![Arc::clone(&handle)]);
        let edge = Edge::start(Arc::clone(&hub), handle).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { hub, edge, listener, browsers: Vec::new() }
    }

    async fn open(&mut self, id: &str) -> Arc<Socket> {
        self.browsers.push(TcpStream::connect(self.listener.local_addr().unwrap()).unwrap());
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let request = Request {
            id: id.parse().unwrap(),
            position: Position::After(self.hub.broker.end()),
            transport: Transport::WebSocket,
            silence: None,
            token: (None, 0),
            expires_at: 7200,
            address: Ipv4Addr::LOCALHOST.into(),
        };
        let opened = self.hub.open(request, 0).await.unwrap();
        let socket = Arc::clone(opened.socket());
        self.edge.adopt(Stream::plain(stream), opened, b"", &mut []);
        socket
    }

    /// What the kernel holds for all of them.
    fn bytes_sent(&self) -> usize {
        self.browsers.iter().map(|browser| rustix::io::ioctl_fionread(browser).unwrap() as usize).sum()
    }

    async fn open_many(&mut self, id: &str, count: usize) -> Vec<Arc<Socket>> {
        let mut sockets = Vec::new();
        for _ in 0..count {
            sockets.push(self.open(id).await);
        }
        for _ in 0..100 {
            yield_now().await;
        }
        sockets
    }

    /// Sends both at once, so that they lie in the edge's queue together: their places.
    async fn send(&self, drafts: [(&str, String); 2]) -> [Offset; 2] {
        let drafts = drafts.map(|(id, text)| Draft {
            to: Recipients::One(id.parse().unwrap()),
            data: Data::Text(text.into()),
            ttl_seconds: 60,
            idempotency_key: None,
            origin: Origin::default(),
        });
        let stored = self.hub.broker.publish_many(drafts.into(), self.hub.clock.now_ms()).await;
        [0, 1].map(|index| stored[index].as_ref().unwrap().offset)
    }

    /// Lets everything happen until all of these have this message; how many had it when `also` had that one.
    async fn when_has(&self, many: &[Arc<Socket>], this: Offset, also: &Socket, that: Offset) -> usize {
        let had = |socket: &Socket, offset: Offset| socket.state.lock().cursor >= offset;
        let mut at_that = None;
        for _ in 0..1000 {
            yield_now().await;
            let count = many.iter().filter(|socket| had(socket, this)).count();
            if had(also, that) {
                at_that.get_or_insert(count);
            }
            if count == many.len()
                && let Some(count) = at_that
            {
                return count;
            }
        }
        panic!("not all of them have it")
    }
}

fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn between_the_pings_of_those_who_came_together_others_have_their_turn() {
    on_one_thread(async {
        let mut node = Node::start();
        node.open_many("ada", MANY).await;
        tokio::time::advance(Duration::from_secs(PING_SECONDS.into())).await;
        let now = node.hub.clock.seconds();
        let (mut pinged, mut most) = (0, 0);
        for _ in 0..1000 {
            let count = node.edge.sockets.borrow().iter().filter(|(_, owned)| owned.due_at > now).count();
            most = most.max(count - pinged);
            pinged = count;
            yield_now().await;
        }
        assert_eq!(pinged, MANY);
        assert!(most <= BEATS_AT_ONCE, "{most} pings at once");
    });
}

#[test]
fn news_for_few_pass_news_for_many() {
    on_one_thread(async {
        let mut node = Node::start();
        let many = node.open_many("many", MANY).await;
        let few = node.open_many("few", FEW).await;
        let [this, that] = node.send([("many", "hello".into()), ("few", "hello".into())]).await;
        let count = node.when_has(&many, this, &few[FEW - 1], that).await;
        assert!(count <= 2 * SENDS_MAX, "{count} of {MANY} came first");
    });
}

#[test]
fn news_of_few_bytes_pass_large_news() {
    on_one_thread(async {
        let mut node = Node::start();
        let some = node.open_many("some", SENDS_MAX).await;
        let few = node.open_many("few", FEW).await;
        let [this, that] = node.send([("some", "x".repeat(16 * 1024)), ("few", "hello".into())]).await;
        let count = node.when_has(&some, this, &few[FEW - 1], that).await;
        assert!(count <= SENDS_MAX / 2, "{count} of {SENDS_MAX} came first");
    });
}

#[test]
fn between_those_who_get_a_message_that_nobody_keeps_others_have_their_turn() {
    on_one_thread(async {
        let mut node = Node::start();
        node.open_many("many", MANY).await;
        let broker = Arc::clone(&node.hub.broker);
        let to = Recipients::Many(["nobody", "many", "none"].map(|id| id.parse().unwrap()).into());
        // Of so many bytes that a turn has room for half as many.
        let data = Data::Text("x".repeat(1024).into());
        let frame = message_frame(Transport::WebSocket, None, &data).len();
        let passing = tokio::task::spawn_local(async move { broker.pass(to, data).await });
        let start = node.bytes_sent();
        let (mut passed, mut most) = (0, 0);
        while !passing.is_finished() {
            yield_now().await;
            let now = (node.bytes_sent() - start) / frame;
            most = most.max(now - passed);
            passed = now;
        }
        passing.await.unwrap().unwrap();
        assert_eq!(passed, MANY);
        assert!(most <= SENDS_MAX / 2, "{most} in one turn");
    });
}
