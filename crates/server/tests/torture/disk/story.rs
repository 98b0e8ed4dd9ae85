//! A server under load as one history: what was sent and answered, and what pages on all transports saw.

use super::faults::Disk;
use crate::support::{
    PATIENCE,
    http::{API_KEY, Api, Response, escape},
    opening::Opening,
    server::Server,
    socket::{ALL, Data, Frame, Socket},
};
use checker::{Event, History, Rules, check};
use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// What a send came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Under this cursor.
    Stored(String),
    /// Status and code.
    Refused(u16, String),
    /// None at all.
    Nothing,
}

impl Answer {
    /// The cursor of what was stored.
    #[track_caller]
    pub(super) fn cursor(self) -> String {
        match self {
            Self::Stored(cursor) => cursor,
            other => panic!("not stored: {other:?}"),
        }
    }

    /// The offset of what was stored.
    #[track_caller]
    pub(super) fn offset(self) -> u64 {
        offset(&self.cursor())
    }

    pub(super) fn is(&self, status: u16, code: &str) -> bool {
        *self == Self::Refused(status, code.to_owned())
    }
}

/// The offset of a cursor.
pub(super) fn offset(cursor: &str) -> u64 {
    cursor.split_once('.').unwrap().1.parse().unwrap()
}

/// What happened to the channels of one data directory.
#[derive(Default)]
pub(super) struct Story {
    history: History,
    pages: Vec<(String, JoinHandle<()>)>,
}

/// The text with which a page's life ends.
const END: &str = "the end";

impl Story {
    /// Sends a message under an Idempotency-Key, which is its own text; that of a second try is the same.
    pub(super) fn send(&self, api: &mut Api, channel: &str, value: &str) -> Answer {
        send(&self.history, api, channel, value)
    }

    /// Sends a message for open sockets alone.
    #[track_caller]
    pub(super) fn pass(&self, api: &mut Api, channel: &str, value: &str) {
        let send = self.history.next_send();
        let (to, text) = (channel.to_owned(), value.to_owned());
        self.history.record(Event::Send { send, channel: to, value: text, key: None, expires: true });
        let path = format!("/v1/channels/{}/messages", escape(channel));
        assert_eq!(api.call("POST", &path, &[("Downlink-TTL", "0")], value.as_bytes()).status, 202);
        self.history.record(Event::Stored { send, place: None });
    }

    /// Sends many at once, each over a connection of its own; the answers in the same order.
    pub(super) fn send_at_once(&self, server: &Server, channel: &str, values: &[String]) -> Vec<Answer> {
        let sending = |value: &String| {
            let (mut api, history) = (server.api(), self.history.clone());
            let (channel, value) = (channel.to_owned(), value.clone());
            thread::spawn(move || send(&history, &mut api, &channel, &value))
        };
        let threads: Vec<_> = values.iter().map(sending).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }

    /// Opens a page on each transport, which reads to the end, however often it must come back.
    pub(super) fn open_pages(&mut self, server: &Server, channel: &str) {
        for transport in ALL {
            let name = format!("{channel} by {} no. {}", transport.as_str(), self.pages.len());
            let opening = server.opening(transport, &server.api().token(channel));
            self.history.record(Event::Begin {
                reader: name.clone(),
                channel: channel.to_owned(),
                from: None,
            });
            let page = Page { name, history: self.history.clone(), opening, socket: None, cursor: None };
            // The first opening is waited for: what is open from the start on sees most.
            self.pages.push((channel.to_owned(), page.start()));
        }
    }

    /// What pages have seen so far of messages that are kept.
    pub(super) fn seen(&self) -> Vec<String> {
        let message = |event| match event {
            Event::Message { place: Some(_), value, .. } => Some(value),
            _ => None,
        };
        self.history.events().into_iter().filter_map(message).collect()
    }

    /// Sends the last message of all, waits for the pages, looks at what is kept, and holds all against the promises.
    /// Returns what is kept of the channels.
    #[track_caller]
    pub(super) fn end(self, server: &Server, channels: &[&str], what: &str) -> Vec<Vec<(u64, String)>> {
        let mut api = server.api();
        let mut all = Vec::new();
        for channel in channels {
            self.send(&mut api, channel, END).cursor();
        }
        for (channel, page) in self.pages {
            page.join().unwrap_or_else(|_| panic!("{what}: a page of {channel}"));
        }
        for channel in channels {
            let kept = kept(&mut api, channel).unwrap();
            let place = |(cursor, text): &(String, String)| (cursor.parse().unwrap(), text.clone());
            let messages = kept.iter().map(place).collect();
            self.history.record(Event::Kept { channel: (*channel).to_owned(), messages });
            all.push(kept.into_iter().map(|(cursor, text)| (offset(&cursor), text)).collect());
        }
        let report = check(&self.history.events(), Rules::default());
        assert!(report.violations.is_empty(), "{what}: {report}");
        all
    }
}

