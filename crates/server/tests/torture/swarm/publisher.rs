//! Applications that send without pause, and write down what they were answered.

use super::text;
use crate::support::{
    Random,
    http::{Api, escape},
};
use checker::{Event, History};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A thread that sends to some channels in turn.
pub(crate) struct Publisher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

/// What one sends.
pub(crate) struct Plan {
    /// The beginning of the names of its texts; no two publishers have the same.
    pub(crate) name: String,
    pub(crate) channels: Vec<String>,
    /// Between two sends.
    pub(crate) pause: Duration,
    /// The lengths of its texts, one of which is chosen each time.
    pub(crate) bytes: Vec<usize>,
}

/// Sends a text and writes it down.
#[track_caller]
pub(crate) fn send(history: &History, api: &mut Api, channel: &str, name: &str, bytes: usize) {
    let send = history.next_send();
    let (to, value) = (channel.to_owned(), name.to_owned());
    history.record(Event::Send { send, channel: to, value, key: None, expires: false });
    let path = format!("/v1/channels/{}/messages", escape(channel));
    let body = text::whole(name, bytes);
    let response = api.call("POST", &path, &[("Content-Type", "text/plain")], body.as_bytes());
    assert_eq!(response.status, 201, "{}", response.text());
    let place = response.json()["id"].as_str().unwrap().parse().unwrap();
    history.record(Event::Stored { send, place: Some(place) });
}

impl Publisher {
    pub(crate) fn start(history: &History, mut api: Api, plan: Plan) -> Self {
        let (stop, history) = (Arc::new(AtomicBool::new(false)), history.clone());
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut random = Random(0x9e37 + plan.name.len() as u64);
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return number;
                }
                let channel = &plan.channels[number as usize % plan.channels.len()];
                let bytes = plan.bytes[random.below(plan.bytes.len() as u64) as usize];
                send(&history, &mut api, channel, &format!("{}-{number}", plan.name), bytes);
                thread::sleep(plan.pause);
            }
            unreachable!("it counts until it is stopped");
        });
        Self { stop, thread }
    }

    /// Ends it when its last send is answered; how many there were.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
