//! Following a request: its name in logs and answers, and a message on its way from the request to the sockets.
//!
//! Whoever sends a name (`X-Request-Id`) finds it in the answer and in every line of the log; with the log at `debug`, or a
//! trace that is exported, the message says at each station where it is. Nobody else pays for it.

mod id;

pub(crate) use id::RequestId;

use crate::{
    disk_times::DiskTimes,
    service::Sent,
    trace::{Attribute, Context, Kind, Span, Tracer},
};
use broker::{
    error::PublishError,
    message::{Follow, Origin},
};
use delivery::clock::Clock;
use http::{Extensions, HeaderName, HeaderValue, Method, Request, StatusCode};
use protocol::{cursor::Offset, limits::SPANS_PER_MESSAGE_MAX, socket::Transport};
use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The header that names a request.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header that says of which trace a request is a part (W3C Trace Context).
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The method of a send.
pub(crate) static POST: Method = Method::POST;

/// What is logged of messages under way is under this name: `DOWNLINK_LOG=info,downlink::follow=debug`.
const TARGET: &str = "downlink::follow";

/// Follows the requests of a node.
pub(crate) struct Following {
    pub(crate) tracer: Option<Arc<Tracer>>,
    pub(crate) clock: Clock,
    /// Of the journal.
    pub(crate) disk: Arc<DiskTimes>,
}

/// What is looked at of a request.
pub(crate) struct Head<'a> {
    pub(crate) name: Option<&'a [u8]>,
    pub(crate) traceparent: Option<&'a [u8]>,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
}

/// A request that is followed, and its messages.
#[derive(Debug)]
pub(crate) struct Followed {
    id: RequestId,
    traced: Option<Traced>,
    is_logged: bool,
    clock: Clock,
}

/// The part of it that is exported.
#[derive(Debug)]
struct Traced {
    tracer: Arc<Tracer>,
    disk: Arc<DiskTimes>,
    /// The request's span. What is above it, is the caller's.
    request: Context,
    parent: Option<u64>,
    /// The span under which its messages are stored.
    publish: Context,
    began_us: u64,
    method: Method,
    route: &'static str,
    /// When a message of it was announced last.
    announced_us: AtomicU64,
    /// How many spans there are of sockets it was written to.
    written: AtomicU32,
}

impl Following {
    /// Follows a send if there is a reason to: it is named, is part of a trace, or all are to be logged.
    pub(crate) fn begin(&self, head: &Head<'_>) -> Option<Arc<Followed>> {
        let is_logged = tracing::enabled!(target: TARGET, tracing::Level::DEBUG);
        if head.name.is_none() && !is_logged && self.tracer.is_none() {
            return None;
        }
        let name = head.name.and_then(RequestId::read);
        let traced = self.traced(head);
        (name.is_some() || is_logged || traced.is_some()).then(|| self.followed(name, traced, is_logged))
    }

    /// Follows a request in any case.
    pub(crate) fn begin_always(&self, head: &Head<'_>) -> Arc<Followed> {
        let is_logged = tracing::enabled!(target: TARGET, tracing::Level::DEBUG);
        self.followed(head.name.and_then(RequestId::read), self.traced(head), is_logged)
    }

    fn followed(&self, name: Option<RequestId>, traced: Option<Traced>, is_logged: bool) -> Arc<Followed> {
        let id = name.unwrap_or_else(RequestId::make);
        Arc::new(Followed { id, traced, is_logged, clock: self.clock })
    }

    fn traced(&self, head: &Head<'_>) -> Option<Traced> {
        let tracer = self.tracer.as_ref()?;
        let (request, parent) = tracer.begin(head.traceparent)?;
        Some(Traced {
            tracer: Arc::clone(tracer),
            disk: Arc::clone(&self.disk),
            request,
            parent,
            publish: request.child(),
            began_us: self.clock.now_us(),
            method: head.method.clone(),
            route: route(head.path),
            announced_us: AtomicU64::new(0),
            written: AtomicU32::new(0),
        })
    }
}

impl Default for Head<'_> {
    /// Of a send that was refused before anybody looked for its name.
    fn default() -> Self {
        Self { name: None, traceparent: None, method: &POST, path: "/v1/channels/{client_id}/messages" }
    }
}

impl<'a> Head<'a> {
    /// What a request says of itself.
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        let value = |name: &HeaderName| request.headers().get(name).map(HeaderValue::as_bytes);
        Self {
            name: value(&X_REQUEST_ID),
            traceparent: value(&TRACEPARENT),
            method: request.method(),
            path: request.uri().path(),
        }
    }
}

impl Followed {
    /// What a request is followed as.
    pub(crate) fn of(extensions: &Extensions) -> &Arc<Self> {
        extensions.get().expect("put there before the request is handled")
    }

    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    /// Where a message of this request comes from, that is sent now.
    pub(crate) fn origin(self: &Arc<Self>, at_us: u64) -> Origin {
        let is_followed = self.is_logged || self.traced.is_some();
        let follower = is_followed.then(|| Arc::clone(self) as Arc<dyn Follow>);
        Origin { at_us, follower }
    }

