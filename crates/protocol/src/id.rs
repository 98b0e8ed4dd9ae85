//! The application's name for who listens.

use crate::limits::CLIENT_ID_BYTES_MAX;
use std::{fmt, str::FromStr, sync::Arc};

/// A client id: 1 to 256 bytes of UTF-8, nothing else is asked of it. It addresses a channel.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

/// Why a text is no client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientId {
    /// The text has no bytes.
    #[error("a client id has at least 1 byte; give the name under which your application knows this client")]
    Empty,
    /// The text has more than 256 bytes.
    #[error("a client id has at most 256 bytes of UTF-8; this one has {0}")]
    TooLong(usize),
    /// The bytes are not UTF-8.
    #[error("a client id is UTF-8; these bytes are not")]
    NotUtf8,
}

impl ClientId {
    /// Checks bytes that came from outside.
    ///
    /// # Errors
    /// [`InvalidClientId`], for bytes that are empty, over 256 or not UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidClientId> {
        std::str::from_utf8(bytes).map_err(|_| InvalidClientId::NotUtf8)?.parse()
    }

    /// The id of the server's own canary. It has no bytes, so that no application can name it.
    #[must_use]
    pub fn canary() -> Self {
        Self(Arc::from(""))
    }

    /// Whether it is the canary's: what happens on its channel is nobody's business.
    #[must_use]
    pub fn is_canary(&self) -> bool {
        self.0.is_empty()
    }

    /// The id as the application wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        match text.len() {
            0 => Err(InvalidClientId::Empty),
            1..=CLIENT_ID_BYTES_MAX => Ok(Self(text.into())),
            length => Err(InvalidClientId::TooLong(length)),
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_not_characters() {
        assert!("é".repeat(128).parse::<ClientId>().is_ok());
        assert_eq!("é".repeat(129).parse::<ClientId>(), Err(InvalidClientId::TooLong(258)));
        assert!("x".repeat(256).parse::<ClientId>().is_ok());
        assert_eq!("x".repeat(257).parse::<ClientId>(), Err(InvalidClientId::TooLong(257)));
    }

    #[test]
    fn empty_and_broken_bytes_are_refused() {
        assert_eq!(ClientId::from_bytes(b""), Err(InvalidClientId::Empty));
        assert_eq!(ClientId::from_bytes(b"a\xff"), Err(InvalidClientId::NotUtf8));
    }

    #[test]
    fn no_text_is_the_id_of_the_canary() {
        assert!(ClientId::canary().is_canary());
        for text in [" ", "\0", "canary", "\u{feff}"] {
            assert!(!text.parse::<ClientId>().unwrap().is_canary(), "{text:?}");
        }
        assert!(ClientId::canary().as_str().parse::<ClientId>().is_err());
    }
}
