//! Somebody who sends, and sends again under the same key until there is an answer that counts.

use super::{World, binary_value};
use crate::support::{
    PATIENCE,
    http::{API_KEY, Api, Response, escape},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use checker::{Event, History};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How soon it tries again.
const PAUSE: Duration = Duration::from_millis(5);

/// One message, for one or more channels.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) to: Vec<String>,
    /// Unique in each of its channels; the Idempotency-Key too.
    pub(crate) text: String,
    /// It travels as bytes.
    pub(crate) binary: bool,
    pub(crate) ttl: Option<u32>,
}

/// What an answer says of a try.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Stored(Option<String>),
    Refused,
    Unknown,
}

/// See the module.
pub(crate) struct Publisher {
    api: Api,
    history: History,
    lists_are_one: bool,
    /// How long one message may take until it is answered.
    pub(crate) patience: Duration,
    /// How many tries had no answer that counts.
    pub(crate) repeated: usize,
}

impl Item {
    /// A text for one channel.
    pub(crate) fn text(channel: &str, text: &str) -> Self {
        Self { to: vec![channel.to_owned()], text: text.to_owned(), binary: false, ttl: None }
    }

    /// As the history calls it.
    fn value(&self) -> String {
        if self.binary { binary_value(self.text.as_bytes()) } else { self.text.clone() }
    }

    fn json(&self) -> Value {
        let to = if self.to.len() == 1 { json!(self.to[0]) } else { json!(self.to) };
        let mut item = json!({ "to": to, "idempotency_key": self.text });
        if self.binary {
            item["base64"] = json!(BASE64_STANDARD.encode(&self.text));
        } else {
            item["data"] = json!(self.text);
        }
        if let Some(ttl) = self.ttl {
            item["ttl"] = json!(ttl);
        }
        item
    }
}

impl Publisher {
    pub(super) fn new(world: &World) -> Self {
        Self {
            api: world.api(),
            history: world.history.clone(),
            lists_are_one: world.lists_are_one,
            patience: PATIENCE,
            repeated: 0,
        }
    }

    /// The next call is made over another connection, and so at another node, if there are several.
    pub(super) fn change_node(&mut self) {
        self.api.hang_up();
    }

    /// Sends a text to a channel.
    #[track_caller]
    pub(crate) fn send(&mut self, channel: &str, text: &str) {
        self.send_one(&Item::text(channel, text));
    }

    /// Sends a message to its one channel, in a call of its own.
    #[track_caller]
    pub(crate) fn send_one(&mut self, item: &Item) {
        assert_eq!(item.to.len(), 1, "a call of its own is for one channel");
        let path = format!("/v1/channels/{}/messages", escape(&item.to[0]));
        let kind = if item.binary { "application/octet-stream" } else { "text/plain" };
        let ttl = item.ttl.map(|ttl| ttl.to_string());
        let mut headers = vec![("Content-Type", kind), ("Idempotency-Key", item.text.as_str())];
        headers.extend(ttl.as_deref().map(|ttl| ("Downlink-TTL", ttl)));
        let deadline = Instant::now() + self.patience;
        loop {
            let send = self.begin(item);
            let outcome = match self.call(&path, &headers, item.text.as_bytes()) {
                Some(response) => of_response(&response),
                None => Outcome::Unknown,
            };
            if self.record(send, outcome) {
                return;
            }
            assert!(Instant::now() < deadline, "no answer for {}", item.text);
            thread::sleep(PAUSE);
        }
    }

    /// Sends many messages in one call; those that have no answer that counts again, in the next one.
    #[track_caller]
    pub(crate) fn send_many(&mut self, items: &[Item]) {
        let mut left: Vec<&Item> = items.iter().collect();
        let deadline = Instant::now() + self.patience;
        while !left.is_empty() {
            let lines: Vec<String> = left.iter().map(|item| format!("{}\n", item.json())).collect();
            let sends: Vec<u64> = left.iter().map(|item| self.begin(item)).collect();
            let headers = [("Content-Type", "application/x-ndjson")];
            let response = self.call("/v1/messages", &headers, lines.concat().as_bytes());
            let outcomes: Vec<Outcome> = match response.filter(|response| response.status / 100 == 2) {
                Some(response) => response.text().lines().map(of_line).collect(),
                None => left.iter().map(|_| Outcome::Unknown).collect(),
            };
            assert_eq!(outcomes.len(), left.len(), "a line in, a line out");
            let mut answered = Vec::new();
            for ((item, send), outcome) in left.iter().zip(sends).zip(outcomes) {
                let outcome = match outcome {
                    // The place of one of them, and it is not said of which.
                    Outcome::Stored(_) if item.to.len() > 1 && !self.lists_are_one => Outcome::Stored(None),
                    other => other,
                };
                answered.push(self.record(send, outcome));
            }
            let mut answered = answered.into_iter();
            left.retain(|_| !answered.next().unwrap());
            assert!(Instant::now() < deadline, "no answer for {left:?}");
            if !left.is_empty() {
                thread::sleep(PAUSE);
            }
        }
    }

    /// Writes down that a try begins.
    fn begin(&self, item: &Item) -> u64 {
        let send = self.history.next_send();
        for channel in &item.to {
            self.history.record(Event::Send {
                send,
                channel: channel.clone(),
                value: item.value(),
                key: Some(item.text.clone()),
                expires: item.ttl.is_some(),
            });
        }
        send
    }

    /// Writes down how a try ended; true if the message is where it should be.
    fn record(&mut self, send: u64, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Stored(id) => {
                let place = id.map(|id| id.parse().unwrap());
                self.history.record(Event::Stored { send, place });
                return true;
            }
            Outcome::Refused => self.history.record(Event::Refused { send }),
            Outcome::Unknown => {}
        }
        self.repeated += 1;
        // Where there are several nodes, the next try goes to another one.
        self.api.hang_up();
        false
    }

    /// `None` if there was no answer, or not a whole one.
    fn call(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Response> {
        let key = format!("Bearer {API_KEY}");
        let mut all = vec![("Authorization", key.as_str())];
        all.extend_from_slice(headers);
        self.api.try_call("POST", path, &all, body).ok()
    }
}

/// # Panics
/// On an answer that no retry changes.
fn of_response(response: &Response) -> Outcome {
    match response.status {
        201 => Outcome::Stored(response.json()["id"].as_str().map(str::to_owned)),
        202 => Outcome::Stored(None),
        503 | 507 => of_code(&response.code()),
        other => panic!("{other}: {}", response.text()),
    }
}

fn of_line(line: &str) -> Outcome {
    let answer: Value = serde_json::from_str(line).unwrap();
    match answer["code"].as_str() {
        Some(code) => of_code(code),
        // Where nodes share a broker a list is not all or none; what was stored is not stored again.
        None if answer["failed"].as_array().is_some_and(|failed| !failed.is_empty()) => Outcome::Unknown,
        None => Outcome::Stored(answer["id"].as_str().map(str::to_owned)),
    }
}

fn of_code(code: &str) -> Outcome {
    match code {
        "outcome_unknown" => Outcome::Unknown,
        "broker_away" | "disk_full" | "storage_failed" | "overloaded" | "stopping" => Outcome::Refused,
        other => panic!("refused for good: {other}"),
    }
}
