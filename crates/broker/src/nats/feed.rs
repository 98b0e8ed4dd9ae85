//! Reading the stream as it grows, and announcing what is read.
//!
//! One ordered consumer a node, without state at the server that would have to be kept: its messages are numbered, so
//! what is dropped on the way is noticed by the next, or by the heartbeat; then another consumer begins behind the last
//! message that was announced.

use super::{
    Shared,
    connect::OpenError,
    deletions::Known,
    life::Life,
    record::{Head, Kind, Record},
    subject,
};
use crate::{
    broker::{Deletion, Flush},
    message::Message,
};
use async_nats::{
    Subscriber,
    jetstream::{
        consumer::{AckPolicy, DeliverPolicy, push},
        stream::Info,
    },
};
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use protocol::cursor::{Cursor, Offset};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

/// So often the server says that it is there and has nothing new.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Silence for so long, and the consumer is gone: with the server that had it.
const SILENCE_MAX: Duration = Duration::from_millis(3_500);

/// The server forgets a consumer that nobody listens to after this.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// After something failed it is tried again so soon.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Messages that are announced before they are sent: then the sending is handed over, as there is more to read.
const BATCH_MAX: usize = 256;

/// How far back a start looks, for what was stored last is what sockets that come back ask for. Reading it takes less
/// than a second.
const LOOK_BACK: u64 = 20_000;

const STATUS_CONTROL: u16 = 100;

/// What a consumer says.
struct Feed {
    messages: Subscriber,
    /// The number of its last message.
    consumed: u64,
}

/// The next thing that a consumer says.
enum Said {
    /// A record; `None` for a message that nobody of us wrote. How many more there are now.
    Record(Offset, Option<(String, Record)>, u64),
    Nothing,
}

/// Why another consumer must be begun.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("it was silent")]
    Silent,
    #[error("messages were dropped on the way")]
    Dropped,
    #[error("it is gone: {0}")]
    Gone(String),
    #[error("{0}")]
    Failed(String),
}

/// Reads for as long as the broker is there.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        let Some(held) = shared.upgrade() else { return };
        let begun = begin(&held).await;
        let disturbed = Arc::clone(&held);
        drop(held);
        let ended = match begun {
            Ok(feed) => follow(&shared, feed).await,
            Err(broken) => Some(broken),
        };
        let Some(broken) = ended else { return };
        // Not when it was only asked to look again.
        if disturbed.connection.is_connected() {
            tracing::debug!(%broken, "the consumer of the stream is begun anew");
        }
        drop(disturbed);
        sleep(AGAIN_AFTER).await;
    }
}

async fn begin(shared: &Shared) -> Result<Feed, Broken> {
    Life::renew(shared).await.map_err(Broken::Failed)?;
    Feed::begin(shared, Offset(shared.end().offset.0 + 1), false).await
}

/// Announces what a feed says, until it is broken; `None` if the broker is gone.
async fn follow(shared: &Weak<Shared>, mut feed: Feed) -> Option<Broken> {
    loop {
        let held = shared.upgrade()?;
        let next = tokio::select! {
            biased;
            next = timeout(SILENCE_MAX, feed.messages.next()) => next,
            () = held.disturbed.notified() => return Some(Broken::Gone("the stream changed".into())),
        };
        let Ok(Some(message)) = next else { return Some(Broken::Silent) };
        let mut announced = 0;
        let mut more = Some(message);
        while let Some(message) = more.take() {
            match feed.hear(&held, &message).await {
                Ok(Said::Record(offset, record, _)) => {
                    held.take(offset, record);
                    announced += 1;
                }
                Ok(Said::Nothing) => {}
                Err(broken) => {
                    held.announce(|announce| announce.flush(Flush::HandOver));
                    return Some(broken);
                }
            }
            if announced < BATCH_MAX {
                more = feed.messages.next().now_or_never().flatten();
            }
        }
        if announced > 0 {
            let how = if announced == 1 { Flush::Here } else { Flush::HandOver };
            held.announce(|announce| announce.flush(how));
        }
    }
}