    /// Messages of it were sent, from then on, and this is what became of them.
    pub(crate) fn sent(&self, began_us: u64, results: &[Result<Sent, PublishError>]) {
        if self.is_logged {
            results.iter().for_each(|result| self.log(result));
        }
        let Some(traced) = &self.traced else { return };
        let mut attributes = vec![Attribute::number("downlink.messages", results.len() as u64)];
        if let Some(Ok(Sent::Stored { stored, .. })) = results.last() {
            attributes.push(Attribute::number("downlink.offset", stored.offset.0));
        }
        traced.tracer.end(Span {
            context: traced.publish,
            parent: Some(traced.request.span),
            name: "publish".into(),
            kind: Kind::Producer,
            time_us: (began_us, self.clock.now_us()),
            attributes,
            failed: results.iter().any(Result::is_err),
        });
    }

    fn log(&self, result: &Result<Sent, PublishError>) {
        let request = &self.id;
        match result {
            Ok(Sent::Stored { stored, .. }) => {
                let (offset, repeated) = (stored.offset.0, stored.repeated);
                tracing::debug!(target: TARGET, %request, offset, repeated, "stored");
            }
            Ok(Sent::Passed) => tracing::debug!(target: TARGET, %request, "passed to whoever listens"),
            Err(error) => tracing::debug!(target: TARGET, %request, %error, "not stored"),
        }
    }

    /// It was answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        let Some(traced) = &self.traced else { return };
        traced.tracer.end(Span {
            context: traced.request,
            parent: traced.parent,
            name: format!("{} {}", traced.method, traced.route).into(),
            kind: Kind::Server,
            time_us: (traced.began_us, self.clock.now_us()),
            attributes: vec![
                Attribute::text("http.request.method", traced.method.as_str()),
                Attribute::text("http.route", traced.route),
                Attribute::number("http.response.status_code", u64::from(status.as_u16())),
                Attribute::text("downlink.request_id", self.id.as_str()),
            ],
            failed: status.is_server_error(),
        });
    }
}

impl Follow for Followed {
    fn announced(&self, offset: Offset) {
        if self.is_logged {
            tracing::debug!(target: TARGET, request = %self.id, offset = offset.0, "announced");
        }
        let Some(traced) = &self.traced else { return };
        traced.announced_us.store(self.clock.now_us(), Ordering::Relaxed);
        // This is the thread that synced, if anybody did.
        let synced = traced.disk.last_sync();
        if synced.1 >= traced.began_us {
            traced.end("journal sync", synced, vec![Attribute::number("downlink.offset", offset.0)]);
        }
    }

    fn written(&self, offset: Offset, transport: Transport) {
        let transport = transport.as_str();
        if self.is_logged {
            tracing::debug!(target: TARGET, request = %self.id, offset = offset.0, transport, "written to a socket");
        }
        let Some(traced) = &self.traced else { return };
        if traced.written.fetch_add(1, Ordering::Relaxed) < SPANS_PER_MESSAGE_MAX {
            let now = self.clock.now_us();
            let announced = traced.announced_us.load(Ordering::Relaxed);
            let attributes = vec![
                Attribute::number("downlink.offset", offset.0),
                Attribute::text("downlink.transport", transport),
            ];
            traced.end("deliver", (announced.min(now), now), attributes);
        }
    }
}

impl Traced {
    /// A span below that of storing.
    fn end(&self, name: &'static str, time_us: (u64, u64), attributes: Vec<Attribute>) {
        self.tracer.end(Span {
            context: self.publish.child(),
            parent: Some(self.publish.span),
            name: name.into(),
            kind: Kind::Internal,
            time_us,
            attributes,
            failed: false,
        });
    }
}

/// The call that a path belongs to, without what names a client, a token or a socket.
fn route(path: &str) -> &'static str {
    if path.starts_with("/v1/channels/") {
        return if path.ends_with("/messages") {
            "/v1/channels/{client_id}/messages"
        } else {
            "/v1/channels/{client_id}"
        };
    }
    const KNOWN: [&str; 9] = [
        "/v1/channels",
        "/v1/messages",
        "/v1/presence",
        "/v1/socket",
        "/_ah/channel/socket",
        "/_ah/channel/dev",
        "/healthz",
        "/readyz",
        "/metrics",
    ];
    if path.starts_with("/v1/socket/") || path.starts_with("/_ah/channel/socket/") {
        return "/v1/socket/{socket}";
    }
    KNOWN.into_iter().find(|known| *known == path).unwrap_or("/{other}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_names_nobody() {
        assert_eq!(route("/v1/channels/ada/messages"), "/v1/channels/{client_id}/messages");
        assert_eq!(route("/v1/channels/ada"), "/v1/channels/{client_id}");
        assert_eq!(route("/v1/socket/AAAA"), "/v1/socket/{socket}");
        assert_eq!(route("/v1/messages"), "/v1/messages");
        assert_eq!(route("/ada/secret"), "/{other}");
    }
}
