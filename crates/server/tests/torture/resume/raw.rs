//! Clients that know nothing of Downlink: the real `curl`, killed with SIGKILL, and a WebSocket written by hand, as
//! `websocat` would open it. They go on after the last id that they printed.

use super::{BUSY, Cast};
use crate::{
    length::pick,
    support::{PATIENCE, Random, server::Server, websocket::KEY},
    swarm::{
        decoder::{Decoder, Frame},
        page::Page,
    },
};
use protocol::socket::Transport;
use socket2::SockRef;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Messages of one connection, at most.
const MESSAGES_MAX: u64 = 20;

/// The clients of this kind, each a thread.
pub(super) struct Raw(Vec<JoinHandle<()>>);

/// Lets them read.
pub(super) fn start(cast: &mut Cast, server: &Server, token: &str) -> Raw {
    let kinds = [("curl_lines", Transport::Lines), ("curl_events", Transport::Sse)];
    let kinds = kinds.into_iter().chain([("websocat", Transport::WebSocket)]);
    Raw(kinds
        .map(|(name, transport)| {
            let page = Page::new(&cast.history, name.into(), BUSY, server.address, token);
            let restless = Arc::clone(&cast.restless);
            restless.fetch_add(1, Ordering::Relaxed);
            let client = Client { page, transport, printed: None, random: Random(0xc0 + name.len() as u64) };
            thread::spawn(move || client.live(&restless))
        })
        .collect())
}

impl Raw {
    #[track_caller]
    pub(super) fn join(self) {
        self.0.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// One of them, over all its processes or connections.
struct Client {
    page: Page,
    transport: Transport,
    /// The last id that it printed.
    printed: Option<String>,
    random: Random,
}

impl Client {
    fn live(mut self, restless: &AtomicUsize) {
        for _ in 0..pick(60, 500) {
            let messages = self.random.below(MESSAGES_MAX);
            self.connect(messages);
        }
        restless.fetch_sub(1, Ordering::Relaxed);
        let deadline = Instant::now() + 4 * PATIENCE;
        while self.page.last != "end" {
            assert!(Instant::now() < deadline, "{}: no end", self.page.name);
            self.connect(MESSAGES_MAX);
        }
        self.page.end();
    }

    /// One connection, which is cut behind so many messages.
    fn connect(&mut self, messages: u64) {
        match self.transport {
            Transport::WebSocket => self.websocat(messages),
            _ => self.curl(messages),
        }
    }

    fn path(&self, after: Option<&str>) -> String {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        format!("/v1/socket?token={}{after}", self.page.token)
    }

    fn curl(&mut self, messages: u64) {
        let printed = self.printed.clone();
        let mut command = Command::new("curl");
        command.args(["--silent", "--no-buffer", "--include", "--max-time", "60"]);
        let path = match self.transport {
            Transport::Sse => {
                command.args(["--header", "Accept: text/event-stream"]);
                // As a shell script would that keeps the last `id:` line.
                let id = printed.map(|id| format!("Last-Event-ID: {id}"));
                command.args(id.iter().flat_map(|header| ["--header", header]));
                self.path(None)
            }
            _ => self.path(printed.as_deref()),
        };
        command.arg(format!("http://{}{path}", self.page.server));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("curl is there (scripts/test installs it)");
        let mut stdout = child.stdout.take().unwrap();
        let mut decoder = Decoder::new(self.transport);
        let mut left = messages;
        while left > 0 && self.read(&mut stdout, &mut decoder, &mut left) {}
        kill(&mut child);
        // What it printed before it died counts.
        while self.read(&mut stdout, &mut decoder, &mut left) {}
    }

    fn websocat(&mut self, messages: u64) {
        let mut stream = dial(self.page.server);
        let path = self.path(self.printed.as_deref());
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: downlink.v1\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut decoder = Decoder::new(Transport::WebSocket);
        let mut left = messages;
        while left > 0 && self.page.last != "end" {
            let goes_on = self.read(&mut stream, &mut decoder, &mut left);
            assert!(goes_on || self.page.last == "end", "nobody ends it but the client");
        }
        if self.random.below(2) == 0 {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    /// Reads once, and prints what came; whether there may be more.
    fn read(&mut self, from: &mut impl Read, decoder: &mut Decoder, left: &mut u64) -> bool {
        let mut bytes = [0; 4096];
        let count = match from.read(&mut bytes) {
            Ok(count) => count,
            Err(error) => panic!("{}: {error}", self.page.name),
        };
        decoder.feed(&bytes[..count]);
        while let Some(frame) = decoder.next().unwrap() {
            match &frame {
                Frame::Message { id, .. } => {
                    self.printed.clone_from(id);
                    *left = left.saturating_sub(1);
                }
                Frame::Refused(status) => panic!("{} was refused: {status}", self.page.name),
                Frame::Close { code, reason } => panic!("{} was closed: {code} {reason}", self.page.name),
                _ => {}
            }
            self.page.take(&frame).unwrap();
        }
        count > 0 && self.page.last != "end"
    }
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// SIGKILL.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
