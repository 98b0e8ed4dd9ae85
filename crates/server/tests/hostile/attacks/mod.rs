//! What attackers do, each on a thread of its own, until they are told to stop.
//!
//! An attacker has a machine of its own. Here its threads run behind all others, and where latencies are measured the server has
//! cores of its own: so what is measured is the server's part.

mod connections;
mod sockets;

use crate::{
    alone::behind,
    support::{http::Api, server::Server},
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Whom it goes against, with what an outsider can have: a page's token.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    token: String,
    /// Attackers have addresses of their own, so that they do not use up the honest ones' ports.
    source: IpAddr,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

type Attack = fn(&Target);

/// All attacks.
pub(crate) const ALL: [(&str, Attack); 12] = [
    ("pings", sockets::pings),
    ("small pings, one a packet", sockets::single_pings),
    ("tiny fragments", sockets::fragments),
    ("acknowledgements and renewals", sockets::words),
    ("broken frames", sockets::garbage),
    ("sockets that never read", sockets::deaf),
    ("opened and dropped", sockets::storm),
    ("connections that say nothing", connections::silent),
    ("connections that are reset", connections::resets),
    ("heads that never end", connections::endless_heads),
    ("heads byte by byte", connections::slow_heads),
    ("requests without a key", connections::refused),
];

/// An attack that goes on; it ends when this is dropped.
pub(crate) struct Going {
    name: &'static str,
    target: Target,
    thread: Option<JoinHandle<()>>,
}

impl Going {
    /// Begins an attack; `number` tells attackers apart.
    pub(crate) fn start(server: &Server, (name, attack): (&'static str, Attack), number: usize) -> Self {
        let target = Target {
            address: server.address,
            token: server.api().token("attacked"),
            source: IpAddr::V4(Ipv4Addr::new(127, 0, 1, number as u8 + 1)),
            stop: Arc::default(),
            done: Arc::default(),
        };
        let thread = {
            let target = target.clone();
            thread::spawn(move || {
                behind();
                attack(&target);
            })
        };
        Self { name, target, thread: Some(thread) }
    }

    /// How often it did what it does.
    pub(crate) fn count(&self) -> u64 {
        self.target.done.load(Relaxed)
    }

    /// Ends it; it must have done something.
    pub(crate) fn end(mut self) -> (&'static str, u64) {
        self.target.stop.store(true, Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok(), "{} broke off", self.name);
        assert!(self.count() > 0, "{} did nothing", self.name);
        (self.name, self.count())
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.target.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Target {
    /// Whether to go on; counts one more.
    fn goes_on(&self) -> bool {
        self.done.fetch_add(1, Relaxed);
        !self.stop.load(Relaxed)
    }

    /// A connection from the attacker's address; an error counts as an attack that was fended off.
    fn connect(&self) -> std::io::Result<TcpStream> {
        use socket2::{Domain, Protocol, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // Ports of connections that have just ended serve again.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(self.source, 0).into())?;
        socket.connect_timeout(&self.address.into(), Duration::from_secs(2))?;
        socket.set_tcp_nodelay(true)?;
        socket.set_write_timeout(Some(Duration::from_secs(2)))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(socket.into())
    }

    fn api(&self) -> Api {
        Api::new(self.address)
    }

    /// A short rest: attackers are many and fast, but not as fast as this machine alone.
    fn rest(&self, time: Duration) {
        thread::sleep(time);
    }
}
