//! A page: it opens, loses and resumes sockets, and checks everything that it is told.

use super::{
    wire::{Stream, Wire, cursor, frames_of},
    world::{Channel, KEPT_MAX, World},
};
use broker::message::Position;
use delivery::{open::Request, socket::Socket};
use protocol::{
    client_word::ClientWord,
    close::CloseCode,
    cursor::{Cursor, Offset},
    socket::Transport,
    token::Grant,
};
use serde_json::Value;
use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

/// How long everything may take to be there at the end of a run.
const PATIENCE_MS: u64 = 20_000;

/// A page and what it knows.
pub(super) struct Page {
    /// Which of the run's channels it listens to.
    channel: usize,
    grant: Grant,
    /// Up to where it has had everything.
    cursor: Cursor,
    wire: Option<Wire>,
    socket: Option<Arc<Socket>>,
    /// Messages that nobody keeps, which it has had.
    passed: HashSet<String>,
    /// It said farewell, or its channel was deleted: nothing more is due.
    done: bool,
}

impl Page {
    /// A page that was just rendered, with a token of its own.
    pub(super) fn open(world: &World, index: usize, channel: &Channel, transport: u8) -> Self {
        let grant = world.grant(channel);
        let cursor = grant.start.expect("the server's tokens have a place");
        let mut page = Self {
            channel: index,
            grant,
            cursor,
            wire: None,
            socket: None,
            passed: HashSet::new(),
            done: false,
        };
        page.connect(world, channel, transport);
        page
    }

