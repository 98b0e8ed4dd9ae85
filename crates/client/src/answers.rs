//! What the server answers, as values.

use protocol::cursor::Cursor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A channel that was created: the token opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Whose channel.
    pub client_id: String,
    /// Opens the channel until it expires. A secret of its client.
    pub token: String,
    /// When the token expires (RFC 3339).
    pub expires_at: String,
    /// Where a socket starts that is opened with the token.
    #[serde(serialize_with = "write_cursor", deserialize_with = "read_cursor")]
    pub cursor: Cursor,
}

impl fmt::Debug for Channel {
    /// Without the token, which must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("client_id", &self.client_id)
            .field("expires_at", &self.expires_at)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's place; none if it was not to be stored (a TTL of 0).
    #[serde(default)]
    pub id: Option<String>,
    /// Sockets of this client id on the node that answered: a hint, not a receipt.
    pub sockets: u64,
}

/// What the server knows of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelState {
    /// Whether a socket is open.
    pub connected: bool,
    /// Since when (RFC 3339).
    #[serde(default)]
    pub since: Option<String>,
    /// The open sockets, as the server describes them.
    #[serde(default)]
    pub sockets: Vec<serde_json::Value>,
    /// The channel's newest place.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The highest cursor that any socket acknowledged.
    #[serde(default)]
    pub acked: Option<String>,
    /// How many messages lie behind that.
    #[serde(default)]
    pub lag: Option<u64>,
}

/// Some of the client ids that have a socket open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresencePage {
    /// The ids.
    pub client_ids: Vec<String>,
    /// Where the next page begins; none on the last.
    #[serde(default)]
    pub next: Option<String>,
}

fn write_cursor<S: Serializer>(cursor: &Cursor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cursor)
}

fn read_cursor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str =
        r#"{"client_id":"ada","token":"eyJ.secret","expires_at":"2026-01-01T00:00:00Z","cursor":"k3f.12"}"#;

    #[test]
    fn a_channel_is_written_as_it_was_read() {
        let channel: Channel = serde_json::from_str(CHANNEL).unwrap();
        assert_eq!(serde_json::to_string(&channel).unwrap(), CHANNEL);
    }

    #[test]
    fn a_token_is_not_shown() {
        let channel: Channel = serde_json::from_str(CHANNEL).unwrap();
        assert!(!format!("{channel:?}").contains("secret"));
    }

    #[test]
    fn what_is_not_stored_has_no_id() {
        for body in [r#"{"sockets":2}"#, r#"{"id":null,"sockets":2}"#] {
            assert_eq!(serde_json::from_str::<Sent>(body).unwrap(), Sent { id: None, sockets: 2 });
        }
    }
}
