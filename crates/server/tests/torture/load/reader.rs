//! Somebody who reads, and comes back with the cursor, as a page does.

use super::{END, World, binary_value, small_thread};
use crate::support::{
    PATIENCE,
    opening::Opening,
    socket::{Data, Frame, Socket},
    websocket,
};
use checker::{Event, Place};
use protocol::socket::Transport;
use std::{
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How soon it comes back after a connection that was lost, or refused.
const PAUSE: Duration = Duration::from_millis(10);

/// Numbers for names: one channel has many readers.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// What one did, beside what the history says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) messages: usize,
    /// Sockets that were opened.
    pub(crate) opened: usize,
    /// Codes of close frames.
    pub(crate) closes: Vec<u16>,
    pub(crate) gaps: usize,
    /// New tokens that were taken.
    pub(crate) renewed: usize,
}

/// One page. See the module.
pub(crate) struct Reader {
    world: World,
    pub(crate) name: String,
    channel: String,
    transports: Vec<Transport>,
    token: Box<dyn FnMut() -> String + Send>,
    current_token: String,
    socket: Option<Socket>,
    cursor: Option<String>,
    /// The connection, for whoever cuts it.
    line: Arc<Mutex<Option<TcpStream>>>,
    /// Fails if no message comes for so long.
    pub(crate) patience: Duration,
    /// What stands between a message and the next read: a reader that is slow.
    pub(crate) pause: Duration,
    /// Says a new token this often, so that its socket goes on.
    pub(crate) renew_every: Option<Duration>,
    renewed_at: Instant,
    seen: Seen,
}

/// A reader at work.
pub(crate) struct Reading {
    pub(crate) name: String,
    line: Arc<Mutex<Option<TcpStream>>>,
    thread: JoinHandle<Seen>,
}

impl Reading {
    /// Cuts the connection, as a network does: nothing is said. False if there is none at the moment.
    pub(crate) fn cut(&self) -> bool {
        let line = self.line.lock().unwrap().take();
        line.is_some_and(|stream| stream.shutdown(Shutdown::Both).is_ok())
    }

