//! Sockets: how they are opened, and what is done with what comes.

use super::{
    super::clock::SECOND,
    Channels, Engine,
    mark::{EVERYBODY, Mark},
    peer::Transport,
    poller::Event,
    socket::{self, Phase, Socket, Unit},
    template::Words,
    websocket,
    wire::{Input, Wire},
};
use std::net::{IpAddr, Ipv4Addr};

/// A source address has some 28,000 ports.
const SOCKETS_PER_SOURCE: usize = 10_000;

/// So long nothing may move while sockets are opened.
const STALL: u64 = 20 * SECOND;

/// What else is done while sockets are opened; returns when it wants to be called next.
pub(crate) type Meanwhile<'a> = &'a mut dyn FnMut(&mut Engine) -> u64;

impl Engine {
    /// Has sockets remember where they are, so that they can come back there.
    pub(crate) fn keep_cursors(&mut self) {
        self.keeps_cursors = true;
    }

    /// Opens sockets until there are so many, a window of them at a time. `meanwhile` is called between events, and says
    /// when it wants to be called next.
    ///
    /// # Errors
    /// If the first ones are refused, or nothing moves any more.
    pub(crate) fn open(
        &mut self,
        count: usize,
        window: usize,
        meanwhile: Meanwhile<'_>,
    ) -> Result<(), String> {
        let first = self.sockets.len();
        let now = self.clock.now();
        self.sockets.resize_with(count.max(first), || Socket::new(now));
        self.open_all((first..count).collect(), window, meanwhile)
    }

