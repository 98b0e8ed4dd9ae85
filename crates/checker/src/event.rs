//! What can happen.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A message's place: which life of the log, and where in it. Written as a cursor, `k3f.12`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    /// The log's life, as text: only equality counts.
    pub epoch: String,
    /// The place in it.
    pub offset: u64,
}

/// A text that is no [`Place`].
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidPlace(String);

/// One thing that was done or seen. Readers, channels and values are names that the recorder chooses; a value is unique
/// in its channel, so that a message can be recognized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A message is about to be sent. A send that is tried again under one key is recorded with another number and the same
    /// `channel`, `value` and `key`. A message for several channels is recorded once for each, under one number.
    Send {
        /// The number of this try.
        send: u64,
        /// To whom.
        channel: String,
        /// What.
        value: String,
        /// The Idempotency-Key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Whether it may vanish by itself (it has a TTL): then nobody has to get it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        expires: bool,
    },
    /// A try was answered: stored, at this place. A message that is for open sockets alone has none.
    Stored {
        /// The number of the try.
        send: u64,
        /// From the answer.
        place: Option<Place>,
    },
    /// A try was answered: certainly not stored. A try without an answer, or whose answer says that the outcome is not
    /// known, is not recorded at all: both may be.
    Refused {
        /// The number of the try.
        send: u64,
    },
    /// A reader's life begins: all that is sent from now on is its due. Recorded after its token was made.
    Begin {
        /// Who reads: one page, over all its connections.
        reader: String,
        /// What it reads.
        channel: String,
        /// Where it starts, if it was told so; what lies before is not its due.
        from: Option<Place>,
    },
    /// A reader got a message.
    Message {
        /// Who.
        reader: String,
        /// Where it lies. A message that was not kept has no place.
        place: Option<Place>,
        /// What.
        value: String,
    },
    /// A reader was told that messages are missing before this place.
    Gap {
        /// Who.
        reader: String,
        /// From here on it goes on.
        place: Place,
        /// `trimmed` or `epoch`.
        reason: String,
    },
    /// A reader has had everything that was announced so far: it saw a message that was sent after all others. What was
    /// answered later is not its due.
    End {
        /// Who.
        reader: String,
    },
    /// All messages that are kept of a channel, read at once.
    Kept {
        /// Of which.
        channel: String,
        /// Oldest first.
        messages: Vec<(Place, String)>,
    },
    /// A presence notice arrived at the application.
    Notice {
        /// About whom.
        client_id: String,
        /// Who came (true) or went.
        connected: bool,
        /// Its number.
        generation: u64,
        /// The same for every try of one notice.
        id: String,
    },
    /// Whether a client id has a socket open, for certain, when all notices have arrived.
    Present {
        /// Who.
        client_id: String,
        /// Whether.
        connected: bool,
    },
}

// === impl Place ===

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (epoch, offset) = text.split_once('.').ok_or_else(|| InvalidPlace(text.to_owned()))?;
        let offset = offset.parse().map_err(|_| InvalidPlace(text.to_owned()))?;
        Ok(Self { epoch: epoch.to_owned(), offset })
    }
}

impl TryFrom<String> for Place {
    type Error = InvalidPlace;

    fn try_from(text: String) -> Result<Self, InvalidPlace> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.offset)
    }
}

// === impl InvalidPlace ===

impl fmt::Display for InvalidPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no place: it must be an epoch, a dot and a number", self.0)
    }
}

impl std::error::Error for InvalidPlace {}
