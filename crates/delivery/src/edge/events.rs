//! What the kernel says of the sockets: readable, writable, gone.

use super::local::Edge;
use crate::{
    catch_up::{self, Progress, serve},
    entry::control_frame,
    socket::{Partial, Replay, Socket, Wire},
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

/// Of pongs that the kernel took only in part, the rest of the one that was begun. The others would have to be kept.
fn begun_pong(partial: &Partial) -> Option<Partial> {
    let mut end = 0;
    while end < partial.written {
        end += 2 + usize::from(partial.bytes[end + 1]);
    }
    let rest = Bytes::copy_from_slice(&partial.bytes[partial.written..end]);
    (!rest.is_empty()).then_some(Partial { bytes: rest, written: 0 })
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

    /// Reads what a client says, up to its share of a second; the rest is read in the next ones. Meanwhile it fills its
    /// own side's buffers: a flood costs the others nothing.
    pub(super) fn read(&self, slot: usize, socket: &Arc<Socket>, scratch: &mut [u8]) {
        while self.may_speak(slot) {
            let (result, is_drained) = match &mut socket.state.lock().wire {
                Wire::Descriptor(stream) => (stream.read(scratch), stream.is_drained_by_short_reads()),
                _ => return,
            };
            match result {
                Ok(0) => return self.end(slot),
                Ok(count) => {
                    self.spoke(slot, count);
                    let is_short = count < scratch.len();
                    if !self.heard(slot, socket, &mut scratch[..count]) || (is_short && is_drained) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.end(slot),
            }
        }
    }

    /// Goes on reading a socket that had said its share: it has some of another one.
    pub(crate) fn read_on(&self, slot: usize, scratch: &mut [u8]) {
        self.let_speak(slot);
        if let Some(socket) = self.socket(slot) {
            self.read(slot, &socket, scratch);
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
        // All answers to what came at once go out at once: a thousand pings are not a thousand system calls.
        let mut pongs = Vec::new();
        let result = decoder.feed(bytes, |event| {
            if ending.is_none() {
                ending = self.websocket_event(socket, &event, &mut pongs).err();
            }
        });
        if let Err(Violation(code)) = result {
            ending.get_or_insert((code, code.reason()));
        }
        if !pongs.is_empty() {
            self.answer(socket, pongs);
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

    fn answer(&self, socket: &Arc<Socket>, pongs: Vec<u8>) {
        let mut state = socket.state.lock();
        if state.partial.is_none() && state.replay == Replay::No {
            // Who pings without reading gets no pong: it would have to be kept somewhere.
            let progress = catch_up::write_control(&self.hub, &mut state, Bytes::from(pongs));
            state.partial = state.partial.take().and_then(|partial| begun_pong(&partial)).map(Box::new);
            catch_up::hand_over(&self.hub, socket, &mut state, progress);
        }
    }

    fn websocket_event(
        &self,
        socket: &Arc<Socket>,
        event: &Event<'_>,
        pongs: &mut Vec<u8>,
    ) -> Result<(), (CloseCode, &'static str)> {
        match event {
            Event::Text(text) => match ClientWord::parse(text) {
                Ok(word) => self.hub.hear(socket, word),
                Err(_) => Err((CloseCode::BAD_REQUEST, "Not a word of downlink.v1.")),
            },
            Event::Binary => Err((CloseCode::BAD_REQUEST, "Not a word of downlink.v1.")),
            Event::Ping(payload) => {
                encode::websocket::pong(pongs, payload);
                Ok(())
            }
            Event::Pong => Ok(()),
            Event::Close(code) => {
                // A page that is left or reloaded closes with another code or none (RFC 6455, 7.4.1).
                let farewell = *code == CloseCode::NORMAL.0;
                let mut state = socket.state.lock();
                state.farewell |= farewell;
                state.end_with(if farewell { CloseCode::NORMAL } else { CloseCode::GOING_AWAY });
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
        let mut state = socket.state.lock();
        // A client that answers the close that it was told is not told again: nothing may follow a close frame.
        if !state.ending {
            state.end_with(code);
            let _: Progress = catch_up::write_control(&self.hub, &mut state, frame);
        }
        drop(state);
        self.end(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_pongs_only_the_one_that_was_begun_is_kept() {
        let mut bytes = Vec::new();
        for payload in [&b"abc"[..], b"", b"defg"] {
            encode::websocket::pong(&mut bytes, payload);
        }
        let rest = |written| {
            let partial = Partial { bytes: Bytes::from(bytes.clone()), written };
            begun_pong(&partial).map(|partial| partial.bytes.to_vec())
        };
        assert_eq!(rest(1).unwrap(), b"\x03abc");
        assert_eq!(rest(4).unwrap(), b"c");
        assert_eq!(rest(5), None, "between two frames");
        assert_eq!(rest(6).unwrap(), b"\x00");
        assert_eq!(rest(7), None);
        assert_eq!(rest(9).unwrap(), b"defg");
    }
}
