//! Thousands of clients on one thread: each a small task that reads, and comes back when it was told to.

use super::frames::{Frames, Heard, heard};
use crate::{
    load::{END, World},
    support::{opening::Opening, socket::ALL},
};
use checker::Event;
use protocol::socket::Transport;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

/// How soon a client tries again that was refused or found nobody.
const PAUSE: Duration = Duration::from_millis(100);

/// What all of them measure.
#[derive(Default)]
pub(super) struct Measured {
    /// From a close frame, or the loss of a connection, to the next open frame.
    pub(super) gaps: Mutex<Vec<Duration>>,
    /// How many are open now.
    pub(super) open: AtomicUsize,
    /// How many sockets ended without a close frame, by transport and by how.
    pub(super) lost: Mutex<BTreeMap<String, usize>>,
    /// The latest moment that a close frame named.
    pub(super) retry_after_ms_max: AtomicUsize,
}

/// The clients at work.
pub(super) struct Crowd {
    pub(super) measured: Arc<Measured>,
    thread: JoinHandle<()>,
}

struct Client {
    world: World,
    measured: Arc<Measured>,
    name: String,
    token: String,
    transport: Transport,
    cursor: Option<String>,
    /// Of the socket that is open.
    socket: Option<String>,
    /// Since when nothing is open, after there was something.
    closed_at: Option<Instant>,
    frames: Frames,
}

/// What ends a connection.
enum Ended {
    /// The last message was seen.
    Done,
    /// The server said when to come back.
    Told(Duration),
    /// It is gone, or takes nobody now: how that showed.
    Lost(String),
}

impl Ended {
    /// Another answer than the one that opens a socket, or none.
    fn refused(head: Option<(u16, Option<usize>)>) -> Self {
        Self::Lost(head.map_or("no answer".to_owned(), |(status, _)| format!("answered {status}")))
    }
}

impl Crowd {
    /// So many clients, spread over channels and transports. Each channel's token serves all its clients.
    pub(super) fn gather(world: &World, channels: &[String], count: usize) -> Self {
        let measured = Arc::<Measured>::default();
        let tokens: Vec<String> = channels.iter().map(|channel| world.token(channel)).collect();
        let clients: Vec<Client> = (0..count)
            .map(|index| {
                let place = index % channels.len();
                let (name, channel) = (format!("client{index}"), channels[place].clone());
                world.history.record(Event::Begin { reader: name.clone(), channel, from: None });
                let transport = ALL[(index / channels.len()) % ALL.len()];
                let (world, measured) = (world.clone(), Arc::clone(&measured));
                let token = tokens[place].clone();
                let frames = Frames::default();
                Client {
                    world,
                    measured,
                    name,
                    token,
                    transport,
                    cursor: None,
                    socket: None,
                    closed_at: None,
                    frames,
                }
            })
            .collect();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let mut tasks = JoinSet::new();
                for (index, client) in clients.into_iter().enumerate() {
                    tasks.spawn(client.run());
                    if index % 100 == 99 {
                        // They come one after the other the first time, too.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                while let Some(done) = tasks.join_next().await {
                    done.unwrap();
                }
            });
        });
        Self { measured, thread }
    }

    /// Waits until all have seen the end.
    #[track_caller]
    pub(super) fn join(self) {
        self.thread.join().unwrap();
    }
}

