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
use std::{
    cell::RefCell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// An announced message and its frames.
#[derive(Debug)]
pub struct Entry {
    /// The message.
    pub message: Message,
    epoch: Epoch,
    websocket: OnceLock<Bytes>,
    sse: OnceLock<Bytes>,
    lines: OnceLock<Bytes>,
    account: Account,
}

/// The bytes that entries and their frames take, of all that there are.
#[derive(Clone, Debug, Default)]
pub struct Account(Arc<AtomicUsize>);

impl Account {
    /// How many they are now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A message that was just announced, as one of its channels sees it.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The message.
    pub entry: Arc<Entry>,
    /// The one before it in the channel, as [`Link::previous`](broker::message::Link::previous).
    pub previous: Offset,
}

/// What an entry costs beside its data and frames.
const ENTRY_BYTES: usize = 256;

thread_local! {
    /// Frames are built here and copied out in their exact size: one allocation each.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Entry {
    /// An entry without frames, counted in an account for as long as it lives.
    #[must_use]
    pub fn new(message: Message, epoch: Epoch, account: &Account) -> Self {
        let (websocket, sse, lines) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        let entry = Self { message, epoch, websocket, sse, lines, account: account.clone() };
        account.add(entry.bytes());
        entry
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
        cell.get_or_init(|| {
            let frame = message_frame(transport, Some(cursor), &self.message.data);
            self.account.add(frame.len());
            frame
        })
    }

    /// What it costs without frames: an escaped frame may be six times as long as its data, so each is counted as it is
    /// made.
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.message.data.bytes().len() + 32 * (self.message.links.len() - 1)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let frames = [&self.websocket, &self.sse, &self.lines].into_iter().filter_map(OnceLock::get);
        self.account.subtract(self.bytes() + frames.map(Bytes::len).sum::<usize>());
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

#[cfg(test)]
mod tests {
    use super::*;
    use broker::{key::ChannelKey, message::Link};
    use protocol::message::Text;

    #[test]
    fn all_that_an_entry_takes_is_counted_until_it_is_gone() {
        let account = Account::default();
        // Each of these is escaped in JSON as six bytes.
        let text = Text::new(Bytes::from(vec![1; 1000])).unwrap();
        let message = Message {
            offset: Offset(64),
            time_ms: 0,
            ttl_seconds: 0,
            data: Data::Text(text),
            links: [Link { key: ChannelKey(1), previous: Offset(0), ordinal: 1 }].into_iter().collect(),
            origin: Default::default(),
        };
        let entry = Entry::new(message, Epoch(1), &account);
        assert_eq!(account.bytes(), ENTRY_BYTES + 1000);
        let mut expected = account.bytes();
        for transport in [Transport::WebSocket, Transport::Sse, Transport::Lines] {
            expected += entry.frame(transport).len();
            assert_eq!(account.bytes(), expected, "{transport:?}");
            assert_eq!(entry.frame(transport).len(), entry.frame(transport).len());
            assert_eq!(account.bytes(), expected, "made once");
        }
        assert!(expected > 7000, "{expected}");
        drop(entry);
        assert_eq!(account.bytes(), 0);
    }
}
