//! Honest clients: thousands of sockets that read what comes, answer pings and count what they miss.

use crate::{
    alone::ahead,
    spread::Spread,
    support::{
        server::Server,
        until,
        websocket::{FIN, PING, PONG, TEXT, frame},
    },
};
use parking_lot::Mutex;
use protocol::socket::Transport;
use std::{
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A channel for every so many sockets at most: each message goes to several, none to all.
const CHANNELS_MAX: usize = 100;

/// What sockets and publisher share.
struct Shared {
    /// When each message was sent, by channel and number.
    sent: Vec<Mutex<Vec<Instant>>>,
    /// When a message was sent, and how long it took to one socket.
    latencies: Mutex<Vec<(Instant, Duration)>>,
    /// Messages that arrived.
    arrived: AtomicUsize,
    /// What went wrong, at most the first few.
    wrong: Mutex<Vec<String>>,
    /// Nothing more is sent.
    silent: AtomicBool,
    /// Nothing more is read.
    gone: AtomicBool,
}

/// The honest clients, and the application that sends to them.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    sockets: usize,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Opens so many sockets and begins to send, so many messages a second.
    pub(crate) fn gather(server: &Server, sockets: usize, per_second: u32) -> Self {
        let channels = CHANNELS_MAX.min(sockets);
        let mut api = server.api();
        let tokens: Vec<String> = (0..channels).map(|channel| api.token(&name(channel))).collect();
        let streams: Vec<TcpStream> = (0..sockets)
            .map(|index| {
                let opened = server.opening(Transport::WebSocket, &tokens[index % channels]).open();
                opened.wire.stream.set_nonblocking(true).unwrap();
                opened.wire.stream
            })
            .collect();
        let shared = Arc::new(Shared {
            sent: (0..channels).map(|_| Mutex::default()).collect(),
            latencies: Mutex::default(),
            arrived: AtomicUsize::new(0),
            wrong: Mutex::default(),
            silent: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        });
        let (reading, sending, address) = (Arc::clone(&shared), Arc::clone(&shared), server.address);
        let threads = vec![
            thread::spawn(move || {
                ahead();
                read_all(streams, &reading);
            }),
            thread::spawn(move || {
                ahead();
                send(address, &sending, per_second);
            }),
        ];
        Self { shared, sockets, threads }
    }

    /// The latencies of all that is sent in the next while, once everybody has it.
    pub(crate) fn measure(&self, time: Duration) -> Spread {
        let start = Instant::now();
        thread::sleep(time);
        let end = Instant::now();
        self.everybody_has_everything();
        let latencies = self.shared.latencies.lock();
        let within = latencies.iter().filter(|(sent, _)| (start..end).contains(sent));
        Spread::of(within.map(|(_, latency)| *latency).collect())
    }

    /// Waits until what was sent so far is with everybody.
    fn everybody_has_everything(&self) {
        let wanted = self.wanted();
        until("everybody has everything", || {
            assert!(self.shared.wrong.lock().is_empty(), "{:?}", self.shared.wrong.lock());
            (self.shared.arrived.load(Relaxed) >= wanted).then_some(())
        });
    }

    /// How many messages all sockets together must have had.
    fn wanted(&self) -> usize {
        let channels = self.shared.sent.len();
        let sockets =
            |channel: usize| self.sockets / channels + usize::from(channel < self.sockets % channels);
        self.shared.sent.iter().enumerate().map(|(channel, sent)| sent.lock().len() * sockets(channel)).sum()
    }

    /// Stops sending; nothing may be missing, and nothing may have come twice. How many messages arrived.
    pub(crate) fn disperse(mut self) -> usize {
        let publisher = self.threads.pop().unwrap();
        self.shared.silent.store(true, Relaxed);
        publisher.join().unwrap();
        self.everybody_has_everything();
        assert_eq!(self.shared.arrived.load(Relaxed), self.wanted());
        self.shared.arrived.load(Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.silent.store(true, Relaxed);
        self.shared.gone.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn name(channel: usize) -> String {
    format!("honest-{channel}")
}

/// The application: a message to one channel after the other, at an even pace.
fn send(address: SocketAddr, shared: &Shared, per_second: u32) {
    let mut api = crate::support::http::Api::new(address);
    let mut next = Instant::now();
    for channel in (0..shared.sent.len()).cycle() {
        if shared.silent.load(Relaxed) {
            return;
        }
        next += Duration::from_secs(1) / per_second;
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let number = {
            let mut sent = shared.sent[channel].lock();
            sent.push(Instant::now());
            sent.len() - 1
        };
        api.send(&name(channel), &number.to_string());
    }
}

/// Reads all sockets on one thread, until told to stop.
fn read_all(streams: Vec<TcpStream>, shared: &Arc<Shared>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for (index, stream) in streams.into_iter().enumerate() {
            let shared = Arc::clone(shared);
            tokio::task::spawn_local(async move {
                let channel = index % shared.sent.len();
                let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                if let Err(error) = listen(&stream, channel, &shared).await {
                    let mut wrong = shared.wrong.lock();
                    if wrong.len() < 10 {
                        wrong.push(format!("socket {index}: {error}"));
                    }
                }
            });
        }
        while !shared.gone.load(Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

/// One socket: counts, and answers pings.
async fn listen(stream: &tokio::net::TcpStream, channel: usize, shared: &Shared) -> Result<(), String> {
    let (mut unread, mut next) = (Vec::new(), 0);
    loop {
        stream.readable().await.map_err(|error| error.to_string())?;
        let now = {
            let mut chunk = [0; 4096];
            match stream.try_read(&mut chunk) {
                Ok(0) => return Err("ended".into()),
                Ok(count) => unread.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.to_string()),
            }
            Instant::now()
        };
        while let Some((opcode, payload, used)) = first_frame(&unread) {
            match opcode {
                PING => {
                    let pong = frame(FIN | PONG, payload);
                    stream.try_write(&pong).map_err(|error| error.to_string())?;
                }
                TEXT => {
                    let text = String::from_utf8_lossy(payload).into_owned();
                    if let Some((_, data)) = text.split_once(r#""data":""#) {
                        let number = data.trim_end_matches("\"}").parse::<usize>();
                        if number != Ok(next) {
                            return Err(format!("{text} for number {next}"));
                        }
                        let sent = shared.sent[channel].lock()[next];
                        shared.latencies.lock().push((sent, now - sent));
                        shared.arrived.fetch_add(1, Relaxed);
                        next += 1;
                    } else if !text.starts_with(r#"{"type":"ping""#) {
                        return Err(text);
                    }
                }
                _ => return Err(format!("opcode {opcode}: {payload:?}")),
            }
            unread.drain(..used);
        }
    }
}

/// The first whole frame of a server's short ones: opcode, payload, and its length with its head.
fn first_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let [first, length, ..] = *bytes else { return None };
    assert!(length < 126, "honest clients are sent short texts");
    let end = 2 + usize::from(length);
    (bytes.len() >= end).then(|| (first & 0x0f, &bytes[2..end], end))
}
