//! Whether this node is ready, found out by doing it: a message goes through the broker to a socket of every edge, once
//! a second.
//!
//! For **sockets** it is one that nobody keeps, so it costs no disk. For **sends** it is one that is stored, as an
//! application's would be; but only while somebody asks, and only if no application had a message stored meanwhile, which
//! proves as much: an idle disk is left alone (docs/decisions/013-ready.md).

mod perch;
mod standing;

pub(crate) use perch::perch;
pub(crate) use standing::{Ready, What};

use broker::{
    broker::Health,
    message::{Draft, Origin, Recipients},
};
use bytes::Bytes;
use delivery::{counters::Counter, hub::Hub};
use protocol::{
    cursor::Cursor,
    id::ClientId,
    limits::{CANARY_ASKED_FOR, CANARY_PERIOD, CANARY_REPEAT, CANARY_TIME},
    message::{Data, Text},
};
use standing::Standing;
use std::{
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    sync::Notify,
    time::{self, MissedTickBehavior, timeout},
};

/// The canary of a node.
pub(crate) struct Canary {
    hub: Arc<Hub>,
    /// Tells its messages from those of other nodes on the same broker.
    tag: u32,
    sockets: Standing,
    sends: Standing,
    /// What the socket at each edge got last: the number of a message that was passed.
    passed: Box<[Counter]>,
    /// The highest number of a stored message that any of the sockets got.
    stored: AtomicU64,
    /// Something arrived.
    arrived: Notify,
    /// Somebody wants to know, until then: milliseconds of the hub's clock.
    asked_until: AtomicU64,
    /// Wakes the canary for sends.
    asked: Notify,
    /// Something was found out.
    known: Notify,
}

impl Canary {
    /// # Panics
    /// Without a source of random numbers.
    pub(crate) fn new(hub: &Arc<Hub>) -> Arc<Self> {
        Arc::new(Self {
            hub: Arc::clone(hub),
            tag: getrandom::u32().expect("the system has random numbers"),
            sockets: Standing::default(),
            sends: Standing::default(),
            passed: (0..hub.edge_count()).map(|_| Counter::default()).collect(),
            stored: AtomicU64::new(0),
            arrived: Notify::new(),
            asked_until: AtomicU64::new(0),
            asked: Notify::new(),
            known: Notify::new(),
        })
    }

    /// Flies for as long as the node runs.
    pub(crate) async fn fly(self: Arc<Self>) {
        tokio::join!(self.for_sockets(), self.for_sends());
    }

    /// What is known now; if nothing is, it is found out first, within [`CANARY_TIME`].
    pub(crate) async fn ask(&self) -> Ready {
        let now = self.hub.clock.elapsed_ms();
        self.asked_until.store(now + CANARY_ASKED_FOR.as_millis() as u64, Ordering::Relaxed);
        self.asked.notify_one();
        let found_out = async {
            loop {
                let known = self.known.notified();
                let ready = self.ready();
                if ready.sockets.is_known && ready.sends.is_known {
                    break;
                }
                known.await;
            }
        };
        // Late is an answer too.
        let _ = timeout(CANARY_TIME, found_out).await;
        self.ready()
    }

    /// What is known now.
    pub(crate) fn ready(&self) -> Ready {
        let now = self.hub.clock.elapsed_ms();
        let mut ready = Ready { sockets: self.sockets.readiness(now), sends: self.sends.readiness(now) };
        if self.hub.is_draining() {
            ready.sockets.refuse("The node stops: it takes no more sockets.".into());
        }
        if let Health::Refusing(why) = self.hub.broker.health() {
            ready.sends.refuse(format!("Messages are refused: {why}."));
        }
        ready
    }

    /// How long it was under way.
    pub(crate) fn round_trips(&self) -> [(What, &delivery::histogram::Histogram); 2] {
        [(What::Sockets, &self.sockets.round_trips), (What::Sends, &self.sends.round_trips)]
    }

