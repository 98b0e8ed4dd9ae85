//! A node on one thread: broker, hub and edge as the program has them, sockets on real connections.

use crate::codec;
use broker::{
    local::{Durability, Local, Options},
    message::{Draft, Origin, Position, Recipients},
};
use delivery::{
    clock::Clock,
    edge::{Edge, EdgeHandle},
    hub::{Hub, Limits},
    open::{Opened, Request},
    stream::Stream,
};
use journal::MemoryDisk;
use protocol::{cursor::Cursor, id::ClientId, socket::Transport};
use std::{
    future::Future,
    net::{Ipv4Addr, TcpListener, TcpStream},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{LocalSet, yield_now},
};

/// A node whose every step is taken by the thread that asks for it.
pub(crate) struct Node {
    pub(crate) hub: Arc<Hub>,
    edge: Rc<Edge>,
    tasks: LocalSet,
    runtime: Runtime,
    listener: TcpListener,
    /// The browsers' ends. They read nothing: what is sent to them stays within the kernel's buffers.
    browsers: Vec<TcpStream>,
}

/// The head of an answer that becomes a WebSocket.
const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: downlink.v1\r\n\r\n";

impl Node {
    pub(crate) fn start() -> Self {
        let options = Options {
            durability: Durability::Memory,
            retention: Duration::from_secs(7200),
            retention_messages: 1000,
            retention_bytes: 64 << 20,
            idempotency_keys: 100_000,
            // Fixed, so that channels lie in the same places of every table in every run.
            hash_secret: [7; 16],
            accept_loss: false,
            new_epoch: false,
            boot_id: String::new(),
            new_epoch_number: Some(123_456),
        };
        let clock = Clock::start();
        let (disk, ledger) = (Arc::new(MemoryDisk::new()), Arc::new(MemoryDisk::new()));
        let (local, _) = Local::open_stepwise(disk, ledger, options, clock.now_ms()).expect("memory opens");
        let limits = Limits {
            sockets_per_client: 20_000,
            sockets_per_address: 20_000,
            messages_per_channel: 1000,
            tail_bytes: protocol::limits::CACHE_BYTES_DEFAULT,
        };
        let handle = EdgeHandle::new(0);
        let hub = Hub::new(Arc::new(local), codec::keyring(), clock, limits, vec![Arc::clone(&handle)]);
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let tasks = LocalSet::new();
        let start = async { Edge::start(Arc::clone(&hub), handle).expect("an epoll descriptor") };
        let edge = runtime.block_on(tasks.run_until(start));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self { hub, edge, tasks, runtime, listener, browsers: Vec::new() }
    }

    /// Does something on the node, beside whatever the node has to do.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(self.tasks.run_until(work))
    }

    /// Lets the node come to rest: new descriptors have told that they are writable, queues are empty.
    pub(crate) fn settle(&self) {
        self.run(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
    }

    pub(crate) fn client_id(&self, number: u64) -> ClientId {
        format!("client-{number:06}").parse().expect("a client id")
    }

    pub(crate) fn draft(&self, to: ClientId) -> Draft {
        Draft {
            to: Recipients::One(to),
            data: codec::text(),
            ttl_seconds: 0,
            idempotency_key: None,
            // As the program has it: what is measured on the way counts.
            origin: Origin { at_us: self.hub.clock.now_us(), follower: None },
        }
    }

    /// Stores a message.
    pub(crate) async fn send(&self, draft: Draft) -> Cursor {
        let stored = self.hub.broker.publish(draft, codec::NOW * 1000).await.expect("there is room");
        self.hub.cursor(stored.offset)
    }

    /// Makes room for the ends of so many connections, which are no part of the node.
    pub(crate) fn expect_browsers(&mut self, count: usize) {
        self.browsers.reserve(count);
    }

    /// A connection that waits to become a socket.
    pub(crate) fn connect(&mut self) -> TcpStream {
        let address = self.listener.local_addr().expect("it listens");
        self.browsers.push(TcpStream::connect(address).expect("it listens"));
        let (stream, _) = self.listener.accept().expect("one has connected");
        stream.set_nonblocking(true).expect("a good descriptor");
        stream
    }

    /// Opens a socket of a client id.
    pub(crate) async fn open(&self, id: ClientId, transport: Transport, after: Option<Cursor>) -> Opened {
        let request = Request {
            id,
            position: Position::After(after.unwrap_or_else(|| self.hub.broker.end())),
            transport,
            silence: None,
            token: (None, codec::NOW),
            expires_at: 7200,
            address: Ipv4Addr::LOCALHOST.into(),
        };
        self.hub.open(request, 0).await.expect("there is room")
    }

    /// Gives an opened socket its connection.
    pub(crate) fn adopt(&self, stream: TcpStream, opened: Opened) {
        self.edge.adopt(Stream::plain(stream), opened, HEAD, &mut []);
    }

    /// Opens sockets for clients of these numbers, a channel each, and lets the node come to rest.
    pub(crate) fn open_all(&mut self, numbers: std::ops::Range<u64>, transport: Transport) {
        let streams: Vec<TcpStream> = numbers.clone().map(|_| self.connect()).collect();
        for (number, stream) in numbers.zip(streams) {
            let opened = self.run(self.open(self.client_id(number), transport, None));
            self.run(async { self.adopt(stream, opened) });
        }
        self.settle();
    }
}
