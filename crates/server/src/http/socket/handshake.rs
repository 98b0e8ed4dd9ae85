//! The heads that turn a connection into a socket, written by hand: from there on hyper is not asked any more.

use super::{super::NOSNIFF, Cors, grant};
use crate::follow::{RequestId, X_REQUEST_ID};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use protocol::{socket::Transport, websocket::accept_key};

/// The answer to a WebSocket's handshake, in its request's name; `None` if it is none (RFC 6455, 4.2.1).
pub(super) fn websocket<B>(request: &Request<B>, name: &RequestId) -> Option<Vec<u8>> {
    let headers = request.headers();
    let key = only(headers, &header::SEC_WEBSOCKET_KEY)?;
    // A list, so it may come in several lines (RFC 9110, 5.3).
    let connection = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut words = connection.flat_map(|text| text.split(','));
    let good = words.any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
        && request.version() == http::Version::HTTP_11
        && only(headers, &header::SEC_WEBSOCKET_VERSION)? == "13"
        && BASE64_STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    if !good {
        return None;
    }
    // RFC 6455, 1.3 asks for SHA-1; it proves that the handshake was understood, nothing more.
    let accept = accept_key(key, |text| {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
        hash.as_ref().try_into().expect("SHA-1 has 20 bytes")
    });
    let protocol = if grant::offered(headers).any(|name| name == grant::SUBPROTOCOL) {
        "Sec-WebSocket-Protocol: downlink.v1\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}{X_REQUEST_ID}: {name}\r\n\r\n"
    );
    Some(head.into_bytes())
}

/// A header that must not come twice (RFC 6455, 11.3): of two, somebody on the way may have read the other.
fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next()?, values.next());
    first.to_str().ok().filter(|_| second.is_none()).map(str::trim)
}

/// The headers of an answer that streams events or lines.
pub(super) fn stream_headers(transport: Transport, cors: &Cors, name: &RequestId) -> HeaderMap {
    let kind = match transport {
        Transport::Sse => HeaderValue::from_static("text/event-stream; charset=utf-8"),
        _ => HeaderValue::from_static("application/x-ndjson"),
    };
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (header::X_CONTENT_TYPE_OPTIONS, NOSNIFF),
        (X_REQUEST_ID, name.header()),
    ];
    fixed.into_iter().chain(cors.headers()).collect()
}

/// The same as bytes, for an answer that goes on until the connection ends.
pub(super) fn stream(transport: Transport, cors: &Cors, name: &RequestId) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n".to_vec();
    for (name, value) in &stream_headers(transport, cors, name) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Whether a request brings a body, which an opening one must not: its bytes would be taken for frames.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}
