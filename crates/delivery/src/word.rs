//! What a client says on its socket, on whichever way it came.

use crate::{
    catch_up::{self, Progress},
    entry::control_frame,
    hub::Hub,
    socket::{Socket, Wire},
};
use protocol::{
    client_word::ClientWord,
    close::{CloseCode, TOKEN_INVALID, TOKEN_TIMED_OUT},
    frame::Frame,
    socket::Seconds,
    token::TokenError,
};
use std::sync::Arc;

impl Hub {
    /// Does what a client says beside its stream, and closes the socket if that is what follows.
    ///
    /// # Errors
    /// The code and sentence with which it was closed, unless it wanted so.
    pub fn take_word(&self, socket: &Arc<Socket>, word: ClientWord) -> Result<(), (CloseCode, &'static str)> {
        let farewell = word == ClientWord::Close;
        let Err((code, reason)) = self.hear(socket, word) else { return Ok(()) };
        self.close(socket, code, reason, None);
        if farewell { Ok(()) } else { Err((code, reason)) }
    }

    /// Does what a client says.
    ///
    /// # Errors
    /// The code and sentence with which the socket is to be closed.
    pub fn hear(&self, socket: &Arc<Socket>, word: ClientWord) -> Result<(), (CloseCode, &'static str)> {
        match word {
            ClientWord::Ack(cursor) => {
                let mut state = socket.state.lock();
                // Of another life, or more than was sent: nothing that could have been handled.
                if cursor.epoch == self.broker.end().epoch && cursor.offset <= state.cursor {
                    state.acked = state.acked.max(cursor.offset);
                    state.acked_at = self.clock.seconds();
                    socket.channel.acknowledge(cursor.offset);
                }
                Ok(())
            }
            ClientWord::Token(token) => {
                let now_ms = self.clock.now_ms();
                let keyring = Arc::clone(&self.keyring.read());
                let grant = keyring.verify(&token, now_ms / 1000).map_err(|error| match error {
                    TokenError::Invalid => (CloseCode::UNAUTHORIZED, TOKEN_INVALID),
                    TokenError::TimedOut => (CloseCode::UNAUTHORIZED, TOKEN_TIMED_OUT),
                })?;
                if grant.client_id != socket.channel.id {
                    return Err((CloseCode::UNAUTHORIZED, TOKEN_INVALID));
                }
                let deletion = self.broker.deletion(socket.channel.key);
                if deletion.is_some_and(|deletion| deletion.refuses(grant.start, grant.issued_at)) {
                    return Err((CloseCode::GONE, CloseCode::GONE.reason()));
                }
                let deadline = self.deadline(grant.expires_at, now_ms);
                socket.state.lock().heartbeat.handle_token(deadline);
                Ok(())
            }
            ClientWord::Close => {
                socket.state.lock().farewell = true;
                Err((CloseCode::NORMAL, CloseCode::NORMAL.reason()))
            }
        }
    }

    /// A token's `exp`, in seconds since 1970, as a deadline that a jumping clock does not move.
    #[must_use]
    pub fn deadline(&self, expires_at: u64, now_ms: u64) -> Seconds {
        let left = expires_at.saturating_sub(now_ms / 1000);
        self.clock.seconds().saturating_add(Seconds::try_from(left).unwrap_or(Seconds::MAX))
    }

    /// Ends a socket from any thread, with a close frame if the wire can take one.
    pub fn close(&self, socket: &Arc<Socket>, code: CloseCode, reason: &str, retry_after_ms: Option<u32>) {
        let mut state = socket.state.lock();
        state.farewell |= code == CloseCode::GONE;
        if state.ending {
            // It was told already; two close frames would be one too many.
            return;
        }
        state.end_with(code);
        match &mut state.wire {
            Wire::Descriptor(stream) => {
                let slot = stream.slot();
                let frame = control_frame(socket.transport, &Frame::Close { code, reason, retry_after_ms });
                // Behind a frame that was taken in part the rest goes first or not at all.
                let _: Progress = catch_up::write_control(self, &mut state, frame);
                state.ending = true;
                self.edge(socket.edge).ended(slot);
            }
            Wire::Poll(poll) => poll.close(code, reason, retry_after_ms),
            Wire::Pending(close) => *close = Some((code, retry_after_ms)),
            Wire::Closed => {}
        }
    }
}
