//! Thousands of connections that say what they want a byte at a time, or half of it and no more.

use crate::{
    alone::alone,
    crowd::Crowd,
    spread::in_one_of,
    support::{
        http::{API_KEY, request},
        length::pick,
        opening::Opening,
        server::{Server, memory},
        until,
    },
};
use protocol::{
    limits::{BODY_TIME, HEAD_TIME},
    socket::Transport,
};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 2000;
/// Between two bytes.
const BYTE_TIME: Duration = Duration::from_secs(5);
/// A deadline is looked at in steps, and the machine may be busy.
const LEEWAY: Duration = Duration::from_secs(5);

/// Honest sockets, and what they are sent each second.
const HONEST: usize = 100;
const PER_SECOND: u32 = 400;

/// What a slow connection does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Nothing at all.
    Silence,
    /// A head, byte by byte.
    Head,
    /// A whole head, then the body byte by byte.
    Body,
    /// All of a handshake but its end.
    Handshake,
}

const KINDS: [Kind; 4] = [Kind::Silence, Kind::Head, Kind::Body, Kind::Handshake];

impl Kind {
    fn deadline(self) -> Duration {
        if self == Kind::Body { BODY_TIME } else { HEAD_TIME }
    }
}

struct Slow {
    kind: Kind,
    stream: TcpStream,
    opened: Instant,
    /// What it says, and how far it is.
    bytes: Vec<u8>,
    said: usize,
    /// When the server ended it, and what it had said by then.
    cut: Option<(Duration, Vec<u8>)>,
    heard: Vec<u8>,
}

/// A body comes in two ways: a message, with a key; and a word, by whoever has a socket.
fn bodies(server: &Server) -> [Vec<u8>; 2] {
    let mut socket = server.opening(Transport::WebSocket, &server.api().token("ada")).open();
    let key = format!("Bearer {API_KEY}");
    let body = [b'x'; 500];
    let message = request("POST", "/v1/channels/ada/messages", &[("Authorization", &key)], &body);
    let word = request("POST", &format!("/v1/socket/{}", socket.name), &[], &body);
    socket.pongs = true;
    // It must stay for as long as words are said to it.
    thread::spawn(move || while socket.next().is_ok() {});
    [message, word]
}

fn open_all(server: &Server, bodies: &[Vec<u8>; 2]) -> Vec<Slow> {
    let handshake = Opening::new(server.address, Transport::WebSocket, "token").bytes();
    (0..CONNECTIONS)
        .map(|index| {
            let kind = KINDS[index % KINDS.len()];
            let (bytes, said) = match kind {
                Kind::Silence => (Vec::new(), 0),
                Kind::Head => (handshake.clone(), 1),
                Kind::Body => {
                    let bytes = bodies[index / KINDS.len() % 2].clone();
                    let head = bytes.len() - 500;
                    (bytes, head + 1)
                }
                // Half of the last line, for ever.
                Kind::Handshake => (handshake[..handshake.len() - 2].to_vec(), handshake.len() - 2),
            };
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(&bytes[..said]).unwrap();
            stream.set_nonblocking(true).unwrap();
            Slow { kind, stream, opened: Instant::now(), bytes, said, cut: None, heard: Vec::new() }
        })
        .collect()
}

impl Slow {
    /// Says the next byte, if there is one.
    fn say(&mut self) {
        if self.cut.is_none() && self.said < self.bytes.len() {
            // It may have been ended; that is seen when it is read.
            let _ = self.stream.write(&self.bytes[self.said..=self.said]);
            self.said += 1;
        }
    }

    fn look(&mut self) {
        let mut chunk = [0; 4096];
        while self.cut.is_none() {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.cut = Some((self.opened.elapsed(), std::mem::take(&mut self.heard))),
                Ok(count) => self.heard.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.cut = Some((self.opened.elapsed(), std::mem::take(&mut self.heard))),
            }
        }
    }
}

#[test]
fn slow_peers_are_cut_and_hold_nobody_up() {
    let turn = alone();
    let server = memory().start();
    let bodies = bodies(&server);
    let (descriptors, memory) = (server.open_descriptors(), server.resident_bytes());
    let crowd = Crowd::gather(&server, HONEST, PER_SECOND);
    let mut slow = Vec::new();
    in_one_of(6, "2,000 slow peers", || {
        slow.clear();
        until("the last ones are gone", || {
            (server.open_descriptors() < descriptors + HONEST + 20).then_some(())
        });
        let normal = crowd.measure(pick(Duration::from_secs(1), Duration::from_secs(3)));
        slow = open_all(&server, &bodies);
        until("all are let in", || (server.open_descriptors() >= descriptors + CONNECTIONS).then_some(()));
        slow.iter_mut().for_each(Slow::say);
        (normal, crowd.measure(pick(Duration::from_secs(1), Duration::from_secs(3))))
    });
    println!("2,000 slow peers: {} arrived at the honest ones", crowd.disperse());
    // What is left is waiting, and disturbs nobody.
    drop(turn);
    let begun = Instant::now();
    let mut bytes = 1;
    while slow.iter().any(|slow| slow.cut.is_none()) && begun.elapsed() < BODY_TIME + LEEWAY * 2 {
        if begun.elapsed() > BYTE_TIME * bytes {
            bytes += 1;
            slow.iter_mut().for_each(Slow::say);
        }
        slow.iter_mut().for_each(Slow::look);
        thread::sleep(Duration::from_millis(100));
    }
    for kind in KINDS {
        let all: Vec<&Slow> = slow.iter().filter(|slow| slow.kind == kind).collect();
        let left = all.iter().filter(|slow| slow.cut.is_none()).count();
        assert_eq!(left, 0, "{left} of {} are still there: {kind:?}", all.len());
        let cut = all.iter().filter_map(|slow| slow.cut.as_ref());
        let (first, last) =
            (cut.clone().map(|(at, _)| *at).min().unwrap(), cut.clone().map(|(at, _)| *at).max().unwrap());
        println!("{kind:?}: {} cut after {first:?} to {last:?}", all.len());
        let deadline = kind.deadline();
        assert!(
            first >= deadline - Duration::from_secs(1) && last <= deadline + LEEWAY,
            "{kind:?}: {first:?}, {last:?}"
        );
        if kind == Kind::Body {
            let told = cut.filter(|(_, heard)| heard.starts_with(b"HTTP/1.1 408")).count();
            assert_eq!(told, all.len(), "who was refused for its body was told so");
        }
    }
    drop(slow);
    until("descriptors and memory are back", || {
        let back = server.open_descriptors() <= descriptors + 5
            && server.resident_bytes() < memory * 5 / 4 + (4 << 20);
        back.then_some(())
    });
    assert_eq!(server.api().get("/healthz").status, 200);
}
