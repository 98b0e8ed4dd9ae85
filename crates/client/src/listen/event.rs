//! What a listener tells.

use crate::listen::token::BoxError;
use protocol::{close::CloseCode, cursor::Cursor, frame::GapReason, message::Data};
use std::time::Duration;

/// Something happened on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The channel is open: for the first time, or again after [`Event::Lost`].
    Open {
        /// Where the socket starts.
        cursor: Cursor,
    },
    /// A message. Each comes once, in order, across all connections of a listener.
    Message {
        /// The message's place. Missing for a message that nobody keeps.
        cursor: Option<Cursor>,
        /// What was sent.
        data: Data,
    },
    /// Messages before this place are no longer kept and will not come.
    Gap {
        /// Where it goes on.
        cursor: Cursor,
        /// Why they are missing.
        reason: GapReason,
    },
    /// The connection is gone, or could not be made; the listener comes back by itself, and goes on where it was.
    Lost {
        /// A sentence.
        reason: String,
        /// When it tries again.
        retry_in: Duration,
    },
    /// The channel is closed for good. The last event.
    Closed {
        /// Why, as a number.
        code: CloseCode,
        /// Why, as a sentence.
        reason: String,
    },
}

/// Why a listener gave up by itself. The last thing that it says.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// There is no token to open the channel with, and asking again will not help.
    #[error("no token to open the channel with: {0}")]
    Token(#[source] BoxError),
}
