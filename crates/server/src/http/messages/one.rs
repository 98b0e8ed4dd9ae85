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
    item::{self, InvalidItem},
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
    Ok(Some(seconds.ok_or(InvalidItem::Ttl).and_then(item::ttl)?))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Box<str>>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    Ok(Some(item::idempotency_key(value.to_str().unwrap_or_default())?))
}
