//! A send in its plainest form: `POST /v1/channels/{id}/messages` in HTTP/1.1 with a length and a good key.
//!
//! Most requests are such sends, and a general HTTP server spends as much on one as the kernel does. What is plain is read
//! here, straight from the bytes of the connection. Everything else is left to the general server, and so is whatever
//! must be refused: this module decides what is plain, never what is wrong.

use super::{
    one::{Words, data},
    route, status, write_result,
};
use crate::{
    follow::{self, Followed},
    http::auth::credentials,
    keys::Scope,
    service::{Send, Sent, Service, Target},
};
use broker::message::{Origin, Recipients};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use protocol::limits;
use std::{borrow::Cow, mem::MaybeUninit, sync::Arc};

/// More headers than this are not plain.
const HEADERS_MAX: usize = 32;

/// How a trace calls the path of such a send.
const PATH: &str = "/v1/channels/{client_id}/messages";

/// What the bytes of a connection begin with.
pub(in crate::http) enum Look {
    /// A plain send, as a whole.
    Send(Plain),
    /// A plain send whose body has not come as a whole.
    Part,
    /// Anything else, perhaps also the beginning of a plain send.
    Other,
}

/// A plain send.
pub(in crate::http) struct Plain {
    send: Send,
    /// Bytes of the request.
    pub(in crate::http) length: usize,
    /// Nearly always nobody follows it.
    pub(in crate::http) followed: Option<Arc<Followed>>,
}

/// Looks at the bytes that a connection has brought and nobody has read.
pub(in crate::http) fn look(service: &Service, bytes: &[u8]) -> Look {
    read(service, bytes).unwrap_or(Look::Other)
}

fn read(service: &Service, bytes: &[u8]) -> Option<Look> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(bytes, &mut headers);
    let Ok(httparse::Status::Complete(head_bytes)) = parsed else { return None };
    if request.method != Some("POST") || request.version != Some(1) || head_bytes > limits::HEAD_BYTES_MAX {
        return None;
    }
    let id = route(request.path?).flatten().filter(|id| !id.contains('?'))?;
    let head = Head::read(request.headers)?;
    service.admit(head.key?, Scope::Send).ok()?;
    let id = if id.contains('%') { percent_decode_str(id).collect() } else { Cow::Borrowed(id.as_bytes()) };
    let Ok(Target::Client(id)) = service.target(&id) else { return None };
    let words = Words::read(head.ttl, head.idempotency_key, head.content_type).ok()?;
    let body_bytes = head.length.filter(|length| (1..=service.message_bytes_max).contains(length))?;
    let Some(body) = bytes.get(head_bytes..head_bytes + body_bytes) else { return Some(Look::Part) };
    service.may_send(head.key?, Some(&id), 1).ok()?;
    let data = data(body, words.kind).ok()?;
    let send = words.send(Recipients::One(id), data, Origin::default());
    let followed = service.following.begin(&follow::Head {
        name: head.request_id,
        traceparent: head.traceparent,
        method: &follow::POST,
        path: PATH,
    });
    Some(Look::Send(Plain { send, length: head_bytes + body_bytes, followed }))
}

impl Plain {
    /// Sends it, as of `at_us`; its status, and the answer's body.
    pub(in crate::http) async fn send(
        mut self,
        service: &Service,
        at_us: u64,
    ) -> Result<(StatusCode, Vec<u8>), broker::error::PublishError> {
        self.send.origin = match &self.followed {
            None => Origin { at_us, follower: None },
            Some(followed) => followed.origin(at_us),
        };
        let to = self.send.to.clone();
        let sent = service.send(self.send).await;
        if let Some(followed) = &self.followed {
            followed.sent(at_us, std::slice::from_ref(&sent));
        }
        let sent: Sent = sent?;
        let mut body = Vec::with_capacity(48);
        write_result(&mut body, service, &to, &sent);
        Ok((status(&sent), body))
    }
}

/// The headers that matter to a send, each at most once.
#[derive(Default)]
struct Head<'a> {
    has_host: bool,
    length: Option<usize>,
    key: Option<&'a [u8]>,
    ttl: Option<&'a [u8]>,
    idempotency_key: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// `None` if there is any that changes how the request or its connection is to be read, or one twice.
    fn read(headers: &[httparse::Header<'a>]) -> Option<Self> {
        let mut head = Self::default();
        for header in headers {
            let (name, value) = (header.name, header.value);
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let once = |place: &mut Option<&'a [u8]>| place.replace(value).is_none();
            let is_plain = match name.len() {
                4 if is("host") => !std::mem::replace(&mut head.has_host, true),
                12 if is("content-type") => once(&mut head.content_type),
                12 if is("downlink-ttl") => once(&mut head.ttl),
                13 if is("authorization") => head.key.replace(credentials(value)?).is_none(),
                14 if is("content-length") => head.length.replace(length(value)?).is_none(),
                15 if is("idempotency-key") => once(&mut head.idempotency_key),
                12 if is("x-request-id") => once(&mut head.request_id),
                11 if is("traceparent") => once(&mut head.traceparent),
                10 if is("connection") => value.eq_ignore_ascii_case(b"keep-alive"),
                17 if is("transfer-encoding") => false,
                6 if is("expect") => false,
                7 if is("upgrade") || is("trailer") => false,
                2 if is("te") => false,
                _ => true,
            };
            if !is_plain {
                return None;
            }
        }
        head.has_host.then_some(head)
    }
}

/// Digits alone (RFC 9112, 6.3): no sign, no list, no room for two readings.
fn length(value: &[u8]) -> Option<usize> {
    let is_plain = (1..=7).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    is_plain.then(|| value.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> bool {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let (_, headers) = httparse::parse_headers(text.as_bytes(), &mut headers).unwrap().unwrap();
        Head::read(headers).is_some_and(|head| head.length.is_some())
    }

    #[test]
    fn what_leaves_no_doubt_is_plain() {
        assert!(head("Host: a\r\nContent-Length: 5\r\n\r\n"));
        assert!(head("host: a\r\ncontent-length: 5\r\nConnection: Keep-Alive\r\nX-Any: thing\r\n\r\n"));
        assert!(head("Host: a\r\nContent-Length: 005\r\nAuthorization: bearer  key \r\n\r\n"));
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_not() {
        for wrong in [
            "Content-Length: 5\r\n\r\n",
            "Host: a\r\n\r\n",
            "Host: a\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "Host: a\r\nContent-Length: 5, 5\r\n\r\n",
            "Host: a\r\nContent-Length: +5\r\n\r\n",
            "Host: a\r\nContent-Length: -5\r\n\r\n",
            "Host: a\r\nContent-Length: 0x5\r\n\r\n",
            "Host: a\r\nContent-Length: \r\n\r\n",
            "Host: a\r\nContent-Length: 99999999\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\ntransfer-encoding: identity\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nUpgrade: websocket\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nConnection: keep-alive, close\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nTE: trailers\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nTrailer: x\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nAuthorization: Basic key\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nAuthorization: Bearer a\r\nAuthorization: Bearer a\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nDownlink-TTL: 1\r\nDownlink-TTL: 1\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nContent-Type: a\r\nContent-Type: a\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\nX-Request-Id: a\r\nX-Request-Id: a\r\n\r\n",
        ] {
            assert!(!head(wrong), "{wrong:?}");
        }
    }
}
