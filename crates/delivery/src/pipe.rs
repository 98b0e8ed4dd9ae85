//! A connection that somebody else writes out: a stream of HTTP/2, whose bytes wait here until there is room for them on
//! the connection that it shares with others.
//!
//! To a socket it is what a descriptor is: it takes bytes or says that it takes no more, and its edge hears when it does
//! again. Where the kernel keeps a send buffer for a descriptor, this keeps [`HTTP2_UNSENT_BYTES_MAX`].

use crate::edge::EdgeHandle;
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::limits::HTTP2_UNSENT_BYTES_MAX;
use std::{
    fmt, io,
    net::TcpStream,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// The end to which a socket writes. Dropped, it ends the stream behind what was written.
pub(crate) struct Pipe(Arc<Shared>);

/// The end from which the connection is fed. Dropped, it ends the socket.
pub struct Outlet(Arc<Shared>);

struct Shared {
    /// Whose socket it is.
    edge: Arc<EdgeHandle>,
    /// The connection beneath, which many may share: it is what is slow or gone.
    line: Arc<TcpStream>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    unsent: Vec<u8>,
    slot: u32,
    /// Something was not taken, and whoever wanted to write it waits.
    is_awaited: bool,
    /// Nothing more is written.
    is_ended: bool,
    /// Nobody reads any more.
    is_gone: bool,
    /// Whoever waits for bytes.
    reader: Option<Waker>,
}

/// A pipe for a socket of this edge, over this connection.
pub(crate) fn pipe(edge: Arc<EdgeHandle>, line: Arc<TcpStream>) -> (Pipe, Outlet) {
    let shared = Arc::new(Shared { edge, line, state: Mutex::default() });
    (Pipe(Arc::clone(&shared)), Outlet(shared))
}

// === impl Pipe ===

impl Pipe {
    pub(crate) fn register(&self, slot: u32) {
        self.0.state.lock().slot = slot;
    }

    /// The connection beneath.
    pub(crate) fn line(&self) -> &TcpStream {
        &self.0.line
    }

    /// Takes as many bytes as there is room for.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state.lock();
        if state.is_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(HTTP2_UNSENT_BYTES_MAX - state.unsent.len());
        state.is_awaited |= taken < bytes.len();
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.unsent.extend_from_slice(&bytes[..taken]);
        wake(state);
        Ok(taken)
    }

    /// Nothing is said on a stream whose request is over: 0 once nobody reads, and until then `WouldBlock`.
    pub(crate) fn read(&self) -> io::Result<usize> {
        if self.0.state.lock().is_gone { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Ends the stream behind what was written.
    pub(crate) fn end(&self) {
        let mut state = self.0.state.lock();
        state.is_ended = true;
        wake(state);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Pipe {
    /// Without what is said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("unsent", &self.0.state.lock().unsent.len()).finish_non_exhaustive()
    }
}

/// Has whoever waits for bytes look again.
fn wake(mut state: parking_lot::MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

// === impl Outlet ===

impl Outlet {
    /// All that waits, at most [`HTTP2_UNSENT_BYTES_MAX`]; `None` at the end. Call it again when that has been taken:
    /// what is asked for is a sign of life of whoever reads.
    pub fn poll_bytes(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.0.state.lock();
        if state.unsent.is_empty() {
            if state.is_ended {
                return Poll::Ready(None);
            }
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes = std::mem::take(&mut state.unsent);
        let (is_awaited, slot) = (std::mem::take(&mut state.is_awaited), state.slot);
        drop(state);
        if is_awaited {
            self.0.edge.ready(slot);
        }
        Poll::Ready(Some(Bytes::from(bytes)))
    }

    /// Whether nothing will come any more.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let state = self.0.state.lock();
        state.is_ended && state.unsent.is_empty()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.is_gone = true;
        state.unsent = Vec::new();
        let (is_ended, slot) = (state.is_ended, state.slot);
        drop(state);
        if !is_ended {
            self.0.edge.ready(slot);
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "pipe/tests.rs"]
mod tests;
