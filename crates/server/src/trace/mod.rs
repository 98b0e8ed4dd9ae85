//! Traces: what a request and its message took at each station, for a collector that speaks OTLP.
//!
//! A few spans of a few requests, as JSON over HTTP by the client that the program has anyway; why not by a library is in
//! docs/decisions/012-traces.md. Off unless configured, and then bounded: what cannot be sent is dropped and counted.

mod context;
mod otlp;
mod sender;

pub(crate) use context::Context;
pub(crate) use sender::send;

use crate::metrics::ByWord;
use delivery::counters::Counter;
use http::Uri;
use parking_lot::Mutex;
use protocol::limits::{SPANS_AT_ONCE, SPANS_WAITING_MAX};
use std::{borrow::Cow, collections::VecDeque};
use tokio::sync::Notify;

/// Where traces go.
#[derive(Clone, Debug)]
pub(crate) struct TraceTo {
    /// The collector's address for traces, `/v1/traces` at its end.
    pub(crate) url: Uri,
    /// What this service is called there.
    pub(crate) service: String,
    /// How many of the requests that are no part of a trace begin one: 0 to 1.
    pub(crate) ratio: f64,
}

/// Takes what happened, until it is sent.
#[derive(Debug)]
pub(crate) struct Tracer {
    to: TraceTo,
    waiting: Mutex<VecDeque<Span>>,
    /// There are enough for a request.
    enough: Notify,
    sent: Counter,
    dropped: Counter,
}

/// Something that took time.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) context: Context,
    pub(crate) parent: Option<u64>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind,
    /// When it began and ended, in microseconds since 1970.
    pub(crate) time_us: (u64, u64),
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) failed: bool,
}

/// A span's part in what goes between services, with the number that OTLP gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
}

/// Something that is known of a span: never a token, a key, a message or a client id.
#[derive(Debug)]
pub(crate) struct Attribute {
    name: &'static str,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(u64),
}

impl Attribute {
    pub(crate) fn text(name: &'static str, value: &str) -> Self {
        Self { name, value: Value::Text(value.to_owned()) }
    }

    pub(crate) fn number(name: &'static str, value: u64) -> Self {
        Self { name, value: Value::Number(value) }
    }
}

impl Tracer {
    pub(crate) fn new(to: TraceTo) -> Self {
        let (waiting, enough, sent, dropped) = Default::default();
        Self { to, waiting, enough, sent, dropped }
    }

    /// The context of something that happens now, and its parent: as the caller decided, or for as many as the ratio says.
    pub(crate) fn begin(&self, traceparent: Option<&[u8]>) -> Option<(Context, Option<u64>)> {
        match traceparent.and_then(Context::read) {
            Some((parent, true)) => Some((parent.child(), Some(parent.span))),
            // The caller does not want it.
            Some((_, false)) => None,
            None => (self.to.ratio > 0.0 && context::luck() < self.to.ratio).then(|| (Context::new(), None)),
        }
    }

    /// Something has ended.
    pub(crate) fn end(&self, span: Span) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= SPANS_WAITING_MAX {
            self.dropped.add(1);
            return;
        }
        waiting.push_back(span);
        if waiting.len() >= SPANS_AT_ONCE {
            self.enough.notify_one();
        }
    }

    /// Spans by what became of them.
    pub(crate) fn results(&self) -> ByWord<u64> {
        vec![("sent", self.sent.get()), ("dropped", self.dropped.get())]
    }

    /// As many as are sent at once.
    fn take(&self) -> Vec<Span> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(SPANS_AT_ONCE);
        waiting.drain(..count).collect()
    }
}
