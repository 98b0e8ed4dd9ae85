//! The edge on its own thread: its sockets by slot.

use super::handle::EdgeHandle;
use crate::{
    catch_up::{Progress, serve, write_control},
    entry::encode_control,
    hub::Hub,
    open::Opened,
    pipe::{Outlet, pipe},
    socket::{Socket, Wire},
    stream::Stream,
};
use bytes::Bytes;
use mio::{Poll, Registry};
use protocol::{frame::Frame, limits::PING_SECONDS, socket::Seconds};
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    io,
    net::TcpStream,
    rc::Rc,
    sync::Arc,
};
use tokio::task::spawn_local;

/// An edge thread's own half.
pub struct Edge {
    pub(super) hub: Arc<Hub>,
    pub(super) handle: Arc<EdgeHandle>,
    pub(crate) sockets: RefCell<Slab<Owned>>,
    registry: Registry,
    /// Those that were there were told to come back after the restart.
    drained: Cell<bool>,
}

/// A socket and when it is to be looked at next: the vector that is gone through once a second.
pub(crate) struct Owned {
    pub(super) socket: Arc<Socket>,
    pub(super) due_at: Seconds,
    /// How much it said since the last look, in units of [`HEARD_UNIT_BYTES`].
    pub(super) heard: u16,
    /// It said its share, and is not read before it may go on.
    pub(super) parked: bool,
}

/// What is said is counted in these: each read is one, and one more for each so many bytes.
pub(super) const HEARD_UNIT_BYTES: usize = 256;

/// What a socket may say in a second. A client has an acknowledgement, a pong and now and then a token to say; what is more
/// waits in its own buffers, not in ours.
pub(super) const HEARD_MAX: u16 = 64;

/// What one that had said its share may say in each of the next seconds: so much that it goes on, so little that the others'
/// turn comes soon.
pub(super) const HEARD_AGAIN_MAX: u16 = HEARD_MAX / 4;