fn send(history: &History, api: &mut Api, channel: &str, value: &str) -> Answer {
    let (send, key) = (history.next_send(), value.to_owned());
    let event =
        Event::Send { send, channel: channel.into(), value: value.into(), key: Some(key), expires: false };
    history.record(event);
    match try_send(api, channel, value) {
        Answer::Stored(cursor) => {
            history.record(Event::Stored { send, place: Some(cursor.parse().unwrap()) });
            Answer::Stored(cursor)
        }
        Answer::Refused(status, code) => {
            // Of anything else it is certain that it is not stored.
            if code != "outcome_unknown" {
                history.record(Event::Refused { send });
            }
            Answer::Refused(status, code)
        }
        Answer::Nothing => Answer::Nothing,
    }
}

/// Sends a message that no history knows of.
pub(super) fn try_send(api: &mut Api, channel: &str, value: &str) -> Answer {
    let bearer = format!("Bearer {API_KEY}");
    let key: String = value.chars().take(100).collect();
    let headers = [("Authorization", &*bearer), ("Idempotency-Key", &*key), ("Content-Type", "text/plain")];
    let path = format!("/v1/channels/{}/messages", escape(channel));
    match api.try_call("POST", &path, &headers, value.as_bytes()) {
        Ok(answer) if answer.status == 201 => {
            Answer::Stored(answer.json()["id"].as_str().unwrap().to_owned())
        }
        Ok(answer) => Answer::Refused(answer.status, answer.code()),
        Err(_) => Answer::Nothing,
    }
}

/// What is kept of a channel, over all pages, with cursors; the answer instead if it is no list.
pub(super) fn kept(api: &mut Api, channel: &str) -> Result<Vec<(String, String)>, Response> {
    let (mut messages, mut after) = (Vec::new(), None::<String>);
    loop {
        let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
        let answer = api.get(&format!("/v1/channels/{}/messages{query}", escape(channel)));
        if answer.status != 200 {
            return Err(answer);
        }
        let page = answer.json();
        for message in page["messages"].as_array().unwrap() {
            let text = |name: &str| message[name].as_str().unwrap().to_owned();
            messages.push((text("id"), text("data")));
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(messages),
        }
    }
}

/// The texts that are kept of a channel.
#[track_caller]
pub(super) fn texts(api: &mut Api, channel: &str) -> Vec<String> {
    match kept(api, channel) {
        Ok(messages) => messages.into_iter().map(|(_, text)| text).collect(),
        Err(answer) => panic!("{}: {}", answer.status, answer.text()),
    }
}

/// A server's value of a metric.
#[track_caller]
pub(super) fn metric(api: &mut Api, name: &str) -> String {
    let text = api.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

/// Starts again after a kill, and hands the new process over.
#[track_caller]
pub(super) fn killed_and_started(disk: &Disk, mut server: Server) -> Server {
    server.kill();
    disk.mend();
    server.start_again()
}

/// One page of a browser: it comes back with its cursor whenever its connection ends.
struct Page {
    name: String,
    history: History,
    opening: Opening,
    socket: Option<Socket>,
    cursor: Option<String>,
}

impl Page {
    fn start(mut self) -> JoinHandle<()> {
        self.connect();
        thread::spawn(move || self.read())
    }

    fn connect(&mut self) -> Option<&mut Socket> {
        if self.socket.is_none() {
            let opening = self.opening.clone();
            let opening = match &self.cursor {
                Some(cursor) => opening.after(cursor),
                None => opening,
            };
            self.socket = opening.try_open().ok().and_then(Result::ok);
        }
        self.socket.as_mut()
    }

    fn read(mut self) {
        let deadline = Instant::now() + 4 * PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{}: no end", self.name);
            let Some(socket) = self.connect() else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let frame = socket.next();
            let cursor = socket.cursor.clone();
            let reader = self.name.clone();
            match frame {
                Ok(Frame::Message(place, Data::Text(value))) => {
                    let ends = value == END;
                    let place = place.map(|place| place.parse().unwrap());
                    self.history.record(Event::Message { reader: reader.clone(), place, value });
                    if ends {
                        return self.history.record(Event::End { reader });
                    }
                }
                Ok(Frame::Gap { cursor, reason }) => {
                    let place = cursor.parse().unwrap();
                    self.history.record(Event::Gap { reader, place, reason });
                }
                Ok(Frame::Open | Frame::Ping) => {}
                Ok(Frame::Message(_, Data::Binary(_))) => panic!("{reader}: nobody sends bytes"),
                Ok(Frame::Close { .. } | Frame::End(_)) | Err(_) => {
                    self.socket = None;
                    thread::sleep(Duration::from_millis(5));
                }
            }
            self.cursor = cursor.or(self.cursor.take());
        }
    }
}