    /// Opens those that are gone anew, where they were.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn reopen(&mut self, window: usize, meanwhile: Meanwhile<'_>) -> Result<(), String> {
        let gone = (0..self.sockets.len()).filter(|index| self.sockets[*index].phase == Phase::Gone);
        self.open_all(gone.collect(), window, meanwhile)
    }

    fn open_all(
        &mut self,
        wanted: Vec<usize>,
        window: usize,
        meanwhile: Meanwhile<'_>,
    ) -> Result<(), String> {
        let mut wanted = wanted.into_iter().peekable();
        let (mut done, mut moved) = ((self.open, self.tally.failed), self.clock.now());
        loop {
            while self.opening < window
                && let Some(index) = wanted.next()
            {
                self.begin(index);
            }
            if self.opening == 0 && wanted.peek().is_none() {
                return Ok(());
            }
            let next = meanwhile(self);
            self.poll(next.min(self.clock.now() + SECOND / 10))?;
            if self.tally.failed > 0 && self.open == 0 {
                return Err(format!("no socket can be opened: {}", self.failure()));
            }
            if (self.open, self.tally.failed) != done {
                (done, moved) = ((self.open, self.tally.failed), self.clock.now());
            } else if self.clock.now() - moved > STALL {
                return Err(format!(
                    "opening sockets came to a halt: {} are open, and for 20 s no other was",
                    self.open
                ));
            }
        }
    }

    /// What was said of the first socket that could not be opened.
    pub(crate) fn failure(&self) -> &str {
        self.tally.failure.as_deref().unwrap_or("nothing was said")
    }

    /// Cuts all sockets at once, without a word, as a network does.
    pub(crate) fn cut_all(&mut self) {
        for socket in &mut self.sockets {
            socket.wire = None;
            socket.phase = Phase::Gone;
            socket.carry = Vec::new();
        }
        (self.open, self.opening) = (0, 0);
    }

    fn begin(&mut self, index: usize) {
        let source = match self.peer.opening.endpoint.address.ip() {
            // Loopback has many addresses; elsewhere the system picks the one that there is.
            IpAddr::V4(ip) if ip.is_loopback() => {
                let block = index / SOCKETS_PER_SOURCE;
                Some(Ipv4Addr::new(127, 0, 1 + (block / 200) as u8, 1 + (block % 200) as u8))
            }
            _ => None,
        };
        let wire = Wire::connect(&self.peer.opening.endpoint, source);
        let wire = wire.and_then(|wire| self.poller.add(&wire, index as u64).map(|()| wire));
        self.opening += 1;
        self.sockets[index].began = self.clock.now();
        self.sockets[index].phase = Phase::Connecting;
        match wire {
            Ok(wire) => self.sockets[index].wire = Some(wire),
            Err(error) => self.end(index, &error.to_string()),
        }
    }

    /// A socket is gone, and this is why.
    fn end(&mut self, index: usize, why: &str) {
        let socket = &mut self.sockets[index];
        match socket.phase {
            Phase::Gone => return,
            Phase::Open => {
                self.open -= 1;
                self.tally.closed += 1;
            }
            _ => {
                self.opening -= 1;
                self.tally.failed += 1;
            }
        }
        self.tally.failure.get_or_insert_with(|| why.to_owned());
        (socket.wire, socket.phase, socket.carry) = (None, Phase::Gone, Vec::new());
    }

    pub(super) fn socket_event(&mut self, index: usize, event: Event) {
        let Some(wire) = self.sockets[index].wire.as_mut() else { return };
        if event.writable {
            if let Err(error) = wire.flush() {
                return self.end(index, &error.to_string());
            }
            // If connecting failed, a read says so.
            if self.sockets[index].phase == Phase::Connecting && !event.readable {
                self.ask(index);
            }
            self.watch(index);
        }
        if event.readable {
            self.read(index);
        }
    }

    /// Looks for room to write only while something waits for it.
    fn watch(&mut self, index: usize) {
        let Some(wire) = &self.sockets[index].wire else { return };
        if let Err(error) = self.poller.modify(wire, index as u64, wire.has_unsent()) {
            self.end(index, &error.to_string());
        }
    }

    fn ask(&mut self, index: usize) {
        let channel = self.channel(index as u32);
        let token = match self.channels {
            Channels::Shared => self.tokens.first(),
            Channels::Own | Channels::Listed => self.tokens.get(index),
        };
        let cursor = &self.sockets[index].cursor;
        let after = if cursor.is_empty() { String::new() } else { format!("?after={cursor}") };
        let words = Words {
            channel: &channel,
            token: token.map_or("", AsRef::as_ref),
            after: &after,
            ..Words::default()
        };
        let mut request = Vec::with_capacity(512);
        self.peer.opening.request.write(words, &mut request);
        self.sockets[index].phase = Phase::Asked;
        self.write(index, &request);
    }

    fn write(&mut self, index: usize, bytes: &[u8]) {
        let Some(wire) = self.sockets[index].wire.as_mut() else { return };
        match wire.write(bytes) {
            Err(error) => self.end(index, &error.to_string()),
            Ok(()) if wire.has_unsent() => self.watch(index),
            Ok(()) => {}
        }
    }

    fn read(&mut self, index: usize) {
        // Lent out while the socket is worked on.
        let mut scratch = std::mem::take(&mut self.scratch);
        let wire = self.sockets[index].wire.as_mut();
        match wire.map_or(Ok(Input::Nothing), |wire| wire.read(&mut scratch)) {
            Ok(Input::Bytes(bytes)) => {
                let mut carry = std::mem::take(&mut self.sockets[index].carry);
                if carry.is_empty() {
                    self.input(index, &scratch[..bytes]);
                } else {
                    carry.extend_from_slice(&scratch[..bytes]);
                    self.input(index, &carry);
                }
            }
            Ok(Input::Nothing) if self.sockets[index].phase == Phase::Connecting => self.ask(index),
            Ok(Input::Nothing) => {}
            Ok(Input::End) => self.end(index, "the server closed the connection"),
            Err(error) => self.end(index, &error.to_string()),
        }
        self.scratch = scratch;
    }

    fn input(&mut self, index: usize, mut data: &[u8]) {
        if self.sockets[index].phase == Phase::Asked {
            match socket::head(&self.peer.opening, data) {
                Ok(Some(length)) => data = &data[length..],
                Ok(None) => {
                    self.sockets[index].carry = data.to_vec();
                    return;
                }
                Err(why) => return self.end(index, &why),
            }
            self.sockets[index].phase = Phase::Steps(0);
            self.step(index, b"");
        }
        let transport = self.peer.opening.transport;
        while !data.is_empty() {
            let done = match socket::first(transport, data) {
                Unit::Partly => break,
                Unit::Frame { payload, length } => {
                    self.frame(index, payload);
                    length
                }
                Unit::Ping { payload, length } => {
                    let mut pong = Vec::with_capacity(payload.len() + 6);
                    websocket::write(websocket::PONG, payload, &mut pong);
                    self.write(index, &pong);
                    length
                }
                Unit::Closed(why) => return self.end(index, &format!("the server closed it: {why}")),
                Unit::Nothing { length } => length,
            };
            data = &data[done..];
        }
        if !data.is_empty() && self.sockets[index].phase != Phase::Gone {
            self.sockets[index].carry = data.to_vec();
        }
    }

    fn frame(&mut self, index: usize, payload: &[u8]) {
        match self.sockets[index].phase {
            Phase::Steps(_) => self.step(index, payload),
            Phase::Open => {}
            _ => return,
        }
        let transport = self.peer.opening.transport;
        if self.keeps_cursors
            && let Some(cursor) = socket::cursor(transport, payload)
        {
            let kept = &mut self.sockets[index].cursor;
            kept.clear();
            kept.push_str(cursor);
        }
        let (mut rest, mut marks) = (payload, 0);
        while let Some((mark, end)) = Mark::find(rest) {
            self.message(index, mark);
            (rest, marks) = (&rest[end..], marks + 1);
        }
        if marks == 0 {
            self.other(index, payload);
        }
    }

    fn message(&mut self, index: usize, mark: Mark) {
        let expected = match self.channels {
            Channels::Own => index as u32,
            Channels::Shared | Channels::Listed => EVERYBODY,
        };
        if mark.target != expected {
            self.tally.misrouted += 1;
            return;
        }
        let now = self.clock.now();
        let arrival = self.sockets[index].course.take(mark.number);
        self.tally.arrived(arrival, mark.due, now);
    }

    /// A frame without a message in it.
    fn other(&mut self, index: usize, payload: &[u8]) {
        let has = |word: &[u8]| payload.windows(word.len()).any(|window| window == word);
        if let Some((ping, pong)) = &self.peer.opening.ping
            && payload.starts_with(ping)
        {
            let said = pong.clone();
            return self.say(index, &said);
        }
        if self.peer.resumes && (has(b"\"type\":\"gap\"") || has(b"event: gap")) {
            self.tally.gaps += 1;
        }
    }

    fn say(&mut self, index: usize, payload: &[u8]) {
        let opcode = if self.peer.opening.binary { websocket::BINARY } else { websocket::TEXT };
        let mut out = Vec::with_capacity(payload.len() + 8);
        websocket::write(opcode, payload, &mut out);
        if self.peer.opening.transport == Transport::Ws {
            self.write(index, &out);
        }
    }

    /// Goes on with the opening, as far as this frame allows.
    fn step(&mut self, index: usize, payload: &[u8]) {
        let has = |word: &[u8]| word.is_empty() || payload.windows(word.len()).any(|window| window == word);
        while let Phase::Steps(done) = self.sockets[index].phase {
            let Some((after, said)) = self.peer.opening.steps.get(usize::from(done)) else {
                if has(&self.peer.opening.ready) {
                    self.sockets[index].phase = Phase::Open;
                    (self.opening, self.open) = (self.opening - 1, self.open + 1);
                    let took = self.clock.now() - self.sockets[index].began;
                    self.tally.opening.add(took);
                }
                return;
            };
            if !has(after) {
                return;
            }
            let mut out = Vec::new();
            let channel = self.channel(index as u32);
            said.write(Words { channel: &channel, ..Words::default() }, &mut out);
            self.sockets[index].phase = Phase::Steps(done + 1);
            self.say(index, &out);
        }
    }
}
