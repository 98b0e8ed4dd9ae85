//! Telling the application who came and went.
//!
//! What is to be told is in the presence store, on disk; here is only whose turn it is ([`backlog`]) and the sending.
//! Nothing of this is on the path of a message, and memory is bounded: a client id stands in the backlog once, and so
//! many requests are on their way at once.

mod backlog;
mod request;
mod tries;

use crate::{
    follow::TRACEPARENT,
    outgoing::{Client, client},
    trace::{Attribute, Context, Kind, Span, Tracer},
};
use backlog::Backlog;
use broker::presence::{Notice, PresenceStore};
use delivery::{clock::Clock, counters::Counter, histogram::Histogram, timeline::Noticed};
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use parking_lot::{Mutex, RwLock};
use protocol::{id::ClientId, limits};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time};
use tries::{Outcome, Tries};

pub(crate) use request::Format;

/// Where notices go, and how.
pub(crate) struct NoticesTo {
    /// The operator's own address; loopback and private networks are fine.
    pub(crate) url: Uri,
    pub(crate) format: Format,
    /// Keys of the signatures, the newest first; there is at least one.
    pub(crate) secrets: RwLock<Vec<Vec<u8>>>,
}

/// Sends notices for as long as the node runs.
pub(crate) struct Notices {
    to: NoticesTo,
    store: Arc<dyn PresenceStore>,
    clock: Clock,
    client: Client,
    tracer: Option<Arc<Tracer>>,
    backlog: Mutex<Backlog>,
    /// Notices that were tried and are not settled: when they came about, by generation, which rises with time.
    begun: Mutex<BTreeMap<u64, u64>>,
    changed: Notify,
    /// The application answered 410: it wants no more, until the node is started again.
    stopped: AtomicBool,
    /// The log has said that there is no handler; it says so once.
    refused: AtomicBool,
    /// Hears what becomes of each notice, for people who look.
    pub(crate) listener: OnceLock<Listener>,
    pub(crate) counters: Counters,
}

/// Hears what became of a notice.
pub(crate) type Listener = Box<dyn Fn(&Notice, Noticed) + Send + Sync>;

/// What was counted.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) told: Counter,
    /// Tries that failed.
    pub(crate) failed: Counter,
    /// Notices that the application has no handler for.
    pub(crate) refused: Counter,
    /// Notices that were given up: too old, or not wanted.
    pub(crate) dropped: Counter,
    /// What a try takes.
    pub(crate) tries: Histogram,
}

impl Notices {
    /// # Errors
    /// A sentence, if the system's certificates are needed and cannot be read.
    pub(crate) fn new(
        to: NoticesTo,
        store: Arc<dyn PresenceStore>,
        clock: Clock,
        tracer: Option<Arc<Tracer>>,
    ) -> Result<Self, String> {
        let client = client(&to.url, "presence.url")?;
        let (backlog, changed) = (Mutex::default(), Notify::new());
        let (stopped, refused, listener, counters, begun) = Default::default();
        let this = Self {
            to,
            store,
            clock,
            client,
            tracer,
            backlog,
            begun,
            changed,
            stopped,
            refused,
            listener,
            counters,
        };
        this.recorded(this.store.waiting());
        Ok(this)
    }

    /// There is something to tell of these.
    pub(crate) fn recorded(&self, ids: Vec<ClientId>) {
        let mut backlog = self.backlog.lock();
        for id in ids {
            let came = self.store.is_connected(&id);
            backlog.add(id, came);
        }
        drop(backlog);
        self.changed.notify_one();
    }

    /// Signs with other keys from now on, the newest first.
    pub(crate) fn sign_with(&self, secrets: Vec<Vec<u8>>) {
        *self.to.secrets.write() = secrets;
    }

