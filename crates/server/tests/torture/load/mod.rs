//! A load that writes down what it sees: publishers that send until they are answered, readers that come back with
//! their cursor on any transport, and a verdict over the whole history (`crates/checker`).
//!
//! ```text
//! let world = World::new(server.address);
//! let readers = [world.reader("ada", &[Transport::Sse]).read()];
//! let publishing = world.publish(&Traffic::default(), &["ada"]);
//! … kill, cut, restart …
//! publishing.stop();
//! world.end(&["ada"]);
//! readers.into_iter().for_each(|reading| { reading.join(); });
//! world.judge("what was done", Rules::default());
//! ```

mod people;
mod publisher;
mod reader;
mod traffic;

pub(crate) use people::People;
pub(crate) use publisher::{Item, Publisher};
pub(crate) use reader::{Reader, Reading, Seen};
pub(crate) use traffic::{Publishing, Traffic};

use crate::support::{
    http::{API_KEY, Api, escape},
    until,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use checker::{Event, History, Place, Report, Rules, check};
use protocol::socket::Transport;
use serde_json::Value;
use std::{
    fs, io,
    net::SocketAddr,
    thread::{self, JoinHandle},
};

/// What every reader waits for: sent after all else.
pub(crate) const END: &str = "end";

/// Where the server is, and what happened to it; clones write into one history.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) history: History,
    /// Whether a message for a list of ids is one, and lies at one place in all of their channels. On several nodes it is a
    /// message for each.
    pub(crate) lists_are_one: bool,
}

impl World {
    /// An empty history of the server at this address, which may be restarted there.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, history: History::new(), lists_are_one: true }
    }

    /// The same of several nodes, which are found behind this address.
    pub(crate) fn of_cluster(address: SocketAddr) -> Self {
        Self { lists_are_one: false, ..Self::new(address) }
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(self.address)
    }

    /// Somebody who sends.
    pub(crate) fn publisher(&self) -> Publisher {
        Publisher::new(self)
    }

    /// Somebody who will read a channel over these transports: the first one first, at each return the next one.
    /// Its token is made now, and with that its life begins.
    pub(crate) fn reader(&self, channel: &str, transports: &[Transport]) -> Reader {
        let token = self.token(channel);
        Reader::new(self, channel, transports, move || token.clone())
    }

    /// A token from the server, which may be away for a moment.
    pub(crate) fn token(&self, channel: &str) -> String {
        let body = serde_json::json!({ "client_id": channel }).to_string();
        let response = until("a token is made", || {
            let key = format!("Bearer {API_KEY}");
            let headers = [("Authorization", key.as_str()), ("Content-Type", "application/json")];
            let response = self.api().try_call("POST", "/v1/channels", &headers, body.as_bytes());
            response.ok().filter(|response| response.status == 201)
        });
        response.json()["token"].as_str().unwrap().to_owned()
    }

    /// Publishers that send to these channels until they are told to stop.
    pub(crate) fn publish(&self, traffic: &Traffic, channels: &[String]) -> Publishing {
        traffic::start(self, traffic, channels)
    }

    /// Says to every reader of these channels that nothing comes any more.
    pub(crate) fn end(&self, channels: &[String]) {
        let mut publisher = self.publisher();
        channels.iter().for_each(|channel| publisher.send(channel, END));
    }

    /// Reads all that is kept of a channel, and writes it down. The server must be there.
    #[track_caller]
    pub(crate) fn read_kept(&self, channel: &str) {
        let (mut api, mut messages, mut after) = (self.api(), Vec::new(), None::<String>);
        loop {
            let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
            let page = api.get(&format!("/v1/channels/{}/messages{query}", escape(channel))).json();
            for message in page["messages"].as_array().unwrap() {
                let place: Place = message["id"].as_str().unwrap().parse().unwrap();
                messages.push((place, value_of(message)));
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        self.history.record(Event::Kept { channel: channel.to_owned(), messages });
    }

    /// Compares the history with the promises.
    ///
    /// # Panics
    /// If one was broken; the history is then in a file that the text names.
    #[track_caller]
    pub(crate) fn judge(&self, what: &str, rules: Rules) -> Report {
        let report = check(&self.history.events(), rules);
        if !report.violations.is_empty() {
            let name = what.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
            let path = std::env::temp_dir().join(format!("downlink-{name}-{}.ndjson", std::process::id()));
            let file = io::BufWriter::new(fs::File::create(&path).unwrap());
            self.history.write(file).unwrap();
            panic!("{what}: {report}\nThe history is in {}; see downlink-checker.", path.display());
        }
        println!("{what}: {report}");
        report
    }
}

/// The value of a message that carries bytes.
pub(crate) fn binary_value(bytes: &[u8]) -> String {
    format!("binary {}", String::from_utf8_lossy(bytes))
}

/// The value of a message as JSON tells it.
fn value_of(message: &Value) -> String {
    match message["data"].as_str() {
        Some(text) => text.to_owned(),
        None => binary_value(&BASE64_STANDARD.decode(message["base64"].as_str().unwrap()).unwrap()),
    }
}

/// A thread that needs little: there may be hundreds.
fn small_thread<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new().name(name.to_owned()).stack_size(256 * 1024).spawn(run).unwrap()
}

/// Names of channels.
pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}{index}")).collect()
}
