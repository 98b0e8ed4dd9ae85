//! Senders: how messages go in, and what is made of the answers.

use super::{
    super::clock::SECOND,
    Channels, Engine, PUBLISHERS,
    mark::{EVERYBODY, Mark},
    peer::Carrier,
    poller::Event,
    publisher::{self, Answer, Publisher, State},
    tally::REFUSALS_MAX,
    template::Words,
    wire::{Input, Wire},
};

/// So long an answer may take before a run is given up: as long as the server gives a body, and then some.
const ANSWER_TIME: u64 = 40 * SECOND;

impl Engine {
    /// Connects so many senders.
    ///
    /// # Errors
    /// If they cannot be connected.
    pub(crate) fn add_publishers(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            let index = self.publishers.len();
            let wire = self.connect(index)?;
            self.publishers.push(Publisher::new(wire));
        }
        let all = self.publishers.len();
        let end = self.clock.now() + ANSWER_TIME;
        if self.wait_until(end, |engine| engine.free.len() == all || engine.given_up())? && !self.given_up() {
            return Ok(());
        }
        Err(format!("the senders did not get their connections: {}", self.refusal()))
    }

    fn connect(&self, index: usize) -> Result<Wire, String> {
        let wire = Wire::connect(&self.peer.publishing.endpoint, None);
        let wire = wire.and_then(|wire| self.poller.add(&wire, PUBLISHERS + index as u64).map(|()| wire));
        wire.map_err(|error| format!("a connection to send on: {error}"))
    }

    pub(crate) fn refusal(&self) -> &str {
        self.tally.refusal.as_deref().unwrap_or("no answer came")
    }

    /// Whether so much was refused that there is nothing to measure.
    pub(crate) fn given_up(&self) -> bool {
        self.tally.refused.len() >= REFUSALS_MAX || self.tally.reopened as usize >= REFUSALS_MAX
    }

    /// Makes a token for each socket there will be, where sockets need one.
    ///
    /// # Errors
    /// If the server makes none.
    pub(crate) fn make_tokens(
        &mut self,
        sockets: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), String> {
        let Some(call) = self.peer.tokens.clone() else { return Ok(()) };
        let wanted = if self.channels == Channels::Shared { 1 } else { sockets };
        self.tokens = vec![Box::default(); wanted];
        let (mut asked, senders) = (0, self.publishers.len());
        let mut last = self.clock.now();
        while asked < wanted || self.free.len() < senders {
            while asked < wanted
                && let Some(index) = self.free.pop_front()
            {
                let (mut head, mut body) = (Vec::new(), Vec::new());
                let channel = self.channel(asked as u32);
                let words = Words { channel: &channel, ..Words::default() };
                call.head.write(words, &mut head);
                call.item.write(words, &mut body);
                self.publishers[index].token_for = Some(asked as u32);
                self.start_call(index, head, &body);
                asked += 1;
                last = self.clock.now();
            }
            self.poll(self.clock.now() + SECOND / 10)?;
            progress(asked);
            if self.tally.refusal.is_some() || self.clock.now() - last > ANSWER_TIME {
                return Err(format!("the server makes no tokens: {}", self.refusal()));
            }
        }
        Ok(())
    }

    /// Whether a sender is free, and which; it keeps its turn until something is sent on it.
    pub(crate) fn free_publisher(&self) -> Option<usize> {
        self.free.front().copied()
    }

    /// Whether all calls are answered.
    pub(crate) fn all_answered(&self) -> bool {
        self.free.len() == self.publishers.len()
    }

    /// A socket that this sender serves, at random: each channel has one sender, so that its messages have one order.
    pub(crate) fn random_target(&mut self, publisher: usize) -> u32 {
        if self.channels != Channels::Own {
            return 0;
        }
        let (sockets, senders) = (self.sockets.len() as u32, self.publishers.len() as u32);
        let first = publisher as u32 % sockets;
        let served = (sockets - first).div_ceil(senders);
        first + self.random(served) * senders
    }

    /// Sends a message to each of the targets in one call of the first free sender, due now or earlier.
    pub(crate) fn publish(&mut self, targets: &[u32], due: u64, batched: bool) {
        let Some(index) = self.free.pop_front() else { return };
        let batch = self.peer.publishing.batch.as_ref().filter(|_| batched);
        let call = batch.unwrap_or(&self.peer.publishing.one);
        let (mut head, mut body, mut message) = (Vec::new(), Vec::new(), Vec::new());
        let mut under_way = Vec::with_capacity(targets.len());
        for (place, target) in targets.iter().enumerate() {
            let (counter, marked) = match self.channels {
                Channels::Own => (*target, *target),
                Channels::Shared | Channels::Listed => (0, EVERYBODY),
            };
            let needed = counter as usize + 1;
            if self.numbers.len() < needed {
                self.numbers.resize(needed, 0);
            }
            let number = self.numbers[counter as usize];
            self.numbers[counter as usize] += 1;
            under_way.push((counter, number));
            message.clear();
            Mark { due, target: marked, number }.write(self.payload, &mut message);
            let channel = self.channel(*target);
            self.calls += 1;
            let words = Words { channel: &channel, message: &message, key: self.calls, ..Words::default() };
            if place == 0 {
                call.head.write(words, &mut head);
                call.before.write(words, &mut body);
            } else {
                body.extend_from_slice(&call.between);
            }
            call.item.write(words, &mut body);
            if place + 1 == targets.len() {
                call.after.write(words, &mut body);
            }
        }
        self.tally.sent += targets.len() as u64;
        self.publishers[index].under_way = under_way;
        self.start_call(index, head, &body);
    }

    fn start_call(&mut self, index: usize, mut head: Vec<u8>, body: &[u8]) {
        let publisher = &mut self.publishers[index];
        publisher.awaited = match self.peer.publishing.carrier {
            Carrier::Http => {
                head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                1
            }
            Carrier::Lines { .. } => publisher.under_way.len(),
        };
        head.extend_from_slice(body);
        match publisher.wire.write(&head) {
            Err(error) => self.lose_publisher(index, &error.to_string()),
            Ok(()) if publisher.wire.has_unsent() => self.watch_publisher(index),
            Ok(()) => {}
        }
    }

    fn watch_publisher(&mut self, index: usize) {
        let wire = &self.publishers[index].wire;
        if let Err(error) = self.poller.modify(wire, PUBLISHERS + index as u64, wire.has_unsent()) {
            self.lose_publisher(index, &error.to_string());
        }
    }

    /// The server ended a sender's connection: what was under way may have been taken or not, and is not awaited.
    fn lose_publisher(&mut self, index: usize, why: &str) {
        self.tally.reopened += 1;
        self.tally.refusal.get_or_insert_with(|| why.to_owned());
        let under_way = std::mem::take(&mut self.publishers[index].under_way);
        self.tally.refused.extend(under_way);
        self.free.retain(|free| *free != index);
        if !self.given_up()
            && let Ok(wire) = self.connect(index)
        {
            self.publishers[index] = Publisher::new(wire);
        }
    }

    pub(super) fn publisher_event(&mut self, index: usize, event: Event) {
        if event.writable {
            if let Err(error) = self.publishers[index].wire.flush() {
                return self.lose_publisher(index, &error.to_string());
            }
            if self.publishers[index].state == State::Connecting && !event.readable {
                self.greet(index);
            }
            self.watch_publisher(index);
        }
        if !event.readable {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let read = self.publishers[index].wire.read(&mut scratch);
        match read {
            Ok(Input::Bytes(bytes)) => {
                // Some servers speak first.
                if self.publishers[index].state == State::Connecting {
                    self.greet(index);
                }
                let mut input = std::mem::take(&mut self.publishers[index].input);
                if input.is_empty() {
                    self.answers(index, &scratch[..bytes]);
                } else {
                    input.extend_from_slice(&scratch[..bytes]);
                    self.answers(index, &input);
                }
            }
            Ok(Input::Nothing) if self.publishers[index].state == State::Connecting => self.greet(index),
            Ok(Input::Nothing) => {}
            Ok(Input::End) => self.lose_publisher(index, "the server closed a connection to send on"),
            Err(error) => self.lose_publisher(index, &error.to_string()),
        }
        self.scratch = scratch;
    }

    fn greet(&mut self, index: usize) {
        let publisher = &mut self.publishers[index];
        match &self.peer.publishing.carrier {
            Carrier::Lines { hello, .. } if !hello.is_empty() => {
                publisher.state = State::Greeted;
                if let Err(error) = publisher.wire.write(hello) {
                    self.lose_publisher(index, &error.to_string());
                }
            }
            Carrier::Http | Carrier::Lines { .. } => {
                publisher.state = State::Ready;
                self.free.push_back(index);
            }
        }
    }

    fn answers(&mut self, index: usize, data: &[u8]) {
        let rest = match self.peer.publishing.carrier {
            Carrier::Http => self.http_answers(index, data),
            Carrier::Lines { .. } => self.line_answers(index, data),
        };
        if !rest.is_empty() {
            self.publishers[index].input = rest.to_vec();
        }
    }

    fn http_answers<'a>(&mut self, index: usize, mut data: &'a [u8]) -> &'a [u8] {
        while !data.is_empty() {
            match publisher::http(data) {
                Answer::Partly => break,
                Answer::Broken => {
                    self.lose_publisher(index, "what answers does not speak HTTP");
                    return &[];
                }
                Answer::Whole { length, status, body, closes } => {
                    data = &data[length..];
                    self.answered(index, (200..300).contains(&status), body);
                    if closes {
                        self.lose_publisher(index, "the server closes connections after an answer");
                        return &[];
                    }
                }
            }
        }
        data
    }

    fn line_answers<'a>(&mut self, index: usize, mut data: &'a [u8]) -> &'a [u8] {
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            let Carrier::Lines { answer, .. } = &self.peer.publishing.carrier else { return data };
            let line = &data[..end];
            let good = line.starts_with(answer);
            data = &data[end + 1..];
            if self.publishers[index].state == State::Greeted {
                if good {
                    self.publishers[index].state = State::Ready;
                    self.free.push_back(index);
                }
                continue;
            }
            // NATS looks whether we are there.
            if line.starts_with(b"PING") {
                if let Err(error) = self.publishers[index].wire.write(b"PONG\r\n") {
                    self.lose_publisher(index, &error.to_string());
                    return &[];
                }
                continue;
            }
            self.answered(index, good, line);
        }
        data
    }

    /// One answer is there; after the last one the sender is free.
    fn answered(&mut self, index: usize, good: bool, body: &[u8]) {
        let publisher = &mut self.publishers[index];
        publisher.awaited = publisher.awaited.saturating_sub(1);
        let token_for = publisher.token_for.take();
        // In an answer to many, each one that was refused has a code in its place.
        let good = good && (publisher.under_way.len() < 2 || !has(body, b"\"code\":\""));
        if !good {
            let text = String::from_utf8_lossy(&body[..body.len().min(300)]).replace(['\r', '\n'], " ");
            self.tally.refusal.get_or_insert(text);
            self.tally.refused.extend(publisher.under_way.iter().copied());
        }
        if publisher.awaited > 0 {
            return;
        }
        let under_way = std::mem::take(&mut publisher.under_way);
        if good {
            self.tally.accepted += under_way.len() as u64;
        }
        if let Some(channel) = token_for.filter(|_| good) {
            match token(body) {
                Some(token) => self.tokens[channel as usize] = token.into(),
                None => self.tally.refusal = Some("an answer without a token".into()),
            }
        }
        self.free.push_back(index);
    }
}

fn has(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

/// The token in the answer to the creation of a channel.
fn token(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("token")?.as_str()?.to_owned())
}