impl Client {
    async fn run(mut self) {
        loop {
            let ended = match self.connection().await {
                Ok(ended) => ended,
                Err(error) => Ended::Lost(error.kind().to_string()),
            };
            if self.socket.take().is_some() {
                self.measured.open.fetch_sub(1, Ordering::Relaxed);
                self.closed_at = Some(Instant::now());
                if let Ended::Lost(how) = &ended {
                    let what = format!("{:?}: {how}", self.transport);
                    *self.measured.lost.lock().unwrap().entry(what).or_default() += 1;
                }
            }
            self.frames = Frames::default();
            match ended {
                Ended::Done => return,
                Ended::Told(wait) => tokio::time::sleep(wait).await,
                Ended::Lost(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn request(&self) -> Vec<u8> {
        let mut opening = Opening::new(self.world.address, self.transport, &self.token);
        if let Some(cursor) = &self.cursor {
            opening = opening.after(cursor);
        }
        if self.transport == Transport::LongPoll {
            // The first poll is answered at once, so that it is known that the socket is open.
            opening = match &self.socket {
                Some(socket) => opening.query("socket", socket).query("wait", "20"),
                None => opening.query("wait", "0"),
            };
        }
        opening.bytes()
    }

    async fn connection(&mut self) -> io::Result<Ended> {
        let mut stream = TcpStream::connect(self.world.address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&self.request()).await?;
        if self.transport == Transport::LongPoll {
            return self.polls(stream).await;
        }
        match self.head(&mut stream).await? {
            Some((100..=299, _)) => {}
            other => return Ok(Ended::refused(other)),
        }
        loop {
            while let Some(heard) = self.frames.next(self.transport) {
                match heard {
                    Heard::Answer(bytes) => stream.write_all(&bytes).await?,
                    heard => {
                        if let Some(ended) = self.hear(heard) {
                            return Ok(ended);
                        }
                    }
                }
            }
            if !self.more(&mut stream).await? {
                return Ok(Ended::Lost("end of the stream".to_owned()));
            }
        }
    }

    async fn polls(&mut self, mut stream: TcpStream) -> io::Result<Ended> {
        loop {
            let length = match self.head(&mut stream).await? {
                Some((200, Some(length))) => length,
                other => return Ok(Ended::refused(other)),
            };
            let body = loop {
                if let Some(body) = self.frames.body(length) {
                    break body;
                }
                if !self.more(&mut stream).await? {
                    return Ok(Ended::Lost("end in an answer".to_owned()));
                }
            };
            if let Some(ended) = self.polled(&serde_json::from_slice(&body).unwrap()) {
                return Ok(ended);
            }
            stream.write_all(&self.request()).await?;
        }
    }

    fn polled(&mut self, answer: &Value) -> Option<Ended> {
        let word = |name: &str| answer[name].as_str().unwrap().to_owned();
        let mut frames = Vec::new();
        if self.socket.is_none() {
            frames
                .push(Heard::Open { name: word("socket"), cursor: self.cursor.clone().unwrap_or_default() });
        }
        frames.extend(answer.get("gap").map(heard));
        frames.extend(answer["messages"].as_array().unwrap().iter().map(heard));
        frames.push(Heard::Cursor(word("cursor")));
        frames.extend(answer.get("close").map(heard));
        frames.into_iter().find_map(|frame| self.hear(frame))
    }

    async fn head(&mut self, stream: &mut TcpStream) -> io::Result<Option<(u16, Option<usize>)>> {
        loop {
            if let Some(head) = self.frames.head() {
                return Ok(Some(head));
            }
            if !self.more(stream).await? {
                return Ok(None);
            }
        }
    }

    async fn more(&mut self, stream: &mut TcpStream) -> io::Result<bool> {
        // Of the task only while it reads: ten thousand such buffers would be much.
        stream.readable().await?;
        let mut chunk = [0; 4096];
        match stream.try_read(&mut chunk) {
            Ok(count) => {
                self.frames.push(&chunk[..count]);
                Ok(count > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Takes a frame; what ends the connection, if it does.
    fn hear(&mut self, frame: Heard) -> Option<Ended> {
        let reader = self.name.clone();
        match frame {
            Heard::Open { name, cursor } => {
                self.socket = Some(name);
                self.cursor = Some(cursor).filter(|cursor| !cursor.is_empty()).or(self.cursor.take());
                self.measured.open.fetch_add(1, Ordering::Relaxed);
                if let Some(closed_at) = self.closed_at.take() {
                    self.measured.gaps.lock().unwrap().push(closed_at.elapsed());
                }
            }
            Heard::Message { cursor, text } => {
                let (place, ends) = (cursor.as_ref().map(|cursor| cursor.parse().unwrap()), text == END);
                self.cursor = cursor.or(self.cursor.take());
                self.world.history.record(Event::Message { reader: reader.clone(), place, value: text });
                if ends {
                    self.world.history.record(Event::End { reader });
                    return Some(Ended::Done);
                }
            }
            Heard::Cursor(cursor) => self.cursor = Some(cursor),
            Heard::Gap { cursor, reason } => {
                let place = cursor.parse().unwrap();
                self.world.history.record(Event::Gap { reader, place, reason });
                self.cursor = Some(cursor);
            }
            Heard::Close { code, retry_after_ms } => {
                assert_eq!(code, 1012, "{reader}");
                let Some(wait) = retry_after_ms else {
                    return Some(Ended::Lost("told to go, but not when to come back".to_owned()));
                };
                self.measured.retry_after_ms_max.fetch_max(wait as usize, Ordering::Relaxed);
                return Some(Ended::Told(Duration::from_millis(wait)));
            }
            Heard::Answer(_) => unreachable!("it was said back"),
        }
        None
    }
}
