//! Frames out of bytes as they come, for clients that do not block: what `support::socket` does, without waiting.

use crate::support::websocket::{CLOSE, FIN, PING, PONG, TEXT, frame};
use protocol::socket::Transport;
use serde_json::Value;

/// What a crowd has to tell apart.
#[derive(Debug)]
pub(super) enum Heard {
    Open {
        name: String,
        cursor: String,
    },
    Message {
        cursor: Option<String>,
        text: String,
    },
    Cursor(String),
    Gap {
        cursor: String,
        reason: String,
    },
    Close {
        code: u64,
        retry_after_ms: Option<u64>,
    },
    /// A WebSocket wants this said back.
    Answer(Vec<u8>),
}

/// Bytes that are not whole frames yet.
#[derive(Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    start: usize,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let bytes = self.unread()[..count].to_vec();
        self.start += count;
        bytes
    }

    fn up_to(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        let at = self.unread().windows(mark.len()).position(|window| window == mark)?;
        let bytes = self.take(at + mark.len());
        Some(bytes[..at].to_vec())
    }

    /// The head of an answer: its status, and the length of its body if it says so.
    pub(super) fn head(&mut self) -> Option<(u16, Option<usize>)> {
        let head = String::from_utf8(self.up_to(b"\r\n\r\n")?).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        Some((status, length))
    }

    /// A body of this length.
    pub(super) fn body(&mut self, length: usize) -> Option<Vec<u8>> {
        (self.unread().len() >= length).then(|| self.take(length))
    }

    /// The next frame of a stream.
    pub(super) fn next(&mut self, transport: Transport) -> Option<Heard> {
        match transport {
            Transport::WebSocket => self.websocket(),
            Transport::Sse => self.event(),
            Transport::Lines => self.up_to(b"\n").map(|line| heard(&serde_json::from_slice(&line).unwrap())),
            Transport::LongPoll => unreachable!("its frames are bodies"),
        }
    }

    fn websocket(&mut self) -> Option<Heard> {
        loop {
            let unread = self.unread();
            let [first, second, ..] = *unread else { return None };
            let (head, length) = match second {
                126 => (4, usize::from(u16::from_be_bytes(unread.get(2..4)?.try_into().unwrap()))),
                127 => panic!("nothing so long is sent here"),
                length => (2, usize::from(length)),
            };
            if unread.len() < head + length {
                return None;
            }
            let payload = self.take(head + length).split_off(head);
            match first & 0x0f {
                TEXT => return Some(heard(&serde_json::from_slice(&payload).unwrap())),
                PING => return Some(Heard::Answer(frame(FIN | PONG, &payload))),
                CLOSE => {}
                other => panic!("opcode {other}"),
            }
        }
    }

    fn event(&mut self) -> Option<Heard> {
        let block = String::from_utf8(self.up_to(b"\n\n")?).unwrap();
        let field = |name: &str| {
            let mut values = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            values.next().map(str::to_owned)
        };
        let (id, data) = (field("id"), field("data"));
        Some(match (field("event"), data) {
            (Some(_), Some(json)) => heard(&serde_json::from_str(&json).unwrap()),
            (_, Some(text)) => Heard::Message { cursor: id, text },
            (_, None) => Heard::Cursor(id.unwrap()),
        })
    }
}

/// A frame's JSON.
pub(super) fn heard(frame: &Value) -> Heard {
    let word = |name: &str| frame[name].as_str().map(str::to_owned);
    match frame["type"].as_str() {
        Some("open") => Heard::Open { name: word("socket").unwrap(), cursor: word("cursor").unwrap() },
        Some("ping") => Heard::Cursor(word("cursor").unwrap()),
        Some("gap") => Heard::Gap { cursor: word("cursor").unwrap(), reason: word("reason").unwrap() },
        Some("close") => Heard::Close {
            code: frame["code"].as_u64().unwrap(),
            retry_after_ms: frame["retry_after_ms"].as_u64(),
        },
        Some(other) => panic!("unknown frame {other}"),
        None => Heard::Message { cursor: word("id"), text: word("data").unwrap() },
    }
}
