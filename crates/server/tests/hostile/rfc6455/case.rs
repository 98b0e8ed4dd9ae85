//! One case: what a client sends, and what the server must say to it.

use crate::support::websocket::{CLOSE, FIN, PING, PONG, TEXT, frame};

/// A cursor of another life: an acknowledgement that changes nothing and breaks nothing.
pub(super) const WORD: &[u8] = br#"{"ack":"1.0"}"#;

/// A case, on a connection of its own.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
}

/// What happens on the way.
pub(super) enum Step {
    /// The client writes this, a moment after what it wrote before.
    Send(Vec<u8>),
    /// The server's next frame is a pong with this payload.
    Pong(Vec<u8>),
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server says why, twice (in its own frame and in the protocol's), and ends the connection.
    Closed(u16),
    /// The server answers the client's close with 1000 and ends the connection.
    Answered,
    /// The socket lives: nothing has come, and its next ping is answered.
    GoesOn,
}

/// Cases as they are collected.
#[derive(Default)]
pub(super) struct Table(pub(super) Vec<Case>);

impl Table {
    /// What the client sends in one write.
    pub(super) fn once(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>, end: End) {
        self.steps(name, vec![Step::Send(bytes.into())], end);
    }

    /// What the client sends in several writes.
    pub(super) fn writes(&mut self, name: impl Into<String>, writes: Vec<Vec<u8>>, end: End) {
        self.steps(name, writes.into_iter().map(Step::Send).collect(), end);
    }

    pub(super) fn steps(&mut self, name: impl Into<String>, steps: Vec<Step>, end: End) {
        self.0.push(Case { name: name.into(), steps, end });
    }
}

/// Several frames, one behind the other.
pub(super) fn all<const N: usize>(frames: [Vec<u8>; N]) -> Vec<u8> {
    frames.into_iter().flatten().collect()
}

/// How a frame says its length, right or wrong.
#[derive(Clone, Copy)]
pub(super) enum Length {
    Short(u8),
    Sixteen(u16),
    SixtyFour(u64),
}

/// A head as it is told, whether or not it may be.
pub(super) fn head(first: u8, length: Length, mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match length {
        Length::Short(length) => bytes.push(bit | length),
        Length::Sixteen(length) => {
            bytes.push(bit | 126);
            bytes.extend(length.to_be_bytes());
        }
        Length::SixtyFour(length) => {
            bytes.push(bit | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(mask.unwrap_or_default().iter().filter(|_| mask.is_some()));
    bytes
}

/// A frame that begins with `payload` and says that `missing` bytes are to follow, which never come.
pub(super) fn unfinished(first: u8, payload: &[u8], missing: usize) -> Vec<u8> {
    let mut bytes = frame(first, &[payload, &vec![b' '; missing]].concat());
    bytes.truncate(bytes.len() - missing);
    bytes
}

/// A word, with spaces behind it up to a length.
pub(super) fn word(length: usize) -> Vec<u8> {
    [WORD, &vec![b' '; length - WORD.len()]].concat()
}

/// A masked text in one frame.
pub(super) fn text(payload: &[u8]) -> Vec<u8> {
    frame(FIN | TEXT, payload)
}

/// A masked ping.
pub(super) fn ping(payload: &[u8]) -> Vec<u8> {
    frame(FIN | PING, payload)
}

/// A masked pong.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    frame(FIN | PONG, payload)
}

/// A masked close with a code and a reason.
pub(super) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}