/// Learns which channels the last messages belong to, before anything is announced.
pub(super) async fn look_back(shared: &Shared, info: &Info) -> Result<(), OpenError> {
    let (first, last) = (info.state.first_sequence, info.state.last_sequence);
    let from = first.max((last + 1).saturating_sub(LOOK_BACK)).max(1);
    // If the stream begins with its first message, everything is known.
    shared.index.restart(Offset(from - 1));
    if from > last || info.state.messages == 0 {
        shared.index.restart(Offset(last));
        return Ok(());
    }
    let failed =
        |broken: Broken| OpenError::passing(format!("the stream cannot be read from its end: {broken}"));
    let mut feed = Feed::begin(shared, Offset(from), true).await.map_err(failed)?;
    loop {
        let next = timeout(SILENCE_MAX, feed.messages.next()).await;
        let Ok(Some(message)) = next else { return Err(failed(Broken::Silent)) };
        let Said::Record(offset, record, more) = feed.hear(shared, &message).await.map_err(failed)? else {
            continue;
        };
        if offset.0 > last {
            return Ok(());
        }
        if let Some(id) = record.and_then(|(token, _)| subject::client_id(&token)) {
            shared.index.add(shared.hasher.channel(&id), offset);
        }
        if offset.0 == last || more == 0 {
            return Ok(());
        }
    }
}

impl Feed {
    async fn begin(shared: &Shared, from: Offset, headers_only: bool) -> Result<Self, Broken> {
        let connection = &shared.connection;
        let failed = |error: &dyn std::fmt::Display| Broken::Failed(error.to_string());
        let inbox = connection.client.new_inbox();
        // Listening first, so that nothing is said to nobody.
        let messages = connection.client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
        let config = push::Config {
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.0 },
            ack_policy: AckPolicy::None,
            headers_only,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let stream = connection.names.stream();
        let begun = connection.jetstream.create_consumer_on_stream(config, stream).await;
        begun.map_err(|error| failed(&error))?;
        Ok(Self { messages, consumed: 0 })
    }

    async fn hear(&mut self, shared: &Shared, message: &async_nats::Message) -> Result<Said, Broken> {
        if let Some(status) = message.status {
            return self.control(shared, message, status.as_u16()).await;
        }
        let place = message.reply.as_deref().and_then(Place::read);
        let Some(place) = place else { return Err(Broken::Failed("a message has no place".into())) };
        if place.consumed != self.consumed + 1 {
            return Err(Broken::Dropped);
        }
        self.consumed = place.consumed;
        let root = shared.connection.names.message_root();
        let record = message.subject.strip_prefix(root.as_str()).and_then(|token| {
            let head = Head::read(message.headers.as_ref())?;
            let record = Record { offset: place.offset, head, payload: message.payload.clone() };
            Some((token.to_owned(), record))
        });
        Ok(Said::Record(place.offset, record, place.pending))
    }

    /// Heartbeats say how far they think we are; flow control asks for an answer.
    async fn control(
        &self,
        shared: &Shared,
        message: &async_nats::Message,
        status: u16,
    ) -> Result<Said, Broken> {
        if status != STATUS_CONTROL {
            return Err(Broken::Gone(message.description.clone().unwrap_or_else(|| status.to_string())));
        }
        let client = &shared.connection.client;
        let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name));
        if let Some(reply) = message.reply.clone() {
            let answered = client.publish(reply, Default::default()).await;
            answered.map_err(|error| Broken::Failed(error.to_string()))?;
        } else if let Some(stalled) = header("Nats-Consumer-Stalled") {
            let answered = client.publish(stalled.as_str().to_owned(), Default::default()).await;
            answered.map_err(|error| Broken::Failed(error.to_string()))?;
        }
        let sent = header("Nats-Last-Consumer").and_then(|sent| sent.as_str().parse::<u64>().ok());
        if sent.is_some_and(|sent| sent != self.consumed) { Err(Broken::Dropped) } else { Ok(Said::Nothing) }
    }
}

