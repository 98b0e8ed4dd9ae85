//! A page's end of its socket: frames out of bytes, for lines, WebSockets and polls.

use super::world::World;
use broker::message::Position;
use delivery::{open::Opened, socket::Socket};
use protocol::cursor::Cursor;
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

/// How a page is connected.
pub(super) enum Wire {
    Lines(Stream),
    WebSocket(Stream),
    Poll(Arc<Socket>),
}

/// A connection and what of it was not taken apart yet.
pub(super) struct Stream {
    tcp: TcpStream,
    bytes: Vec<u8>,
    ended: bool,
}

impl Stream {
    pub(super) fn new(world: &World, opened: Opened) -> Self {
        Self { tcp: world.connect(opened), bytes: Vec::new(), ended: false }
    }

    /// Reads what is there, or waits a little for something.
    fn fill(&mut self, wait: Option<Duration>) {
        self.tcp.set_nonblocking(wait.is_none()).expect("a connection can");
        self.tcp.set_read_timeout(wait).expect("a connection can");
        let mut chunk = [0; 64 * 1024];
        match self.tcp.read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(count) => self.bytes.extend_from_slice(&chunk[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.ended = true,
        }
    }

    /// The whole lines that are there.
    fn lines(&mut self) -> Vec<Value> {
        let Some(end) = self.bytes.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let lines: Vec<u8> = self.bytes.drain(..=end).collect();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a line is JSON")).collect()
    }

    /// The whole text frames that are there; a server does not mask them.
    fn frames(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some((first, payload)) = frame(&self.bytes[at..]) {
            let range = at + payload.start..at + payload.end;
            if first == 0x81 {
                frames.push(serde_json::from_slice(&self.bytes[range]).expect("a text frame is JSON"));
            }
            at += payload.end;
        }
        self.bytes.drain(..at);
        frames
    }
}

/// The first byte of a whole frame and where its payload lies.
fn frame(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (length, start) = match *bytes.get(1)? {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        short => (usize::from(short), 2),
    };
    (bytes.len() >= start + length).then_some((bytes[0], start..start + length))
}

impl Wire {
    /// Frames that have come, in their order; after a moment, if `patient`.
    pub(super) fn read(&mut self, world: &World, patient: bool) -> Vec<Value> {
        let wait = patient.then_some(Duration::from_millis(20));
        match self {
            Self::Lines(stream) => {
                stream.fill(wait);
                stream.lines()
            }
            Self::WebSocket(stream) => {
                stream.fill(wait);
                stream.frames()
            }
            Self::Poll(socket) => poll(world, socket),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Lines(stream) | Self::WebSocket(stream) => stream.ended,
            Self::Poll(socket) => socket.is_closed(),
        }
    }

    /// Says something on a WebSocket; false where nothing can be said that way.
    pub(super) fn say(&mut self, text: &[u8]) -> bool {
        let Self::WebSocket(stream) = self else { return false };
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
        if text.len() < 126 {
            frame = vec![0x81, 0x80 | text.len() as u8];
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text);
        stream.tcp.set_nonblocking(false).expect("a connection can");
        // Whoever has ended hears no more.
        let _ = stream.tcp.write_all(&frame);
        true
    }
}

/// A poll's answer as the frames of a stream: its gap, its messages, its cursor as a ping, its close.
fn poll(world: &World, socket: &Arc<Socket>) -> Vec<Value> {
    let position = None::<Position>;
    let answer = world.runtime.block_on(world.hub.poll(socket, position, None, Duration::ZERO));
    frames_of(&answer.expect("memory is read"))
}

/// See [`poll`].
pub(super) fn frames_of(answer: &[u8]) -> Vec<Value> {
    let mut answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    let mut frames = Vec::new();
    if let Some(gap) = answer.get("gap").filter(|gap| !gap.is_null()) {
        frames.push(json!({"type": "gap", "cursor": gap["cursor"], "reason": gap["reason"]}));
    }
    frames.extend(answer["messages"].as_array_mut().map(std::mem::take).unwrap_or_default());
    frames.push(json!({"type": "ping", "cursor": answer["cursor"]}));
    if let Some(close) = answer.get("close").filter(|close| !close.is_null()) {
        frames.push(json!({"type": "close", "code": close["code"]}));
    }
    frames
}

/// The cursor of a frame.
pub(super) fn cursor(value: &Value) -> Cursor {
    value.as_str().and_then(|text| text.parse().ok()).expect("a frame names its cursor")
}