    async fn for_sockets(&self) {
        let mut ticks = time::interval(CANARY_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 1.. {
            ticks.tick().await;
            let began = self.hub.clock.elapsed_us();
            let result = match timeout(CANARY_TIME, self.pass(number)).await {
                Ok(result) => result,
                Err(_) => Err(self.missing(number)),
            };
            self.sockets.note(result, began, self.hub.clock.elapsed_us());
            self.known.notify_waiters();
        }
    }

    /// One message that nobody keeps, until every edge has given it to its socket.
    async fn pass(&self, number: u64) -> Result<(), String> {
        // A socket is a descriptor, and the next one needs one that is free.
        UnixStream::pair().map_err(|error| format!("There is no descriptor for another socket: {error}."))?;
        let data = self.data('p', number);
        let arrived = || self.passed.iter().all(|passed| passed.get() >= number);
        loop {
            let passed = self.hub.broker.pass(recipient(), data.clone()).await;
            passed.map_err(|error| format!("A message was not passed: {error}."))?;
            // A socket that has just been given a stored one, or is not there yet, does not get it.
            if timeout(CANARY_REPEAT, self.until(arrived)).await.is_ok() {
                return Ok(());
            }
        }
    }

    fn missing(&self, number: u64) -> String {
        let missing: Vec<String> = (0..)
            .zip(&*self.passed)
            .filter(|(_, passed)| passed.get() < number)
            .map(|(edge, _): (u16, _)| edge.to_string())
            .collect();
        let (edges, seconds) = (missing.join(", "), CANARY_TIME.as_secs());
        format!("A message did not reach the sockets of edge {edges} within {seconds} seconds.")
    }

    async fn for_sends(&self) {
        let mut ticks = time::interval(CANARY_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end = self.hub.broker.end();
        for number in 1.. {
            ticks.tick().await;
            if !self.is_asked() {
                while !self.is_asked() {
                    self.asked.notified().await;
                }
                // What was stored while nobody asked says nothing of now.
                end = self.hub.broker.end();
            }
            let now = self.hub.broker.end();
            if now != end {
                end = now;
                self.sends.note_other(self.hub.clock.elapsed_ms());
            } else {
                self.store(number, &mut end).await;
            }
            self.known.notify_waiters();
        }
    }

    fn is_asked(&self) -> bool {
        self.hub.clock.elapsed_ms() < self.asked_until.load(Ordering::Relaxed)
    }

    /// One message that is stored, until it is, and until a socket has it. A disk that hangs has it wait for as long as it
    /// hangs: one message, not one a second.
    async fn store(&self, number: u64, end: &mut Cursor) {
        let draft = Draft {
            to: recipient(),
            data: self.data('s', number),
            // Nobody looks for it later.
            ttl_seconds: 1,
            idempotency_key: None,
            origin: Origin::default(),
        };
        let began = self.hub.clock.elapsed_us();
        self.sends.begin(began / 1000);
        let result = match self.hub.broker.publish(draft, self.hub.clock.now_ms()).await {
            Ok(_) => {
                let arrived = || self.stored.load(Ordering::Relaxed) >= number || self.hub.is_draining();
                let arrived = timeout(CANARY_TIME, self.until(arrived)).await;
                arrived.map_err(|_| "A message was stored, and reached no socket.".to_owned())
            }
            Err(error) => Err(format!("A message was not stored: {error}.")),
        };
        *end = self.hub.broker.end();
        self.sends.note(result, began, self.hub.clock.elapsed_us());
    }

    async fn until(&self, arrived: impl Fn() -> bool) {
        loop {
            let mut news = std::pin::pin!(self.arrived.notified());
            // From here on nothing is missed.
            news.as_mut().enable();
            if arrived() {
                return;
            }
            news.await;
        }
    }

    fn data(&self, kind: char, number: u64) -> Data {
        let text = Bytes::from(format!("{kind}{}.{number}", self.tag));
        Data::Text(Text::new(text).expect("letters and digits are UTF-8"))
    }

    /// The socket at an edge got this.
    fn arrived(&self, edge: u16, (kind, tag, number): (char, u32, u64)) {
        if tag != self.tag {
            return;
        }
        match kind {
            'p' => self.passed[usize::from(edge)].raise(number),
            _ => {
                self.stored.fetch_max(number, Ordering::Relaxed);
            }
        }
        self.arrived.notify_waiters();
    }
}

fn recipient() -> Recipients {
    Recipients::One(ClientId::canary())
}