    /// Waits until the reader has seen the end.
    #[track_caller]
    pub(crate) fn join(self) -> Seen {
        match self.thread.join() {
            Ok(seen) => seen,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Reader {
    /// A reader with a token source of its own, which is asked now, and again after each 4401.
    pub(crate) fn new(
        world: &World,
        channel: &str,
        transports: &[Transport],
        mut token: impl FnMut() -> String + Send + 'static,
    ) -> Self {
        let name = format!("{channel}/{}", READERS.fetch_add(1, Ordering::Relaxed));
        let current_token = token();
        world.history.record(Event::Begin { reader: name.clone(), channel: channel.to_owned(), from: None });
        Self {
            world: world.clone(),
            name,
            channel: channel.to_owned(),
            transports: transports.to_vec(),
            token: Box::new(token),
            current_token,
            socket: None,
            cursor: None,
            line: Arc::default(),
            patience: 3 * PATIENCE,
            pause: Duration::ZERO,
            renew_every: None,
            renewed_at: Instant::now(),
            seen: Seen::default(),
        }
    }

    /// Reads in the background until the end comes.
    pub(crate) fn read(self) -> Reading {
        let (name, line) = (self.name.clone(), Arc::clone(&self.line));
        let thread = small_thread(&name, move || self.run());
        Reading { name, line, thread }
    }

    /// Reads until the end comes.
    fn run(mut self) -> Seen {
        let mut deadline = Instant::now() + self.patience;
        loop {
            let (name, channel) = (&self.name, &self.channel);
            assert!(Instant::now() < deadline, "{name} waits on {channel} in vain: {:?}", self.seen);
            let Some(socket) = self.connect() else {
                thread::sleep(PAUSE);
                continue;
            };
            let frame = socket.next();
            let at_rest = matches!(frame, Ok(Frame::Ping));
            match frame {
                Ok(Frame::Message(id, data)) => {
                    deadline = Instant::now() + self.patience;
                    if self.message(id, data) {
                        return self.seen;
                    }
                    thread::sleep(self.pause);
                }
                Ok(Frame::Gap { cursor, reason }) => {
                    self.seen.gaps += 1;
                    let (reader, place) = (self.name.clone(), cursor.parse().unwrap());
                    self.world.history.record(Event::Gap { reader, place, reason });
                }
                Ok(Frame::Open | Frame::Ping) => {}
                Ok(Frame::Close { code, reason, retry_after_ms }) => {
                    self.closed(code, &reason);
                    thread::sleep(Duration::from_millis(retry_after_ms.unwrap_or(0)));
                }
                Ok(Frame::End(_)) | Err(_) => self.lose(),
            }
            self.renew_if_due(at_rest);
        }
    }

    /// Writes a message down; true for the last one.
    fn message(&mut self, id: Option<String>, data: Data) -> bool {
        let value = match data {
            Data::Text(text) => text,
            Data::Binary(bytes) => binary_value(&bytes),
        };
        let (reader, ends) = (self.name.clone(), value == END);
        let place = id.map(|id| id.parse::<Place>().unwrap());
        self.world.history.record(Event::Message { reader: reader.clone(), place, value });
        self.seen.messages += 1;
        if ends {
            self.world.history.record(Event::End { reader });
        }
        ends
    }

    fn closed(&mut self, code: u16, reason: &str) {
        self.seen.closes.push(code);
        match code {
            4401 => self.current_token = (self.token)(),
            1000..=1999 | 4500..=4599 => {}
            _ => panic!("{}: closed for good: {code} {reason}", self.name),
        }
        self.lose();
    }

    /// Says a new token when it is time. A long-poll does so when all of an answer was read, and polls with it from then on.
    fn renew_if_due(&mut self, at_rest: bool) {
        let is_due = self.renew_every.is_some_and(|every| self.renewed_at.elapsed() >= every);
        let Some(socket) = self.socket.as_mut().filter(|_| is_due) else { return };
        if socket.transport == Transport::LongPoll && !at_rest {
            return;
        }
        self.renewed_at = Instant::now();
        self.current_token = (self.token)();
        let word = serde_json::json!({ "token": self.current_token }).to_string();
        if socket.transport == Transport::WebSocket {
            self.seen.renewed += usize::from(socket.wire.send(&websocket::text(&word)).is_ok());
            return;
        }
        let path = format!("/v1/socket/{}", socket.name);
        let taken = self.world.api().try_call("POST", &path, &[], word.as_bytes());
        self.seen.renewed += usize::from(taken.is_ok_and(|answer| answer.status == 204));
        if socket.transport == Transport::LongPoll {
            let again = Opening::new(self.world.address, Transport::LongPoll, &self.current_token);
            let again = again.after(&socket.at()).query("socket", &socket.name).query("wait", "1");
            match again.try_open() {
                Ok(Ok(socket)) => self.socket = Some(socket),
                _ => self.lose(),
            }
        }
    }

    /// The connection is gone; the cursor stays.
    fn lose(&mut self) {
        let had = self.socket.take().and_then(|socket| socket.cursor);
        self.cursor = had.or(self.cursor.take());
    }

    fn connect(&mut self) -> Option<&mut Socket> {
        if self.socket.is_none() {
            self.open();
        }
        let socket = self.socket.as_mut()?;
        // A long-poll may have taken a new connection.
        if socket.transport == Transport::LongPoll || self.line.lock().unwrap().is_none() {
            *self.line.lock().unwrap() = socket.wire.stream.try_clone().ok();
        }
        Some(socket)
    }

    fn open(&mut self) {
        let transport = self.transports[self.seen.opened % self.transports.len()];
        let mut opening = Opening::new(self.world.address, transport, &self.current_token);
        if let Some(cursor) = &self.cursor {
            opening = match transport {
                // As a browser's own EventSource does.
                Transport::Sse => opening.header("Last-Event-ID", cursor),
                _ => opening.after(cursor),
            };
        }
        *self.line.lock().unwrap() = None;
        match opening.try_open() {
            Ok(Ok(socket)) => {
                self.seen.opened += 1;
                self.socket = Some(socket);
            }
            Ok(Err(refusal)) if refusal.status == 401 => {
                self.seen.closes.push(4401);
                self.current_token = (self.token)();
            }
            Ok(Err(refusal)) => {
                let again = matches!(refusal.status, 429 | 503);
                assert!(again, "{}: {} {}", self.name, refusal.status, refusal.text());
            }
            Err(_) => {}
        }
    }
}
