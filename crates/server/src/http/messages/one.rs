//! One message: the body is the message.

use super::{Kind, kind, write_result};
use crate::{
    http::{Body, body::read, error::Problem, json},
    service::{Send, Sent, Service, Target},
};
use broker::message::Recipients;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use protocol::{
    limits,
    message::{Data, Text},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TTL: HeaderName = HeaderName::from_static("downlink-ttl");

/// Sends the body of a request to whoever `to` names: a client id, or a token of one.
pub(super) async fn send(
    service: &Service,
    request: Request<Incoming>,
    to: &[u8],
) -> Result<Response<Body>, Problem> {
    let target = service.target(to)?;
    let (parts, body) = request.into_parts();
    let ttl = ttl(&parts.headers)?;
    let idempotency_key = idempotency_key(&parts.headers)?;
    let max = service.message_bytes_max;
    if body.size_hint().lower() > max as u64 {
        return Err(Problem::message_too_large(max));
    }
    let bytes = read(body, max).await.map_err(|problem| match problem.status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::message_too_large(max),
        _ => problem,
    })?;
    let data = data(bytes, kind(&parts.headers))?;
    let Target::Client(id) = target else {
        return Ok(json(StatusCode::CREATED, br#"{"id":null,"sockets":0}"#.to_vec()));
    };
    let to = Recipients::One(id);
    let sent = service.send(Send { to: to.clone(), data, ttl, idempotency_key }).await?;
    let mut out = Vec::with_capacity(48);
    write_result(&mut out, service, &to, &sent);
    let status = match sent {
        Sent::Stored { .. } => StatusCode::CREATED,
        Sent::Passed => StatusCode::ACCEPTED,
    };
    Ok(json(status, out))
}

fn data(bytes: Bytes, kind: Kind) -> Result<Data, Problem> {
    if bytes.is_empty() {
        return Err(Problem::empty_message());
    }
    Ok(match kind {
        Kind::Text => Data::Text(Text::new(bytes)?),
        Kind::Binary => Data::Binary(bytes),
    })
}

fn ttl(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(value) = headers.get(TTL) else { return Ok(None) };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    check_ttl(seconds).map(Some)
}

/// A time to live in whole seconds.
pub(super) fn check_ttl(seconds: Option<u64>) -> Result<u32, Problem> {
    let fits = |seconds: &u64| *seconds <= u64::from(limits::TTL_SECONDS_MAX);
    seconds.filter(fits).and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        let detail =
            format!("A time to live is a whole number of seconds, 0 to {}.", limits::TTL_SECONDS_MAX);
        Problem::bad_request("invalid_ttl", detail)
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Box<str>>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    check_idempotency_key(value.to_str().unwrap_or_default()).map(Some)
}

/// An Idempotency-Key of printable ASCII.
pub(super) fn check_idempotency_key(key: &str) -> Result<Box<str>, Problem> {
    let fits = (1..=limits::IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits {
        return Ok(key.into());
    }
    let detail = format!(
        "An Idempotency-Key has 1 to {} printable ASCII characters; a random UUID is a good one.",
        limits::IDEMPOTENCY_KEY_BYTES_MAX
    );
    Err(Problem::bad_request("invalid_idempotency_key", detail))
}
