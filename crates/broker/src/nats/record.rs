//! What stands in the stream: a message or the mark of a deletion, its own header, and how it is read back.
//!
//! One header holds all, since it is stored and sent with every message: the kind, the time, and what else there is, as
//! `t 1796000000000 ttl=5 body=…`.

use crate::message::Draft;
use async_nats::HeaderMap;
use bytes::Bytes;
use protocol::{
    cursor::Offset,
    message::{Data, Text},
};
use std::fmt::Write;

/// The header.
const HEADER: &str = "Downlink";

/// By this NATS knows a message that it has.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// What a record says beside its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// When the node took it, in milliseconds since 1970.
    pub(super) time_ms: u64,
    pub(super) ttl_seconds: u32,
    /// The hash of what must be equal for a send to be a repetition.
    pub(super) body: Option<u128>,
    /// In the mark of a deletion: the channel's newest message before it.
    pub(super) previous: Offset,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Binary,
    /// From here on a deleted channel counts.
    Deletion,
}

/// A record of the stream.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) offset: Offset,
    pub(super) head: Head,
    pub(super) payload: Bytes,
}

impl Head {
    pub(super) fn of(draft: &Draft, body: Option<u128>, now_ms: u64) -> Self {
        let kind = if matches!(draft.data, Data::Text(_)) { Kind::Text } else { Kind::Binary };
        Self { kind, time_ms: now_ms, ttl_seconds: draft.ttl_seconds, body, previous: Offset(0) }
    }

    /// As headers, with what NATS is to know the message by.
    pub(super) fn headers(&self, message_id: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, self.text());
        if let Some(id) = message_id {
            headers.insert(MESSAGE_ID, id);
        }
        headers
    }

    fn text(&self) -> String {
        let kind = match self.kind {
            Kind::Text => 't',
            Kind::Binary => 'b',
            Kind::Deletion => 'd',
        };
        let mut text = format!("{kind} {}", self.time_ms);
        if self.ttl_seconds != 0 {
            let _ = write!(text, " ttl={}", self.ttl_seconds);
        }
        if let Some(body) = self.body {
            let _ = write!(text, " body={body:032x}");
        }
        if self.previous.0 != 0 {
            let _ = write!(text, " previous={}", self.previous);
        }
        text
    }

    /// What nobody of us wrote is `None`. Words that a later version adds are passed over.
    pub(super) fn read(headers: Option<&HeaderMap>) -> Option<Self> {
        let mut words = headers?.get(HEADER)?.as_str().split(' ');
        let kind = match words.next()? {
            "t" => Kind::Text,
            "b" => Kind::Binary,
            "d" => Kind::Deletion,
            _ => return None,
        };
        let mut head = Self { kind, time_ms: words.next()?.parse().ok()?, ..Self::default() };
        for word in words {
            match word.split_once('=')? {
                ("ttl", seconds) => head.ttl_seconds = seconds.parse().ok()?,
                ("body", hash) => head.body = Some(u128::from_str_radix(hash, 16).ok()?),
                ("previous", offset) => head.previous = Offset(offset.parse().ok()?),
                _ => {}
            }
        }
        Some(head)
    }
}

impl Record {
    /// The message's data; `None` for a mark, and for what nobody of us wrote.
    pub(super) fn data(&self) -> Option<Data> {
        match self.head.kind {
            Kind::Text => Text::new(self.payload.clone()).ok().map(Data::Text),
            Kind::Binary => Some(Data::Binary(self.payload.clone())),
            Kind::Deletion => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_were_written() {
        for head in [
            Head { time_ms: 1_796_000_000_000, ..Head::default() },
            Head { kind: Kind::Binary, ttl_seconds: 5, body: Some(u128::MAX), ..Head::default() },
            Head {
                kind: Kind::Deletion,
                time_ms: 7,
                previous: Offset(u64::MAX),
                body: Some(0),
                ..Head::default()
            },
        ] {
            assert_eq!(Head::read(Some(&head.headers(Some("id")))), Some(head));
        }
    }

    #[test]
    fn what_nobody_of_us_wrote_is_no_head() {
        assert_eq!(Head::read(None), None);
        for text in ["", "t", "x 5", "t five", "t 5 ttl", "t 5 ttl=-1", "t 5 body=x", "t  5"] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text);
            assert_eq!(Head::read(Some(&headers)), None, "{text:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, "t 5 later=thing ttl=9");
        assert_eq!(Head::read(Some(&headers)).map(|head| head.ttl_seconds), Some(9));
    }
}