impl Edge {
    /// Starts an edge on this thread, its tasks in the `LocalSet` around; [`spawn`](super::spawn) gives it a thread of its
    /// own.
    ///
    /// # Errors
    /// If an epoll descriptor cannot be made.
    pub fn start(hub: Arc<Hub>, handle: Arc<EdgeHandle>) -> io::Result<Rc<Self>> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let sockets = RefCell::new(Slab::new());
        let edge = Rc::new(Self { hub, handle, sockets, registry, drained: Cell::new(false) });
        spawn_local(super::events::run(Rc::clone(&edge), poll)?);
        spawn_local(super::work::run(Rc::clone(&edge)));
        spawn_local(super::tick::run(Rc::clone(&edge)));
        Ok(edge)
    }

    /// The hub that all edges share.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Which edge this is.
    #[must_use]
    pub fn index(&self) -> u16 {
        self.handle.index()
    }

    /// A stream for a socket of this edge on a connection of HTTP/2, and where the connection takes from what is
    /// written to it.
    #[must_use]
    pub fn pipe(&self, line: Arc<TcpStream>) -> (Stream, Outlet) {
        let (pipe, outlet) = pipe(Arc::clone(&self.handle), line);
        (Stream::pipe(pipe), outlet)
    }

    /// Gives an opened socket its descriptor. `head` is the answer's head, already encoded; the open frame, and a gap
    /// if there is one, go out with it in one write. `unread` is what came behind the request.
    pub fn adopt(self: &Rc<Self>, stream: Stream, opened: Opened, head: &[u8], unread: &mut [u8]) {
        let may_hold_more = !stream.is_drained_by_short_reads();
        // Its own pings tell whether it is there; the kernel's beside them would double the traffic of idle sockets.
        if let Err(error) = stream.set_keepalive(false) {
            tracing::debug!(%error, "the kernel goes on asking");
        }
        let mut first = Vec::with_capacity(head.len() + 192);
        first.extend_from_slice(head);
        let socket = Arc::clone(opened.socket());
        let name = self.hub.name(&socket);
        let open = Frame::Open { cursor: opened.cursor, socket: &name, ping: PING_SECONDS };
        encode_control(&mut first, socket.transport, &open);
        if let Some((cursor, reason)) = opened.gap {
            encode_control(&mut first, socket.transport, &Frame::Gap { cursor, reason });
        }
        let Some((slot, progress)) = self.insert(stream, opened, first) else { return };
        if progress == Progress::Broken {
            return self.end(slot);
        }
        serve(&self.hub, &socket, None);
        self.hub.watch.came(&socket.channel);
        self.hub.restarting_late(&socket);
        if !unread.is_empty() && !self.heard(slot, &socket, unread) {
            return;
        }
        if may_hold_more {
            // What was deciphered already is nothing that the kernel would tell of.
            self.read(slot, &socket, &mut [0; 512]);
        }
    }

    /// Registers the descriptor and writes the first frames, before anybody else can write to the socket.
    fn insert(&self, mut stream: Stream, opened: Opened, mut first: Vec<u8>) -> Option<(usize, Progress)> {
        let mut sockets = self.sockets.borrow_mut();
        let slot = sockets.vacant_key();
        let number = u32::try_from(slot).expect("descriptors are fewer than 2^32");
        if let Err(error) = stream.register(&self.registry, number) {
            tracing::warn!(%error, "a socket could not be registered");
            return None;
        }
        let socket = opened.take();
        let mut state = socket.state.lock();
        // It was told to end before it had a wire to be told by.
        let close = if let Wire::Pending(close) = state.wire { close } else { None };
        if let Some((code, retry_after_ms)) = close {
            let frame = Frame::Close { code, reason: code.reason(), retry_after_ms };
            encode_control(&mut first, socket.transport, &frame);
        }
        state.wire = Wire::Descriptor(stream);
        let due_at = state.heartbeat.poll_timeout();
        let progress = match write_control(&self.hub, &mut state, Bytes::from(first)) {
            _ if close.is_some() => Progress::Broken,
            // A client whose connection takes nothing of its open frame comes again.
            Progress::Blocked if state.partial.is_none() => Progress::Broken,
            written => written,
        };
        drop(state);
        sockets.insert(Owned { socket, due_at, heard: 0, parked: false });
        Some((slot, progress))
    }

    /// Ends a socket that was told to end. The slot may have a new owner since, who was not.
    pub(super) fn end_if_told(&self, slot: usize) {
        if self.socket(slot).is_some_and(|socket| socket.state.lock().ending) {
            self.end(slot);
        }
    }

    /// Tells every socket to come back after the restart, each at its own time. Nothing, if the node does not stop.
    pub fn drain(&self) {
        let Some(returns) = self.hub.returns() else { return };
        if self.drained.replace(true) {
            return;
        }
        let sockets: Vec<_> =
            self.sockets.borrow().iter().map(|(_, owned)| Arc::clone(&owned.socket)).collect();
        let count = sockets.len() as u64;
        for (number, socket) in (0..).zip(&sockets) {
            self.hub.restarting(socket, returns.after_ms(number, count));
        }
    }

    /// Notes that a socket is about to be read; false if it has said its share and is to wait.
    pub(super) fn may_speak(&self, slot: usize) -> bool {
        let mut sockets = self.sockets.borrow_mut();
        let Some(owned) = sockets.get_mut(slot) else { return false };
        owned.parked |= owned.heard >= HEARD_MAX;
        !owned.parked
    }

    /// Gives a socket that had said its share some of another one, until it has no more to say.
    pub(super) fn let_speak(&self, slot: usize) {
        if let Some(owned) = self.sockets.borrow_mut().get_mut(slot) {
            (owned.heard, owned.parked) = (HEARD_MAX - HEARD_AGAIN_MAX, false);
        }
    }

    /// Notes that it was read.
    pub(super) fn spoke(&self, slot: usize, bytes: usize) {
        if let Some(owned) = self.sockets.borrow_mut().get_mut(slot) {
            owned.heard += 1 + (bytes / HEARD_UNIT_BYTES) as u16;
        }
    }

    /// The socket in a slot. It may be another one than when the slot was noted; whoever asks must not mind.
    pub(super) fn socket(&self, slot: usize) -> Option<Arc<Socket>> {
        self.sockets.borrow().get(slot).map(|owned| Arc::clone(&owned.socket))
    }

    /// Closes the descriptor and lets the socket go.
    pub(crate) fn end(&self, slot: usize) {
        let Some(owned) = self.sockets.borrow_mut().try_remove(slot) else { return };
        let mut state = owned.socket.state.lock();
        let wire = std::mem::replace(&mut state.wire, Wire::Closed);
        state.partial = None;
        drop(state);
        if let Wire::Descriptor(mut stream) = wire {
            // The descriptor closes when it is dropped.
            stream.shutdown();
        }
        self.hub.leave(&owned.socket);
        let mut sockets = self.sockets.borrow_mut();
        if sockets.capacity() > 1024 && sockets.len() < sockets.capacity() / 4 {
            sockets.shrink_to_fit();
        }
    }
}
