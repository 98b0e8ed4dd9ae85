//! `kill -9` at random moments under load; readers and writers that come back like real ones.

use crate::{
    length::{alone, pick},
    support::{
        PATIENCE, Random,
        http::{API_KEY, Api},
        opening::Opening,
        server::on_disk,
        socket::{ALL, Data, Frame, Socket},
    },
};
use protocol::socket::Transport;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const CHANNELS: usize = 5;
const PUBLISHERS: usize = 4;

/// What a publisher knows to be stored: the answer's cursor and the text, by channel.
type Answered = Arc<Mutex<Vec<Vec<(u64, String)>>>>;

fn offset(cursor: &str) -> u64 {
    cursor.split_once('.').unwrap().1.parse().unwrap()
}

/// Sends one message until it is answered, always with the same Idempotency-Key. The cursor of the answer.
fn send_until_answered(api: &mut Api, id: &str, text: &str) -> String {
    let key = format!("Bearer {API_KEY}");
    let headers =
        [("Authorization", key.as_str()), ("Idempotency-Key", text), ("Content-Type", "text/plain")];
    let deadline = Instant::now() + PATIENCE;
    loop {
        match api.try_call("POST", &format!("/v1/channels/{id}/messages"), &headers, text.as_bytes()) {
            Ok(response) if response.status == 201 => {
                return response.json()["id"].as_str().unwrap().to_owned();
            }
            Ok(response) if response.status != 503 => panic!("{}: {}", response.status, response.text()),
            // Gone, or going: whether it is stored is not known, so it is sent again.
            _ => thread::sleep(Duration::from_millis(5)),
        }
        assert!(Instant::now() < deadline, "no answer for {text}");
    }
}

fn publish(mut api: Api, publisher: usize, stop: &AtomicBool, answered: &Answered) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let channel = number % CHANNELS;
        let text = format!("{publisher}-{number}");
        let cursor = send_until_answered(&mut api, &format!("channel{channel}"), &text);
        answered.lock().unwrap()[channel].push((offset(&cursor), text));
        // Readers shall keep up on any machine: what is tested here is the kill, not the load.
        thread::sleep(Duration::from_millis(1));
    }
}

/// One reader of one channel: what it would show to its page.
struct Reader {
    opening: Opening,
    socket: Option<Socket>,
    cursor: Option<String>,
    seen: Vec<(u64, String)>,
}

impl Reader {
    fn connect(&mut self) -> Option<&mut Socket> {
        if self.socket.is_none() {
            let mut opening = self.opening.clone();
            if let Some(cursor) = &self.cursor {
                opening = opening.after(cursor);
            }
            self.socket = opening.try_open().ok().and_then(Result::ok);
        }
        self.socket.as_mut()
    }

    /// Reads on, whatever happens, until the end marker.
    fn read(mut self) -> Vec<(u64, String)> {
        let deadline = Instant::now() + 3 * PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no end after {} messages", self.seen.len());
            let Some(socket) = self.connect() else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let frame = socket.next();
            match frame {
                Ok(Frame::Message(Some(cursor), Data::Text(text))) => {
                    if text == "end" {
                        return self.seen;
                    }
                    let place = offset(&cursor);
                    // A client drops what it has had; the server should not even send it, see below.
                    if self.seen.last().is_none_or(|(last, _)| place > *last) {
                        self.seen.push((place, text));
                    } else {
                        panic!("sent twice or out of order: {text} at {place}");
                    }
                    self.cursor = Some(cursor);
                }
                Ok(Frame::Gap { reason, .. }) => panic!("a gap ({reason}), but nothing may be missing"),
                Ok(Frame::Open | Frame::Ping) => self.cursor = socket.cursor.clone(),
                Ok(Frame::Message(..)) => panic!("a message without a place"),
                Ok(Frame::Close { .. } | Frame::End(_)) | Err(_) => self.socket = None,
            }
        }
    }
}

fn every_answered_message_arrives_exactly_once(durability: &str, seed: u64) {
    let _alone = alone();
    // More is kept than any reader can fall behind, so that a gap is never right.
    let mut server = on_disk(durability).env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let mut api = server.api();
    let mut readers = Vec::new();
    for channel in 0..CHANNELS {
        let token = api.token(&format!("channel{channel}"));
        for transport in ALL {
            // The first channel on every transport, the others on one each.
            if channel == 0 || ALL[channel - 1] == transport {
                let opening = server.opening(transport, &token);
                let reader = Reader { opening, socket: None, cursor: None, seen: Vec::new() };
                readers.push((channel, transport, thread::spawn(|| reader.read())));
            }
        }
    }
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Answered::default());
    answered.lock().unwrap().resize(CHANNELS, Vec::new());
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (api, stop, answered) = (server.api(), Arc::clone(&stop), Arc::clone(&answered));
            thread::spawn(move || publish(api, publisher, &stop, &answered))
        })
        .collect();
    let mut random = Random(seed);
    for _ in 0..pick(10, 200) {
        thread::sleep(Duration::from_millis(50 + random.below(400)));
        server = server.restart();
    }
    stop.store(true, Ordering::Relaxed);
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    let mut api = server.api();
    for channel in 0..CHANNELS {
        api.send(&format!("channel{channel}"), "end");
    }
    let answered = answered.lock().unwrap();
    assert!(answered.iter().map(Vec::len).sum::<usize>() > 100, "there was a load");
    for (channel, transport, reader) in readers {
        let seen =
            reader.join().unwrap_or_else(|_| panic!("{durability}, {transport:?} of channel {channel}"));
        check(&format!("{durability}, {transport:?}, channel {channel}"), &seen, &answered[channel]);
    }
}

/// Everything answered was seen at the place the answer named; nothing was stored twice under one key.
fn check(what: &str, seen: &[(u64, String)], answered: &[(u64, String)]) {
    let texts: HashSet<&String> = seen.iter().map(|(_, text)| text).collect();
    assert_eq!(texts.len(), seen.len(), "{what}: a key was stored twice");
    let mut expected = answered.to_vec();
    expected.sort();
    assert_eq!(seen, expected, "{what}");
}

#[test]
fn killed_again_and_again_with_durability_fsync_nothing_is_lost_or_repeated() {
    every_answered_message_arrives_exactly_once("fsync", 0x5eed_0001);
}

#[test]
fn killed_again_and_again_with_durability_os_nothing_is_lost_or_repeated() {
    every_answered_message_arrives_exactly_once("os", 0x5eed_0002);
}

#[test]
fn with_durability_memory_a_restart_is_a_new_life_and_said_so() {
    let server = crate::support::server::memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<Socket> =
        ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    api.send("ada", "lost");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "lost");
    }
    let server = server.restart();
    server.api().send("ada", "of the new life");
    for socket in sockets {
        let transport: Transport = socket.transport;
        let mut again = server.opening(transport, &token).after(&socket.at()).open();
        assert_eq!(again.gap(), "epoch", "{transport:?}");
        assert_eq!(again.text(), "of the new life", "{transport:?}");
        // The token's own place is of the old life too.
        assert_eq!(server.opening(transport, &token).open().gap(), "epoch", "{transport:?}");
    }
}
