//! What the application sends.

use bytes::Bytes;

/// A message's data, as text or as bytes. At least 1 byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// UTF-8, delivered as a string.
    Text(Text),
    /// Anything, delivered as bytes.
    Binary(Bytes),
}

/// Bytes that were checked to be UTF-8, kept as bytes so that they can be shared with the buffer they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Bytes);

/// The bytes are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is declared as text but is not UTF-8; send bytes as application/octet-stream")]
pub struct NotUtf8;

impl Text {
    /// Checks bytes that came from outside.
    ///
    /// # Errors
    /// [`NotUtf8`].
    pub fn new(bytes: Bytes) -> Result<Self, NotUtf8> {
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(_) => Err(NotUtf8),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Data {
    /// The bytes of the message, text or not.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        match self {
            Data::Text(text) => &text.0,
            Data::Binary(bytes) => bytes,
        }
    }
}
