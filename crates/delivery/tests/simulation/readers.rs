//! Pages: each reads one channel over one connection after the other, keeps its cursor, and notes what it got.

use super::{
    connection::{ClientEnd, connect},
    node::Node,
    power_disk::Random,
    reading::{self, Frame, Reading},
};
use crate::{open::Request, socket::Socket, stream::Stream};
use broker::message::Position;
use checker::{Event, History};
use protocol::{cursor::Cursor, frame::GapReason, id::ClientId, socket::Transport};
use std::{cell::RefCell, net::IpAddr, rc::Rc, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

const TRANSPORTS: [Transport; 4] =
    [Transport::WebSocket, Transport::Sse, Transport::Lines, Transport::LongPoll];

/// The value of the last message, by which a reader knows that it has had all.
pub(super) const END: &str = "end";

/// A page.
#[derive(Debug)]
pub(super) struct Reader {
    name: String,
    pub(super) channel: String,
    /// Where its token starts.
    start: Position,
    /// Up to where it has had everything.
    cursor: Option<String>,
    link: Link,
    /// It saw the last message.
    pub(super) is_done: bool,
    /// Prints what it gets.
    talks: bool,
}

/// How it is connected.
#[derive(Debug)]
enum Link {
    None,
    Stream {
        transport: Transport,
        end: ClientEnd,
        reading: Reading,
    },
    Poll {
        /// The socket, once there is one.
        polled: Rc<RefCell<Polled>>,
        task: JoinHandle<()>,
    },
}

#[derive(Debug, Default)]
struct Polled {
    socket: Option<Arc<Socket>>,
    /// The answer to the poll that is under way, when it is there; empty if it failed.
    answer: Option<Vec<u8>>,
}

impl Reader {
    /// A page whose token was made just now: by the node, or outside of it.
    pub(super) fn begin(node: &Node, history: &History, name: String, channel: &str, outside: bool) -> Self {
        let end = node.hub.broker.end();
        let (start, from) = match outside {
            true => (Position::Since(node.hub.clock.now_ms().saturating_sub(5_000)), None),
            false => (Position::After(end), Some(end.to_string().parse().expect("a cursor is a place"))),
        };
        history.record(Event::Begin { reader: name.clone(), channel: channel.to_owned(), from });
        let channel = channel.to_owned();
        Self { name, channel, start, cursor: None, link: Link::None, is_done: false, talks: false }
    }

    /// Prints what it gets from now on.
    pub(super) fn talking(mut self, talks: bool) -> Self {
        self.talks = talks;
        self
    }

    #[allow(clippy::print_stdout, reason = "only when one seed is looked at")]
    fn tell(&self, what: impl FnOnce() -> String) {
        if self.talks {
            println!("             {}: {}", self.name, what());
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        !matches!(self.link, Link::None)
    }

    pub(super) fn polls(&self) -> bool {
        matches!(self.link, Link::Poll { .. })
    }

    fn request(&self, node: &Node, transport: Transport, life: u32) -> Request {
        let id = ClientId::from_bytes(self.channel.as_bytes()).expect("a good id");
        let cursor = self.cursor.as_ref().map(|cursor| cursor.parse::<Cursor>().expect("the node's own"));
        Request {
            id,
            position: cursor.map_or(self.start, Position::After),
            transport,
            silence: None,
            token: (None, 0),
            expires_at: node.hub.clock.seconds() + life,
            address: IpAddr::from([127, 0, 0, 1]),
        }
    }

    /// Opens a connection, over whichever transport, with a token that lives for so many seconds.
    pub(super) fn connect(&mut self, node: &Node, random: &mut Random, life: u32) {
        let transport = TRANSPORTS[random.below(4) as usize];
        self.tell(|| format!("connects by {transport:?} after {:?}", self.cursor));
        let request = self.request(node, transport, life);
        if transport == Transport::LongPoll {
            return self.poll(node, Some(request), random);
        }
        let (ours, theirs) = connect(200 + random.below(3_000) as usize);
        let edge = Rc::clone(&node.edges[random.below(node.edges.len() as u64) as usize]);
        node.spawn(async move {
            if let Ok(opened) = edge.hub().open(request, edge.index()).await {
                edge.adopt(Stream::simulated(ours), opened, b"", &mut []);
            }
        });
        self.link = Link::Stream { transport, end: theirs, reading: Reading::default() };
    }

    /// One poll: the first one, with a request, or the next one of the same socket.
    fn poll(&mut self, node: &Node, request: Option<Request>, random: &mut Random) {
        let polled = match &self.link {
            Link::Poll { polled, .. } => Rc::clone(polled),
            _ => Rc::default(),
        };
        let after = self.cursor.as_ref().map(|cursor| cursor.parse::<Cursor>().expect("the node's own"));
        let wait = Duration::from_secs([0, 25][random.below(2) as usize]);
        let (hub, edge, shared) = (Arc::clone(&node.hub), node.edges[0].index(), Rc::clone(&polled));
        let task = node.spawn(async move {
            let known = shared.borrow().socket.clone();
            let answer = match (known, request) {
                (Some(socket), _) => hub.poll(&socket, after.map(Position::After), None, wait).await.ok(),
                (None, Some(request)) => match hub.open(request, edge).await {
                    Ok(opened) => {
                        let gap: Option<(Cursor, GapReason)> = opened.gap;
                        let socket = hub.adopt_poll(opened);
                        shared.borrow_mut().socket = Some(Arc::clone(&socket));
                        hub.poll(&socket, None, gap, Duration::ZERO).await.ok()
                    }
                    Err(_) => None,
                },
                (None, None) => None,
            };
            shared.borrow_mut().answer = Some(answer.unwrap_or_default());
        });
        self.link = Link::Poll { polled, task };
    }

    /// Reads some of what has arrived.
    pub(super) fn read(&mut self, node: &Node, history: &History, random: &mut Random, count: usize) {
        match &mut self.link {
            Link::None => {}
            Link::Stream { transport, end, reading } => {
                let transport = *transport;
                let Some(bytes) = end.read(count) else {
                    // A frame that came in part is none.
                    self.link = Link::None;
                    return;
                };
                reading.feed(&bytes);
                let mut frames = Vec::new();
                while let Some(frame) = reading.next(transport) {
                    frames.push(frame);
                }
                frames.into_iter().for_each(|frame| self.take(frame, history));
            }
            Link::Poll { polled, .. } => {
                let Some(answer) = polled.borrow_mut().answer.take() else { return };
                let closes = answer.is_empty() || self.take_answer(&answer, history);
                match closes {
                    true => self.link = Link::None,
                    false => self.poll(node, None, random),
                }
            }
        }
    }

    /// Takes an answer; whether the socket ends with it.
    fn take_answer(&mut self, answer: &[u8], history: &History) -> bool {
        let answer: serde_json::Value = serde_json::from_slice(answer).expect("an answer is JSON");
        if let Some(gap) = answer.get("gap").and_then(reading::frame) {
            self.take(gap, history);
        }
        for message in answer["messages"].as_array().into_iter().flatten() {
            reading::frame(message).into_iter().for_each(|frame| self.take(frame, history));
        }
        self.cursor = answer["cursor"].as_str().map(str::to_owned);
        self.tell(|| format!("polled up to {:?}", self.cursor));
        answer.get("close").is_some()
    }

    fn take(&mut self, frame: Frame, history: &History) {
        self.tell(|| format!("{frame:?}").chars().take(100).collect());
        match frame {
            Frame::Cursor(cursor) => self.cursor = Some(cursor),
            Frame::Message(cursor, data) => {
                let value = data.split(' ').next().unwrap_or_default().to_owned();
                let place = cursor.as_ref().map(|cursor| cursor.parse().expect("a cursor is a place"));
                if !self.is_done {
                    history.record(Event::Message { reader: self.name.clone(), place, value: value.clone() });
                }
                if value == END && !self.is_done {
                    self.is_done = true;
                    history.record(Event::End { reader: self.name.clone() });
                }
                self.cursor = cursor.or(self.cursor.take());
            }
            Frame::Gap(cursor, reason) => {
                if !self.is_done {
                    let place = cursor.parse().expect("a cursor is a place");
                    history.record(Event::Gap { reader: self.name.clone(), place, reason });
                }
                self.cursor = Some(cursor);
            }
            Frame::Ping(payload) => self.pong(&payload),
            // The connection ends behind it.
            Frame::Close => {}
        }
    }

    /// A masked pong; the mask is zero, so that the payload stays as it is (RFC 6455, 5.3).
    fn pong(&self, payload: &[u8]) {
        if let Link::Stream { end, .. } = &self.link {
            let mut frame = vec![0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0];
            frame.extend_from_slice(payload);
            end.write(&frame);
        }
    }

    /// Its connection breaks; what is on its way is lost.
    pub(super) fn cut(&mut self) {
        self.tell(|| "is cut".to_owned());
        match std::mem::replace(&mut self.link, Link::None) {
            Link::None => {}
            Link::Stream { end, .. } => end.cut(),
            Link::Poll { task, .. } => task.abort(),
        }
    }

    /// It says in order that it goes.
    pub(super) fn leave(&mut self) {
        if let Link::Stream { .. } = self.link {
            self.link = Link::None;
        }
        self.cut();
    }
}
