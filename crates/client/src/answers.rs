//! What the server answers, as values.

use crate::listen::frame::gap_reason;
use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::{cursor::Cursor, frame::GapReason, message::Data};
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

/// Some of a channel's kept messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MessagesPage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Ask again after this place, later, for what came since.
    pub cursor: String,
    /// Said if messages between the place that was asked for and this page may be gone.
    #[serde(default)]
    pub gap: Option<Gap>,
    /// Where the next page begins; none on the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// A kept message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenMessage")]
pub struct Message {
    /// Its place.
    pub id: String,
    /// What was sent.
    pub data: Data,
    /// When it was sent (RFC 3339).
    pub time: String,
}

/// Messages are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Gap {
    /// What is kept goes on after this place.
    #[serde(deserialize_with = "read_cursor")]
    pub cursor: Cursor,
    /// Why.
    #[serde(deserialize_with = "read_reason")]
    pub reason: GapReason,
}

/// A message as JSON has it: text, or bytes in base64.
#[derive(Deserialize)]
struct WrittenMessage {
    id: String,
    data: Option<String>,
    base64: Option<String>,
    time: String,
}

impl TryFrom<WrittenMessage> for Message {
    type Error = &'static str;

    fn try_from(written: WrittenMessage) -> Result<Self, Self::Error> {
        let WrittenMessage { id, data, base64, time } = written;
        let data = match (data, base64) {
            (Some(text), _) => Data::Text(text.into()),
            (None, Some(text)) => {
                Data::Binary(BASE64_STANDARD.decode(text).map_err(|_| "not base64")?.into())
            }
            (None, None) => return Err("a message without data"),
        };
        Ok(Self { id, data, time })
    }
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

fn read_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<GapReason, D::Error> {
    Ok(gap_reason(Some(&String::deserialize(deserializer)?)))
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
    fn a_page_is_read_as_the_server_writes_it() {
        let page: MessagesPage = serde_json::from_str(
            r#"{"messages":[{"id":"k3f.1","data":"hi","time":"2026-01-01T00:00:00.000Z"},
                {"id":"k3f.2","base64":"AP8=","time":"2026-01-01T00:00:01.000Z"}],
                "cursor":"k3f.2","gap":{"type":"gap","cursor":"k3f.0","reason":"epoch"},"next":null}"#,
        )
        .unwrap();
        assert_eq!(page.messages[0].data, Data::Text("hi".to_owned().into()));
        assert_eq!(page.messages[1].data, Data::Binary(vec![0, 255].into()));
        assert_eq!(page.gap, Some(Gap { cursor: "k3f.0".parse().unwrap(), reason: GapReason::Epoch }));
        assert_eq!((page.cursor.as_str(), page.next), ("k3f.2", None));
    }

    #[test]
    fn what_is_no_message_is_no_page() {
        for message in [r#"{"id":"k3f.1","time":""}"#, r#"{"id":"k3f.1","base64":"?","time":""}"#, "1"] {
            let page = format!(r#"{{"messages":[{message}],"cursor":"k3f.2"}}"#);
            assert!(serde_json::from_str::<MessagesPage>(&page).is_err(), "{message}");
        }
    }

    #[test]
    fn what_is_not_stored_has_no_id() {
        for body in [r#"{"sockets":2}"#, r#"{"id":null,"sockets":2}"#] {
            assert_eq!(serde_json::from_str::<Sent>(body).unwrap(), Sent { id: None, sockets: 2 });
        }
    }
}