/// Where a consumer's message lies, as the subject for its acknowledgement says: `$JS.ACK.<stream>.<consumer>.<delivered>.
/// <stream's number>.<consumer's number>.<time>.<pending>`, since 2.14 perhaps with domain and account behind `ACK`.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    offset: Offset,
    consumed: u64,
    pending: u64,
}

impl Place {
    fn read(reply: &str) -> Option<Self> {
        let words: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = match words.len() {
            7 => words.get(3..)?,
            9.. => words.get(5..)?,
            _ => return None,
        };
        let number = |index: usize| numbers.get(index)?.parse().ok();
        Some(Self { offset: Offset(number(0)?), consumed: number(1)?, pending: number(3)? })
    }
}

impl Shared {
    /// What was read counts from now on.
    fn take(&self, offset: Offset, record: Option<(String, Record)>) {
        let epoch = self.end().epoch;
        if offset <= self.end().offset {
            return;
        }
        let mut deleted = None;
        if let Some((token, record)) = record
            && let Some(id) = subject::client_id(&token)
        {
            let key = self.hasher.channel(&id);
            let link = self.index.add(key, offset);
            // Until the stream is looked at again.
            self.kept_bytes.fetch_add(record.payload.len() as u64, Ordering::Relaxed);
            let Head { time_ms, ttl_seconds, previous, .. } = record.head;
            if record.head.kind == Kind::Deletion {
                let deletion = Deletion { at: Cursor::new(epoch, offset), time_ms };
                deleted = self.deletions.learn(key, Known { deletion, previous }).then_some(key);
            } else if let Some(data) = record.data() {
                let links = std::iter::once(link).collect();
                self.announce(|announce| {
                    let origin = Default::default();
                    announce.announce(Message { offset, time_ms, ttl_seconds, data, links, origin });
                });
            }
        }
        // After it was announced: whoever reads this, and then the newest of a channel, has missed nothing.
        self.end.write().offset = offset;
        if let Some(key) = deleted {
            self.announce(|announce| announce.deleted(key));
        }
        self.waiting.upto(offset);
    }
}

/// Sends that wait until what they stored is announced here.
#[derive(Default)]
pub(super) struct Waiting(Mutex<BTreeMap<Offset, Vec<oneshot::Sender<()>>>>);

impl Waiting {
    /// Waits until a place was announced, a while at most: the message is stored in any case.
    pub(super) async fn announced(&self, shared: &Shared, offset: Offset, a_while: Duration) -> bool {
        let heard = {
            let mut waiting = self.0.lock();
            if shared.end().offset >= offset {
                return true;
            }
            let (tell, heard) = oneshot::channel();
            waiting.entry(offset).or_default().push(tell);
            heard
        };
        matches!(timeout(a_while, heard).await, Ok(Ok(())))
    }

    fn upto(&self, offset: Offset) {
        let mut waiting = self.0.lock();
        while let Some(entry) = waiting.first_entry().filter(|entry| *entry.key() <= offset) {
            for tell in entry.remove() {
                // Whoever waited may have gone.
                let _ = tell.send(());
            }
        }
    }

    /// Nobody waits for a place of another life.
    pub(super) fn all(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_both_forms() {
        let place = Some(Place { offset: Offset(100), consumed: 7, pending: 42 });
        assert_eq!(Place::read("$JS.ACK.downlink-messages.c1.1.100.7.1796000000000000000.42"), place);
        assert_eq!(
            Place::read("$JS.ACK.hub.ACCHASH.downlink-messages.c1.1.100.7.1796000000000000000.42"),
            place
        );
        assert_eq!(
            Place::read("$JS.ACK.hub.ACCHASH.downlink-messages.c1.1.100.7.1796000000000000000.42.x"),
            place
        );
        for text in ["", "$JS.ACK.", "$JS.ACK.a.b.1.100.7.179", "$JS.ACK.a.b.1.x.7.179.42", "$JS.FC.a.b"] {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }
}
