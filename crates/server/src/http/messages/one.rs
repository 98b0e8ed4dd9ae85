//! One message: the body is the message.

use super::{Kind, kind, write_result};
use crate::{
    follow::Followed,
    http::{
        auth::{Bearer, refused_for},
        body::{Body, Incoming, read},
        error::Problem,
        json,
    },
    service::{Send, Sent, Service, Target},
};
use broker::message::{Origin, Recipients};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
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
    key: &Bearer,
) -> Result<Response<Body>, Problem> {
    let target = service.target(to)?;
    let (parts, body) = request.into_parts();
    let words = Words::of(&parts.headers)?;
    let max = service.message_bytes_max;
    if body.size_hint().lower() > max as u64 {
        return Err(Problem::message_too_large(max));
    }
    let bytes = read(body, max).await.map_err(|problem| match problem.status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::message_too_large(max),
        _ => problem,
    })?;
    let data = data(&bytes, words.kind)?;
    let id = if let Target::Client(id) = &target { Some(id) } else { None };
    service.may_send(key.text(), id, 1).map_err(|why| refused_for(service, why))?;
    let Target::Client(id) = target else {
        return Ok(json(StatusCode::CREATED, br#"{"id":null,"sockets":0}"#.to_vec()));
    };
    let to = Recipients::One(id);
    let (at_us, followed) = (service.now_us(), Followed::of(&parts.extensions));
    let sent = service.send(words.send(to.clone(), data, followed.origin(at_us))).await;
    service.sent_since(at_us);
    followed.sent(at_us, std::slice::from_ref(&sent));
    let sent = sent?;
    let mut out = Vec::with_capacity(48);
    write_result(&mut out, service, &to, &sent);
    Ok(json(status(&sent), out))
}

/// What a message that was sent is answered with.
pub(super) fn status(sent: &Sent) -> StatusCode {
    match sent {
        Sent::Stored { .. } => StatusCode::CREATED,
        Sent::Passed => StatusCode::ACCEPTED,
    }
}

/// What a send's headers say.
pub(super) struct Words {
    ttl: Option<u32>,
    idempotency_key: Option<Box<str>>,
    pub(super) kind: Kind,
}

impl Words {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let value = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
        Self::read(value(&TTL), value(&IDEMPOTENCY_KEY), value(&header::CONTENT_TYPE))
    }

    pub(super) fn read(
        ttl: Option<&[u8]>,
        idempotency_key: Option<&[u8]>,
        content_type: Option<&[u8]>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            ttl: ttl.map(read_ttl).transpose()?,
            idempotency_key: idempotency_key.map(read_idempotency_key).transpose()?,
            kind: kind(content_type),
        })
    }

    pub(super) fn send(self, to: Recipients, data: Data, origin: Origin) -> Send {
        Send { to, data, ttl: self.ttl, idempotency_key: self.idempotency_key, origin }
    }
}

/// A message, copied out of the connection's buffer.
pub(super) fn data(bytes: &[u8], kind: Kind) -> Result<Data, Problem> {
    if bytes.is_empty() {
        return Err(Problem::empty_message());
    }
    let bytes = Bytes::copy_from_slice(bytes);
    Ok(match kind {
        Kind::Text => Data::Text(Text::new(bytes)?),
        Kind::Binary => Data::Binary(bytes),
    })
}

fn read_ttl(value: &[u8]) -> Result<u32, Problem> {
    let seconds = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
    Ok(seconds.ok_or(InvalidItem::Ttl).and_then(item::ttl)?)
}

fn read_idempotency_key(value: &[u8]) -> Result<Box<str>, Problem> {
    // What is no ASCII is refused like an empty one.
    let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii()).unwrap_or_default();
    Ok(item::idempotency_key(text)?)
}
