//! What travels on a socket, before a transport gives it its form (`encode`).

use crate::{close::CloseCode, cursor::Cursor, message::Data};

/// Why messages are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// They were older, or more, than is kept.
    Trimmed,
    /// The log they were in is no more.
    Epoch,
}

impl GapReason {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GapReason::Trimmed => "trimmed",
            GapReason::Epoch => "epoch",
        }
    }
}

/// One frame. Messages are not here because they are encoded once for all sockets; see `encode::*::message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Always first: where this socket starts, its name, and how often it hears from the server.
    Open {
        /// Where the socket starts.
        cursor: Cursor,
        /// The socket's name, a secret of its client.
        socket: &'a str,
        /// Seconds between pings.
        ping: u32,
    },
    /// Messages between the client's cursor and `cursor` are no longer kept.
    Gap {
        /// Delivery goes on after this place.
        cursor: Cursor,
        /// Why.
        reason: GapReason,
    },
    /// The server is there, and the client has had everything up to here.
    Ping {
        /// The new cursor.
        cursor: Cursor,
    },
    /// Always last, if the server ends the socket.
    Close {
        /// The code.
        code: CloseCode,
        /// A sentence.
        reason: &'a str,
        /// When to come back, for restarts.
        retry_after_ms: Option<u32>,
    },
}

/// A message and its place, as `encode` takes it.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The message's place, which is the cursor of whoever received it. A message that nobody keeps has none: it
    /// carries no id, moves no cursor, and is never sent again.
    pub cursor: Option<Cursor>,
    /// What was sent.
    pub data: &'a Data,
}
