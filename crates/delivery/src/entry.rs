//! A message as all sockets share it: encoded once per transport, whoever needs it first.

use broker::message::Message;
use bytes::Bytes;
use protocol::{
    cursor::{Cursor, Epoch, Offset},
    encode,
    frame::{Frame, Placed},
    message::Data,
    socket::Transport,
};
use std::{cell::RefCell, sync::OnceLock};

/// An announced message and its frames.
#[derive(Debug)]
pub struct Entry {
    /// The message.
    pub message: Message,
    epoch: Epoch,
    websocket: OnceLock<Bytes>,
    sse: OnceLock<Bytes>,
    lines: OnceLock<Bytes>,
}

/// What an entry costs beside its data and frames.
const ENTRY_BYTES: usize = 256;

thread_local! {
    /// Frames are built here and copied out in their exact size: one allocation each.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Entry {
    /// An entry without frames.
    #[must_use]
    pub fn new(message: Message, epoch: Epoch) -> Self {
        Self { message, epoch, websocket: OnceLock::new(), sse: OnceLock::new(), lines: OnceLock::new() }
    }

    /// The message's place.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.message.offset
    }

    /// The frame for a transport; long-polls share none, since their answers hold many messages.
    #[must_use]
    pub fn frame(&self, transport: Transport) -> &Bytes {
        let cell = match transport {
            Transport::WebSocket => &self.websocket,
            Transport::Sse => &self.sse,
            Transport::Lines | Transport::LongPoll => &self.lines,
        };
        let cursor = Cursor::new(self.epoch, self.message.offset);
        cell.get_or_init(|| message_frame(transport, Some(cursor), &self.message.data))
    }

    /// What this entry is counted as in the tail cache: data and one frame.
    #[must_use]
    pub fn bytes(&self) -> usize {
        ENTRY_BYTES + 2 * self.message.data.bytes().len() + 32 * (self.message.links.len() - 1)
    }
}

/// A message's frame. Without a cursor it is one that nobody keeps.
#[must_use]
pub fn message_frame(transport: Transport, cursor: Option<Cursor>, data: &Data) -> Bytes {
    let placed = Placed { cursor, data };
    build(|out| match transport {
        Transport::WebSocket => encode::websocket::message(out, placed),
        Transport::Sse => encode::sse::message(out, placed),
        Transport::Lines | Transport::LongPoll => encode::lines::message(out, placed),
    })
}

/// Any other frame.
#[must_use]
pub fn control_frame(transport: Transport, frame: &Frame<'_>) -> Bytes {
    build(|out| encode_control(out, transport, frame))
}

/// Appends a frame that is no message.
pub fn encode_control(out: &mut Vec<u8>, transport: Transport, frame: &Frame<'_>) {
    match transport {
        Transport::WebSocket => encode::websocket::frame(out, frame),
        Transport::Sse => encode::sse::frame(out, frame),
        Transport::Lines | Transport::LongPoll => encode::lines::frame(out, frame),
    }
}

fn build(fill: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        fill(scratch);
        Bytes::copy_from_slice(scratch)
    })
}