    /// Whether the application said that it wants no more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// When the oldest notice came about that was tried and is not settled, in milliseconds since 1970.
    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        self.begun.lock().first_key_value().map(|(_, time_ms)| *time_ms)
    }

    /// Sends until it is dropped. What is on its way then is told again after the next start.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut tries = Tries::default();
        loop {
            let mut settled = self.start_tries(&mut tries);
            let due = self.backlog.lock().poll_timeout();
            let pause = due.map(|at_ms| Duration::from_millis(at_ms.saturating_sub(self.clock.elapsed_ms())));
            if settled.is_empty() {
                tokio::select! {
                    Some((notice, outcome)) = tries.next() => settled.extend(self.ended(notice, outcome)),
                    () = self.changed.notified() => {}
                    ids = self.store.news() => self.recorded(ids),
                    () = time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                }
            }
            while let Some((notice, outcome)) = tries.try_next() {
                settled.extend(self.ended(notice, outcome));
            }
            if !settled.is_empty() {
                self.settle(settled).await;
            }
        }
    }

    /// Starts as many tries as may run; returns the notices that are given up instead.
    fn start_tries(self: &Arc<Self>, tries: &mut Tries) -> Vec<Notice> {
        let mut given_up = Vec::new();
        loop {
            let mut backlog = self.backlog.lock();
            let Some(id) = backlog.poll(self.clock.elapsed_ms()) else { return given_up };
            let Some(notice) = self.store.begin(&id) else {
                // Dropped with its opposite meanwhile.
                backlog.told(id, false, self.clock.elapsed_ms());
                continue;
            };
            drop(backlog);
            self.begun.lock().insert(notice.generation, notice.time_ms);
            let age_ms = self.clock.now_ms().saturating_sub(notice.time_ms);
            if self.is_stopped() || age_ms > limits::NOTICE_LIFE.as_millis() as u64 {
                self.counters.dropped.add(1);
                self.say(&notice, Noticed::Dropped);
                given_up.push(notice);
                continue;
            }
            let (this, sent) = (Arc::clone(self), notice.clone());
            tries.start(notice, async move { this.send(&sent).await });
        }
    }

    async fn send(&self, notice: &Notice) -> Outcome {
        let mut request = request::request(&self.to, notice, self.clock.now_ms());
        let traced = self.tracer.as_ref().and_then(|tracer| Some((tracer, tracer.begin(None)?.0)));
        if let Some((_, context)) = traced
            && let Ok(value) = context.traceparent().parse()
        {
            request.headers_mut().insert(TRACEPARENT, value);
        }
        let path = request.uri().path().to_owned();
        let answer = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            // Read, so that the connection can be used again; what it says does not matter (channel-api.md, 4).
            let _ = Limited::new(response.into_body(), limits::NOTICE_ANSWER_BYTES_MAX).collect().await;
            Ok::<_, String>(status)
        };
        let began = self.clock.elapsed_us();
        let answered = time::timeout(limits::NOTICE_TIME, answer).await;
        let took_us = self.clock.elapsed_us() - began;
        self.counters.tries.observe(took_us);
        if let Some((tracer, context)) = traced {
            let status = answered.as_ref().ok().and_then(|answered| answered.as_ref().ok()).copied();
            tracer.end(self.span(context, took_us, notice, status));
        }
        let reason = match answered {
            Ok(Ok(status)) if status.is_success() => return Outcome::Told,
            Ok(Ok(StatusCode::GONE)) => return Outcome::Unwanted,
            Ok(Ok(status)) if self.means_no_handler(status) => {
                self.say_no_handler(&path, status);
                return Outcome::Refused;
            }
            Ok(Ok(status)) => format!("it answered {status}"),
            Ok(Err(error)) => error,
            Err(_) => format!("it did not answer within {} s", limits::NOTICE_TIME.as_secs()),
        };
        tracing::debug!(generation = notice.generation, %reason, "a presence notice was not taken; it is tried again");
        Outcome::Failed
    }

    /// A try as a trace has it: not of whom it told.
    fn span(&self, context: Context, took_us: u64, notice: &Notice, status: Option<StatusCode>) -> Span {
        let ended = self.clock.now_us();
        let mut attributes = vec![Attribute::number("downlink.generation", notice.generation)];
        if let Some(status) = status {
            attributes.push(Attribute::number("http.response.status_code", u64::from(status.as_u16())));
        }
        Span {
            context,
            parent: None,
            name: "presence notice".into(),
            kind: Kind::Client,
            time_us: (ended.saturating_sub(took_us), ended),
            attributes,
            failed: !status.is_some_and(|status| status.is_success()),
        }
    }

    /// In App Engine's format, an application without handlers is one that does not want to know, as it was there: a
    /// notice is then settled. The other format has one address that somebody wrote down to be told.
    fn means_no_handler(&self, status: StatusCode) -> bool {
        let no_handler = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        self.to.format == Format::AppEngine && no_handler.contains(&status)
    }

    fn say_no_handler(&self, path: &str, status: StatusCode) {
        if !self.refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                path,
                status = status.as_u16(),
                "the application has no handler for this presence notice: such notices are not tried again"
            );
        }
    }

    /// What a try came to: a notice that is settled, or one more failure.
    fn ended(&self, notice: Notice, outcome: Outcome) -> Option<Notice> {
        match outcome {
            Outcome::Told => {
                self.counters.told.add(1);
                self.say(&notice, Noticed::Told);
            }
            Outcome::Refused => {
                self.counters.refused.add(1);
                self.say(&notice, Noticed::Refused);
            }
            Outcome::Unwanted => {
                self.counters.dropped.add(1);
                self.say(&notice, Noticed::Dropped);
                if !self.stopped.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "the application answered 410 Gone: it gets no presence notices until Downlink is started again"
                    );
                }
            }
            Outcome::Failed => {
                self.counters.failed.add(1);
                let luck = getrandom::u32().map_or(0.5, |luck| f64::from(luck) / f64::from(u32::MAX));
                self.backlog.lock().failed(notice.id, self.clock.elapsed_ms(), luck);
                return None;
            }
        }
        Some(notice)
    }

    fn say(&self, notice: &Notice, what: Noticed) {
        if let Some(listener) = self.listener.get() {
            listener(notice, what);
        }
    }

    async fn settle(&self, notices: Vec<Notice>) {
        for notice in &notices {
            self.begun.lock().remove(&notice.generation);
        }
        let ids: Vec<ClientId> = notices.iter().map(|notice| notice.id.clone()).collect();
        let more = self.store.settle(notices).await;
        let mut backlog = self.backlog.lock();
        for id in ids {
            let came = self.store.is_connected(&id);
            backlog.told(id, came, self.clock.elapsed_ms());
        }
        drop(backlog);
        // Also what was left from before a restart, of which nobody else has heard.
        self.recorded(more);
    }
}

#[cfg(test)]
mod tests;
