//! Bytes in, frames out, over any transport: no socket, no clock.

use super::text;
use crate::support::websocket::{ACCEPT, CLOSE, FIN, PING, PONG, TEXT};
use protocol::socket::Transport;
use serde_json::Value;
use std::{collections::VecDeque, io};

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Open {
        cursor: String,
        socket: String,
    },
    /// A message's place, and the name of its text, which was whole.
    Message {
        id: Option<String>,
        name: String,
    },
    Gap {
        cursor: String,
        reason: String,
    },
    Ping {
        cursor: String,
    },
    Close {
        code: u64,
        reason: String,
    },
    /// A WebSocket's own ping, to be answered with the same bytes.
    Asked(Vec<u8>),
    /// A poll was answered to its end; the next one is due.
    Polled {
        cursor: String,
    },
    /// The answer is no socket but a refusal.
    Refused(u16),
}

/// The bytes of one connection.
pub(crate) struct Decoder {
    transport: Transport,
    bytes: Vec<u8>,
    start: usize,
    /// How much of `bytes` was searched in vain for the end of a frame.
    searched: usize,
    /// What an answer's head said of its body; `None` while the head is awaited.
    body: Option<usize>,
    /// A poll's first answer stands for the open frame of the others.
    is_open: bool,
    frames: VecDeque<Frame>,
}

impl Decoder {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            bytes: Vec::new(),
            start: 0,
            searched: 0,
            body: None,
            is_open: false,
            frames: VecDeque::new(),
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether a frame has begun that has not ended.
    pub(crate) fn is_inside_frame(&self) -> bool {
        self.body.is_some() && self.start < self.bytes.len()
    }

    /// The next frame, if it is there as a whole.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Ok(Some(frame));
            }
            let came = match (self.body, self.transport) {
                (None, _) => self.head()?,
                (_, Transport::WebSocket) => self.websocket()?,
                (_, Transport::Sse) => self.event(),
                (_, Transport::Lines) => self.line(),
                (Some(bytes), Transport::LongPoll) => self.answer(bytes),
            };
            if !came {
                return Ok(None);
            }
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.unread()[..count].to_vec();
        self.start += count;
        taken
    }

    /// Everything before `mark`, which is taken too.
    fn up_to(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        let found = self.unread()[self.searched..].windows(mark.len()).position(|window| window == mark);
        let Some(at) = found.map(|at| at + self.searched) else {
            self.searched = self.unread().len().saturating_sub(mark.len() - 1);
            return None;
        };
        self.searched = 0;
        let taken = self.take(at);
        self.start += mark.len();
        Some(taken)
    }

    fn head(&mut self) -> io::Result<bool> {
        let Some(head) = self.up_to(b"\r\n\r\n") else { return Ok(false) };
        let head = String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData)?;
        let status: u16 = head[9..12].parse().map_err(|_| io::ErrorKind::InvalidData)?;
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
        };
        if status != if self.transport == Transport::WebSocket { 101 } else { 200 } {
            self.frames.push_back(Frame::Refused(status));
            return Ok(true);
        }
        if self.transport == Transport::WebSocket {
            assert_eq!(header("sec-websocket-accept"), Some(ACCEPT));
        }
        self.body = Some(match self.transport {
            Transport::LongPoll => header("content-length").unwrap().parse().unwrap(),
            _ => 0,
        });
        Ok(true)
    }

    fn websocket(&mut self) -> io::Result<bool> {
        let bytes = self.unread();
        let [first, short, ..] = *bytes else { return Ok(false) };
        assert_eq!(first & 0xf0, FIN, "a server's frames are whole");
        let (head, length) = match (short, bytes) {
            (126, [_, _, high, low, ..]) => (4, u16::from_be_bytes([*high, *low]).into()),
            (126, _) => return Ok(false),
            (length, _) => {
                assert!(length < 126, "no message here is as long, and a server does not mask");
                (2, usize::from(length))
            }
        };
        if bytes.len() < head + length {
            return Ok(false);
        }
        let payload = self.take(head + length).split_off(head);
        match first & 0x0f {
            TEXT => self.json(&payload),
            PING => self.frames.push_back(Frame::Asked(payload)),
            PONG => {}
            CLOSE => return Err(io::ErrorKind::UnexpectedEof.into()),
            other => panic!("opcode {other}"),
        }
        Ok(true)
    }

    fn event(&mut self) -> bool {
        let Some(block) = self.up_to(b"\n\n") else { return false };
        let block = String::from_utf8(block).unwrap();
        let (mut id, mut name, mut data) = (None, "", None);
        for line in block.lines() {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("id", value) => id = Some(value.to_owned()),
                ("event", value) => name = value,
                ("data", value) => assert!(data.replace(value).is_none(), "no text here has lines"),
                ("retry", _) => {}
                other => panic!("{other:?}"),
            }
        }
        match (name, data) {
            ("", None) => self.frames.push_back(Frame::Ping { cursor: id.unwrap() }),
            ("", Some(data)) => {
                self.frames.push_back(Frame::Message { id, name: text::name(data).to_owned() });
            }
            ("ready" | "gap" | "closing", Some(data)) => self.json(data.as_bytes()),
            other => panic!("{other:?}"),
        }
        true
    }

    fn line(&mut self) -> bool {
        let Some(line) = self.up_to(b"\n") else { return false };
        self.json(&line);
        true
    }

    fn answer(&mut self, bytes: usize) -> bool {
        if self.unread().len() < bytes {
            return false;
        }
        let answer: Value = serde_json::from_slice(&self.take(bytes)).unwrap();
        self.body = None;
        let word = |name: &str| answer[name].as_str().unwrap().to_owned();
        if !std::mem::replace(&mut self.is_open, true) {
            // Where it starts is not told apart; whoever is cut off right behind it has read all of it.
            self.frames.push_back(Frame::Open { cursor: String::new(), socket: word("socket") });
        }
        for part in answer.get("gap").into_iter().chain(answer["messages"].as_array().unwrap()) {
            self.frame(part);
        }
        self.frames.push_back(Frame::Polled { cursor: word("cursor") });
        answer.get("close").into_iter().for_each(|close| self.frame(close));
        true
    }

    fn json(&mut self, text: &[u8]) {
        let value = serde_json::from_slice(text).unwrap_or_else(|error| panic!("a torn frame: {error}"));
        self.frame(&value);
    }

    fn frame(&mut self, value: &Value) {
        let word = |name: &str| value[name].as_str().map(str::to_owned).unwrap_or_default();
        self.frames.push_back(match value["type"].as_str() {
            None => Frame::Message {
                id: value["id"].as_str().map(str::to_owned),
                name: text::name(value["data"].as_str().unwrap()).to_owned(),
            },
            Some("open") => Frame::Open { cursor: word("cursor"), socket: word("socket") },
            Some("ping") => Frame::Ping { cursor: word("cursor") },
            Some("gap") => Frame::Gap { cursor: word("cursor"), reason: word("reason") },
            Some("close") => Frame::Close { code: value["code"].as_u64().unwrap(), reason: word("reason") },
            Some(other) => panic!("unknown frame {other}"),
        });
    }
}
