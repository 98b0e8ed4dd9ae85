//! Taking what arrives on a connection apart again, as a client would that knows only the wire's description.

use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::socket::Transport;
use serde_json::Value;

/// What a reader makes of its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Moves the cursor, and nothing else.
    Cursor(String),
    /// A message, with its place if it is kept.
    Message(Option<String>, String),
    /// Something is missing before this place.
    Gap(String, String),
    /// The node ends the socket.
    Close,
    /// The node asks whether the reader is there, with this.
    Ping(Vec<u8>),
}

/// Bytes that came and are no whole frame yet.
#[derive(Debug, Default)]
pub(super) struct Reading {
    bytes: Vec<u8>,
}

impl Reading {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    pub(super) fn next(&mut self, transport: Transport) -> Option<Frame> {
        loop {
            let (frame, length) = match transport {
                Transport::WebSocket => self.websocket()?,
                Transport::Sse => self.event()?,
                Transport::Lines | Transport::LongPoll => self.line()?,
            };
            self.bytes.drain(..length);
            if let Some(frame) = frame {
                return Some(frame);
            }
        }
    }

    fn line(&self) -> Option<(Option<Frame>, usize)> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        Some((frame(&serde_json::from_slice(&self.bytes[..end]).expect("a line is JSON")), end + 1))
    }

    /// A frame of RFC 6455, section 5.2, as servers send it: not masked.
    fn websocket(&self) -> Option<(Option<Frame>, usize)> {
        let (first, second) = (*self.bytes.first()?, *self.bytes.get(1)?);
        let (length, head) = match second {
            126 => (u16::from_be_bytes(self.bytes.get(2..4)?.try_into().ok()?) as usize, 4),
            127 => (u64::from_be_bytes(self.bytes.get(2..10)?.try_into().ok()?) as usize, 10),
            length => (length as usize, 2),
        };
        let payload = self.bytes.get(head..head + length)?;
        let frame = match first {
            0x81 => frame(&serde_json::from_slice(payload).expect("a text is JSON")),
            0x88 => Some(Frame::Close),
            0x89 => Some(Frame::Ping(payload.to_vec())),
            0x8a => None,
            other => panic!("a frame begins with {other:#x}"),
        };
        Some((frame, head + length))
    }

    /// An event, up to its empty line.
    fn event(&self) -> Option<(Option<Frame>, usize)> {
        let end = self.bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let text = std::str::from_utf8(&self.bytes[..end]).expect("events are UTF-8");
        let (mut name, mut id, mut data) = ("", None, Vec::new());
        for line in text.split('\n') {
            match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
                Some(("event", value)) => name = value,
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("data", value)) => data.push(value),
                _ => {}
            }
        }
        let data = data.join("\n");
        let decoded = || {
            let bytes = BASE64_STANDARD.decode(&data).expect("base64");
            String::from_utf8(bytes).expect("values are UTF-8")
        };
        let frame = match name {
            "" if data.is_empty() => id.map(Frame::Cursor),
            "" => Some(Frame::Message(id, data)),
            "binary" | "base64text" => Some(Frame::Message(id, decoded())),
            _ => frame(&serde_json::from_str(&data).expect("an event's data is JSON")),
        };
        Some((frame, end + 2))
    }
}

/// A frame from its JSON.
pub(super) fn frame(value: &Value) -> Option<Frame> {
    let word = |name: &str| value[name].as_str().map(str::to_owned);
    let decoded = || {
        let bytes = BASE64_STANDARD.decode(value["base64"].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    };
    match value["type"].as_str() {
        None => Some(Frame::Message(word("id"), word("data").or_else(decoded).expect("a message has data"))),
        Some("gap") => Some(Frame::Gap(word("cursor")?, word("reason")?)),
        Some("close") => Some(Frame::Close),
        Some(_) => word("cursor").map(Frame::Cursor),
    }
}
