//! `GET /v1/socket` and what clients say beside it: from a request to an open socket, on any transport.

mod grant;
mod handshake;
mod long_poll;
mod open;
mod word;

use super::{
    Outcome,
    body::{Body, Incoming},
    error::Problem,
};
use crate::service::Service;
use delivery::edge::Edge;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use std::net::SocketAddr;

pub(super) use long_poll::Polling;
pub(super) use open::TakeOver;
#[cfg(test)]
pub(super) use open::{not_a_websocket, unexpected_body};
#[cfg(test)]
pub(super) use word::{invalid_word, no_such_socket};

/// The part of a path behind the socket's own: empty to open one, `/name` to speak to one.
pub(super) fn path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1/socket").or_else(|| path.strip_prefix("/_ah/channel/socket"))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Opens a socket, or takes a client's word.
pub(super) async fn handle(
    service: &Service,
    edge: &Edge,
    peer: SocketAddr,
    request: Request<Incoming>,
    rest: &str,
) -> Outcome {
    let cors = Cors::of(service, request.headers());
    let answer = match (request.method(), rest.strip_prefix('/')) {
        (&Method::OPTIONS, _) => cors.preflight(),
        (&Method::GET, None) => return open::open(service, edge, peer, request, cors).await,
        (&Method::POST, Some(name)) => word::handle(service, request, name, &cors).await,
        (_, name) => {
            let methods = if name.is_some() { "POST, OPTIONS" } else { "GET, OPTIONS" };
            Problem::method_not_allowed().allowing(methods).response()
        }
    };
    Outcome::Answer(cors.on(answer))
}

/// What a page of another origin may see. Tokens are not ambient and cookies are never used, so any origin may open
/// sockets unless the operator names some.
#[derive(Clone)]
pub(super) struct Cors {
    /// The value of `Access-Control-Allow-Origin`; `None` for an origin that is not allowed.
    allow: Option<HeaderValue>,
    /// The answer depends on the origin.
    vary: bool,
}

impl Cors {
    fn of(service: &Service, headers: &HeaderMap) -> Self {
        if service.allowed_origins.is_empty() {
            return Self { allow: Some(HeaderValue::from_static("*")), vary: false };
        }
        let origin = headers.get(header::ORIGIN);
        let allowed = origin.filter(|origin| {
            service.allowed_origins.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes())
        });
        Self { allow: allowed.cloned(), vary: true }
    }

    /// Whether a request may open a socket. Without an `Origin` it does not come from a page.
    fn admits(&self, headers: &HeaderMap) -> bool {
        self.allow.is_some() || !headers.contains_key(header::ORIGIN)
    }

    /// The headers of an answer.
    fn headers(&self) -> impl Iterator<Item = (header::HeaderName, HeaderValue)> {
        let allow = self.allow.clone().map(|allow| (header::ACCESS_CONTROL_ALLOW_ORIGIN, allow));
        let vary = self.vary.then(|| (header::VARY, HeaderValue::from_static("Origin")));
        allow.into_iter().chain(vary)
    }

    fn on(&self, mut response: Response<Body>) -> Response<Body> {
        response.headers_mut().extend(self.headers().map(|(name, value)| (Some(name), value)));
        response
    }

    fn preflight(&self) -> Response<Body> {
        let mut response = Response::new(Body::full(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        let allowed = HeaderValue::from_static("Authorization, Content-Type, Last-Event-ID, Cache-Control");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        response
    }
}