    fn connect(&mut self, world: &World, channel: &Channel, transport: u8) {
        let transport = match transport % 3 {
            0 => Transport::Lines,
            1 => Transport::WebSocket,
            _ => Transport::LongPoll,
        };
        let request = Request {
            id: self.grant.client_id.clone(),
            position: Position::After(self.cursor),
            transport,
            silence: None,
            token: (self.grant.start, self.grant.issued_at),
            expires_at: world.hub.deadline(self.grant.expires_at, world.hub.clock.now_ms()),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let is_refused = self.grant.start.is_some_and(|start| start.offset < channel.deleted_at);
        let opened = match world.runtime.block_on(world.hub.open(request, 0)) {
            Ok(opened) => opened,
            Err(refused) => {
                assert!(is_refused && refused.code == CloseCode::GONE, "{refused:?}");
                return;
            }
        };
        assert!(!is_refused, "a token from before a deletion opens nothing");
        self.socket = Some(Arc::clone(opened.socket()));
        self.wire = Some(match transport {
            Transport::Lines => Wire::Lines(Stream::new(world, opened)),
            Transport::WebSocket => Wire::WebSocket(Stream::new(world, opened)),
            _ => {
                let gap = opened.gap;
                let socket = world.hub.adopt_poll(opened);
                let answer = world.hub.poll(&socket, None, gap, Duration::ZERO);
                let answer = world.runtime.block_on(answer).expect("memory is read");
                self.take(world, channel, frames_of(&answer));
                Wire::Poll(socket)
            }
        });
    }

    /// The network ends the socket; what was on its way is lost.
    pub(super) fn cut(&mut self) {
        // A client that polls is merely not heard of again.
        (self.wire, self.socket) = (None, None);
    }

    /// Comes back, with another token if its own is from before a deletion.
    pub(super) fn resume(&mut self, world: &World, channels: &[Channel], transport: u8) {
        self.cut();
        let channel = &channels[self.channel];
        if self.grant.start.is_some_and(|start| start.offset < channel.deleted_at) {
            self.connect(world, channel, transport);
            assert!(self.wire.is_none());
            self.grant = world.grant(channel);
        }
        self.done = false;
        self.connect(world, channel, transport);
    }

    /// Reads what has come.
    pub(super) fn read(&mut self, world: &World, channels: &[Channel]) {
        self.read_some(world, &channels[self.channel], false);
    }

    fn read_some(&mut self, world: &World, channel: &Channel, patient: bool) {
        let Some(wire) = &mut self.wire else { return };
        let frames = wire.read(world, patient);
        let ended = wire.has_ended();
        self.take(world, channel, frames);
        if ended {
            self.cut();
        }
    }

    fn take(&mut self, world: &World, channel: &Channel, frames: Vec<Value>) {
        for frame in frames {
            match frame["type"].as_str() {
                // Where it starts: with everything before it had, or told of in the gap that follows.
                Some("open") => {}
                Some("ping") => self.pass_over(channel, cursor(&frame["cursor"])),
                Some("gap") => self.gap(world, channel, &frame),
                Some("close") => {}
                Some(other) => panic!("there is no frame of type {other}"),
                None => self.message(channel, &frame),
            }
        }
    }

    fn message(&mut self, channel: &Channel, frame: &Value) {
        let text = frame["data"].as_str().expect("texts were sent");
        if frame["id"].is_null() {
            assert!(channel.passed.iter().any(|passed| passed == text), "nobody sent {text}");
            assert!(self.passed.insert(text.to_owned()), "{text} came twice");
            return;
        }
        let at = cursor(&frame["id"]);
        let sent = channel.at(at.offset).unwrap_or_else(|| panic!("nothing was sent at {at}"));
        assert_eq!(sent.text, text, "at {at}");
        assert!(at.offset > self.cursor.offset, "{at} came after {}", self.cursor);
        self.pass_over(channel, Cursor::new(at.epoch, Offset(at.offset.0 - 1)));
        self.cursor = at;
    }

    /// Nothing that was due lies between the page's cursor and this one.
    fn pass_over(&mut self, channel: &Channel, to: Cursor) {
        let missing = channel.due(self.cursor.offset, to.offset).next();
        let missing = missing.map(|sent| (sent.offset, &sent.text));
        assert_eq!(missing, None, "missing between {} and {to}, and no gap was said", self.cursor);
        if to.offset > self.cursor.offset {
            self.cursor = to;
        }
    }

    /// A gap is said when something may be gone, and only then.
    fn gap(&mut self, world: &World, channel: &Channel, frame: &Value) {
        let to = cursor(&frame["cursor"]);
        assert_eq!(frame["reason"], "trimmed", "there is one epoch");
        assert!(to.offset >= self.cursor.offset, "a gap to {to} runs back from {}", self.cursor);
        let after = channel.sent.iter().filter(|sent| sent.offset > self.cursor.offset).count();
        let may_be_gone = world.broker().start().offset > self.cursor.offset
            || channel.deleted_at > self.cursor.offset
            || after > KEPT_MAX as usize;
        assert!(may_be_gone, "a gap from {} to {to}, and nothing is missing", self.cursor);
        self.cursor = to;
    }

    /// Says that it has handled what it had.
    pub(super) fn acknowledge(&mut self, world: &World) {
        let Some(socket) = self.socket.clone() else { return };
        let ack = format!(r#"{{"ack":"{}"}}"#, self.cursor);
        if !self.wire.as_mut().is_some_and(|wire| wire.say(ack.as_bytes())) {
            let heard = world.hub.hear(&socket, ClientWord::Ack(self.cursor));
            assert_eq!(heard, Ok(()));
        }
    }

    /// Renews its token: with a good one, or with one of another channel, which ends the socket.
    pub(super) fn renew(&mut self, world: &World, channels: &[Channel], kind: u8) {
        let Some(socket) = self.socket.clone() else { return };
        let of = if kind & 3 == 3 { (self.channel + 1) % channels.len() } else { self.channel };
        let grant = world.grant(&channels[of]);
        let token = world.sign(&grant);
        let is_own = of == self.channel;
        if !self.wire.as_mut().is_some_and(|wire| wire.say(format!(r#"{{"token":"{token}"}}"#).as_bytes())) {
            match world.hub.hear(&socket, ClientWord::Token(token)) {
                Ok(()) => assert!(is_own, "another channel's token"),
                Err((code, reason)) => {
                    assert!(!is_own, "its own token");
                    world.hub.close(&socket, code, reason, None);
                }
            }
        }
        if is_own {
            self.grant = grant;
        }
    }

    /// Leaves for good.
    pub(super) fn leave(&mut self, world: &World) {
        let Some(socket) = self.socket.clone() else { return };
        self.done = true;
        if !self.wire.as_mut().is_some_and(|wire| wire.say(br#"{"close":true}"#)) {
            let (code, reason) = world.hub.hear(&socket, ClientWord::Close).expect_err("a farewell ends it");
            world.hub.close(&socket, code, reason, None);
        }
    }

    /// Says anything at all.
    pub(super) fn say(&mut self, world: &World, text: &[u8]) {
        let Some(socket) = self.socket.clone() else { return };
        if !self.wire.as_mut().is_some_and(|wire| wire.say(text))
            && let Some(word) = std::str::from_utf8(text).ok().and_then(|text| ClientWord::parse(text).ok())
            && let Err((code, reason)) = world.hub.hear(&socket, word)
        {
            world.hub.close(&socket, code, reason, None);
        }
    }

    /// The end of a run: everything that is due has come, or comes when it resumes.
    pub(super) fn settle(&mut self, world: &World, channels: &[Channel]) {
        let channel = &channels[self.channel];
        let deadline = world.hub.clock.elapsed_ms() + PATIENCE_MS;
        loop {
            let last =
                channel.sent.iter().rfind(|sent| !sent.may_expire).map_or(Offset(0), |sent| sent.offset);
            if self.done || self.cursor.offset >= last {
                return;
            }
            let now_ms = world.hub.clock.elapsed_ms();
            assert!(now_ms < deadline, "at {} and never came to {last}", self.cursor);
            if self.wire.is_none() {
                self.resume(world, channels, 0);
            }
            self.read_some(world, channel, true);
        }
    }
}
