//! When one socket is pinged, when it is given up, when its token ends: time as numbers, no clock.
//!
//! A socket is a few of these bytes in a vector that is looked through once a second; there is no timer each.

use crate::{
    close::{CloseCode, TOKEN_TIMED_OUT},
    limits::{PING_SECONDS, STUCK_SECONDS_MAX},
};

/// Seconds since the server's start, from a clock that never jumps.
pub type Seconds = u32;

/// How a socket's frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// RFC 6455.
    WebSocket,
    /// Server-sent events.
    Sse,
    /// Streamed lines, NDJSON.
    Lines,
    /// Polls that wait.
    LongPoll,
}

impl Transport {
    /// The name in answers and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::WebSocket => "websocket",
            Transport::Sse => "sse",
            Transport::Lines => "lines",
            Transport::LongPoll => "long_poll",
        }
    }
}

/// What is due for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing until [`Heartbeat::poll_timeout`].
    Nothing,
    /// Send a ping, and report with [`Heartbeat::handle_ping_sent`] that it was taken.
    Ping,
    /// End the socket with this code and sentence.
    Close(CloseCode, &'static str),
}

/// The times of one socket.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The next ping.
    ping_at: Seconds,
    /// The token's end, as a deadline that a jumping clock does not move.
    expires_at: Seconds,
    /// Since when the socket takes nothing; 0 while it does.
    blocked_since: Seconds,
    /// A ping went out and no sign of life came back. Only WebSockets answer.
    pong_owed: bool,
    answers_pings: bool,
}

impl Heartbeat {
    /// A socket that was opened at `now` with a token that ends at `expires_at`.
    #[must_use]
    pub fn new(transport: Transport, now: Seconds, expires_at: Seconds) -> Self {
        Self {
            ping_at: now + PING_SECONDS,
            expires_at,
            blocked_since: 0,
            pong_owed: false,
            answers_pings: transport == Transport::WebSocket,
        }
    }

    /// The client gave a sign of life.
    pub fn handle_heard(&mut self) {
        self.pong_owed = false;
    }

    /// A whole ping was handed to the kernel.
    pub fn handle_ping_sent(&mut self) {
        self.pong_owed = self.answers_pings;
    }

    /// The socket takes no more bytes for now.
    pub fn handle_blocked(&mut self, now: Seconds) {
        if self.blocked_since == 0 {
            self.blocked_since = now.max(1);
        }
    }

    /// The socket took bytes.
    pub fn handle_taken(&mut self) {
        if self.blocked_since != 0 {
            self.blocked_since = 0;
            // Its reader goes on: a sign of life. The ping that it owes an answer to may lie behind much that it has to read.
            self.pong_owed = false;
        }
    }

    /// Since when the socket takes no bytes.
    #[must_use]
    pub fn blocked_since(&self) -> Option<Seconds> {
        Some(self.blocked_since).filter(|since| *since != 0)
    }

    /// When the token ends.
    #[must_use]
    pub fn expires_at(&self) -> Seconds {
        self.expires_at
    }

    /// A new token was accepted.
    pub fn handle_token(&mut self, expires_at: Seconds) {
        self.expires_at = expires_at;
    }

    /// When to call [`poll`](Self::poll) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Seconds {
        self.ping_at.min(self.expires_at)
    }

    /// What is due at `now`. Call it again after [`poll_timeout`](Self::poll_timeout).
    pub fn poll(&mut self, now: Seconds) -> Due {
        if now >= self.expires_at {
            return Due::Close(CloseCode::UNAUTHORIZED, TOKEN_TIMED_OUT);
        }
        if now < self.ping_at {
            return Due::Nothing;
        }
        self.ping_at = now + PING_SECONDS;
        if self.blocked_since != 0 {
            // A ping would wait behind what is already waiting; only the bound on waiting counts now.
            return if now - self.blocked_since >= STUCK_SECONDS_MAX {
                Due::Close(CloseCode::SILENT, "Took nothing for ten minutes.")
            } else {
                Due::Nothing
            };
        }
        if self.pong_owed { Due::Close(CloseCode::SILENT, CloseCode::SILENT.reason()) } else { Due::Ping }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Seconds = Seconds::MAX;

    #[test]
    fn a_client_that_answers_is_pinged_forever() {
        let mut beat = Heartbeat::new(Transport::WebSocket, 100, NEVER);
        for round in 1..100 {
            let now = 100 + round * PING_SECONDS;
            assert_eq!(beat.poll_timeout(), now);
            assert_eq!(beat.poll(now - 1), Due::Nothing);
            assert_eq!(beat.poll(now), Due::Ping);
            beat.handle_ping_sent();
            beat.handle_heard();
        }
    }

    #[test]
    fn silence_until_the_next_ping_ends_a_websocket_and_nothing_else() {
        for (transport, ends) in
            [(Transport::WebSocket, true), (Transport::Sse, false), (Transport::Lines, false)]
        {
            let mut beat = Heartbeat::new(transport, 0, NEVER);
            assert_eq!(beat.poll(15), Due::Ping);
            beat.handle_ping_sent();
            assert_eq!(beat.poll(30) != Due::Ping, ends, "{transport:?}");
        }
    }

    #[test]
    fn a_socket_that_takes_nothing_is_left_alone_for_ten_minutes() {
        let mut beat = Heartbeat::new(Transport::WebSocket, 0, NEVER);
        beat.handle_blocked(1);
        for now in 1..=600 {
            assert_eq!(beat.poll(now), Due::Nothing);
        }
        assert!((601..=616).any(|now| matches!(beat.poll(now), Due::Close(CloseCode::SILENT, _))));
        beat.handle_taken();
        assert_eq!(beat.poll(700), Due::Ping);
    }

    #[test]
    fn a_slow_reader_that_goes_on_owes_no_answer_to_an_old_ping() {
        let mut beat = Heartbeat::new(Transport::WebSocket, 0, NEVER);
        assert_eq!(beat.poll(15), Due::Ping);
        beat.handle_ping_sent();
        beat.handle_blocked(16);
        assert_eq!(beat.poll(30), Due::Nothing);
        assert_eq!(beat.blocked_since(), Some(16));
        beat.handle_taken();
        assert_eq!(beat.poll(45), Due::Ping);
        beat.handle_ping_sent();
        assert_eq!(beat.poll(60), Due::Close(CloseCode::SILENT, CloseCode::SILENT.reason()));
    }

    #[test]
    fn the_token_ends_the_socket_and_a_new_one_prolongs_it() {
        let mut beat = Heartbeat::new(Transport::Sse, 0, 10);
        assert_eq!(beat.poll_timeout(), 10);
        beat.handle_token(20);
        assert_eq!(beat.poll(10), Due::Nothing);
        assert_eq!(beat.poll(20), Due::Close(CloseCode::UNAUTHORIZED, TOKEN_TIMED_OUT));
    }
}
