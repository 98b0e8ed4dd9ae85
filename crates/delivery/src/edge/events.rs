//! What the kernel says of the sockets: readable, writable, gone.

use super::local::Edge;
use crate::{
    catch_up::{self, Progress, serve},
    entry::control_frame,
    socket::{Replay, Socket, Wire},
};
use bytes::Bytes;
use mio::{Events, Poll};
use protocol::{
    client_word::ClientWord,
    close::CloseCode,
    encode,
    frame::Frame,
    socket::Transport,
    websocket::{Event, Violation},
};
use std::{future::Future, io, rc::Rc, sync::Arc, time::Duration};
use tokio::io::{Interest, unix::AsyncFd};

/// Events taken at once; then other tasks have their turn.
const EVENTS_MAX: usize = 256;

/// All sockets of a thread read into this.
const SCRATCH_BYTES: usize = 16 * 1024;

/// Reads of one socket in a row: who floods does not hold up others.
const READS_MAX: usize = 8;

/// The task that waits for events, for as long as the edge lives.
pub(super) fn run(edge: Rc<Edge>, poll: Poll) -> io::Result<impl Future<Output = ()>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that close themselves; this one owns its own"
    )]
    let mut poll = AsyncFd::with_interest(poll, Interest::READABLE)?;
    Ok(async move {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut scratch = vec![0; SCRATCH_BYTES];
        loop {
            let mut ready = match poll.readable_mut().await {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::error!(%error, "the edge's poll failed");
                    return;
                }
            };
            if let Err(error) = ready.get_inner_mut().poll(&mut events, Some(Duration::ZERO)) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "the edge's poll failed");
                    return;
                }
                continue;
            }
            let count = events.iter().count();
            if count < EVENTS_MAX {
                ready.clear_ready();
            }
            for event in &events {
                edge.event(event, &mut scratch);
            }
            if count == EVENTS_MAX {
                tokio::task::yield_now().await;
            }
        }
    })
}

impl Edge {
    fn event(&self, event: &mio::event::Event, scratch: &mut [u8]) {
        let is_readable = event.is_readable() || event.is_read_closed() || event.is_error();
        self.ready(event.token().0, event.is_writable(), is_readable, scratch);
    }

    /// A connection takes bytes, or has some, or has ended.
    pub(crate) fn ready(&self, slot: usize, is_writable: bool, is_readable: bool, scratch: &mut [u8]) {
        // The slot may have a new owner since; it is then asked for nothing that it has not got.
        let Some(socket) = self.socket(slot) else { return };
        if is_writable && serve(&self.hub, &socket, None) == Progress::Broken {
            return;
        }
        if is_readable {
            self.read(slot, &socket, scratch);
        }
    }

    fn read(&self, slot: usize, socket: &Arc<Socket>, scratch: &mut [u8]) {
        for _ in 0..READS_MAX {
            let result = match &socket.state.lock().wire {
                Wire::Descriptor(stream, _) => stream.read(scratch),
                _ => return,
            };
            match result {
                Ok(0) => return self.end(slot),
                Ok(count) => {
                    if !self.heard(slot, socket, &mut scratch[..count]) || count < scratch.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.end(slot),
            }
        }
        // It has more than its share: the rest is read when the others were served.
        self.handle.again(slot);
    }

    /// Goes on reading a socket that had more than its share.
    pub(super) fn read_on(&self, slot: usize) {
        if let Some(socket) = self.socket(slot) {
            self.read(slot, &socket, &mut vec![0; SCRATCH_BYTES]);
        }
    }

    /// Takes what a client sent. False once the socket was ended.
    pub(super) fn heard(&self, slot: usize, socket: &Arc<Socket>, bytes: &mut [u8]) -> bool {
        if socket.transport != Transport::WebSocket {
            // Nothing can be said on a response that streams; what comes all the same is dropped.
            return true;
        }
        let mut decoder = {
            let mut state = socket.state.lock();
            state.heartbeat.handle_heard();
            std::mem::take(&mut state.decoder)
        };
        let mut ending = None;
        let result = decoder.feed(bytes, |event| {
            if ending.is_none() {
                ending = self.websocket_event(socket, &event).err();
            }
        });
        if let Err(Violation(code)) = result {
            ending.get_or_insert((code, code.reason()));
        }
        match ending {
            None => {
                socket.state.lock().decoder = decoder;
                true
            }
            Some((code, reason)) => {
                self.close(slot, socket, code, reason);
                false
            }
        }
    }

    fn websocket_event(
        &self,
        socket: &Arc<Socket>,
        event: &Event<'_>,
    ) -> Result<(), (CloseCode, &'static str)> {
        match event {
            Event::Text(text) => match ClientWord::parse(text) {
                Ok(word) => self.hub.hear(socket, word),
                Err(_) => Err((CloseCode::BAD_REQUEST, "Not a word of downlink.v1.")),
            },
            Event::Binary => Err((CloseCode::BAD_REQUEST, "Not a word of downlink.v1.")),
            Event::Ping(payload) => {
                let mut pong = Vec::with_capacity(payload.len() + 2);
                encode::websocket::pong(&mut pong, payload);
                let mut state = socket.state.lock();
                if state.partial.is_none() && state.replay == Replay::No {
                    // Who pings without reading gets no pong: it would have to be kept somewhere.
                    let progress = catch_up::write_control(&self.hub, &mut state, Bytes::from(pong));
                    catch_up::hand_over(&self.hub, socket, &mut state, progress);
                }
                Ok(())
            }
            Event::Pong => Ok(()),
            Event::Close(code) => {
                // A page that is left or reloaded closes with another code or none (RFC 6455, 7.4.1).
                socket.state.lock().farewell |= *code == CloseCode::NORMAL.0;
                Err((CloseCode::NORMAL, ""))
            }
        }
    }

    /// Ends a socket of this edge, with a close frame if the wire can take one.
    pub(super) fn close(&self, slot: usize, socket: &Arc<Socket>, code: CloseCode, reason: &str) {
        let frame = if reason.is_empty() {
            // The client closed first: the protocol's own frame is the whole answer (RFC 6455, 5.5.1).
            let mut frame = Vec::new();
            encode::websocket::close(&mut frame, code, reason);
            Bytes::from(frame)
        } else {
            control_frame(socket.transport, &Frame::Close { code, reason, retry_after_ms: None })
        };
        let _: Progress = catch_up::write_control(&self.hub, &mut socket.state.lock(), frame);
        self.end(slot);
    }
}
