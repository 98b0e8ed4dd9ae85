//! One call of the API as a value: what to ask. No I/O; `http` carries it.

use crate::{address::escaped, error::Error, random};
use bytes::Bytes;
use hyper::{
    Method,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use protocol::message::Data;

/// Ids on one page of presence: a page of the longest ones stays under 2 MiB of JSON.
pub(crate) const PRESENCE_PAGE: u32 = 1_000;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TTL: HeaderName = HeaderName::from_static("downlink-ttl");

/// A request without the server's address and the API key. No `Debug`: the target of a send may be a token.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query, escaped.
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Whether doing it twice is the same as doing it once, so that it may be tried again.
    pub(crate) repeatable: bool,
}

/// Repeatable: creating a channel stores nothing, and a token that nobody uses just expires.
pub(crate) fn create_channel(client_id: &str, duration_minutes: Option<u32>) -> Call {
    let mut body = serde_json::json!({ "client_id": client_id });
    if let Some(minutes) = duration_minutes {
        body["duration_minutes"] = minutes.into();
    }
    post("/v1/channels".into(), "application/json", body.to_string().into(), true)
}

/// One message. The client id goes into the query: a path cannot carry every id.
pub(crate) fn send(
    to: &str,
    data: Data,
    ttl: Option<u32>,
    idempotency_key: Option<&str>,
) -> Result<Call, Error> {
    let (content_type, body) = match data {
        Data::Text(_) => ("text/plain; charset=utf-8", data.bytes().clone()),
        Data::Binary(bytes) => ("application/octet-stream", bytes),
    };
    let key = key_for(idempotency_key, ttl);
    let mut call = post(format!("/v1/messages?to={}", escaped(to)), content_type, body, key.is_some());
    if let Some(key) = key {
        call.headers.push((IDEMPOTENCY_KEY, header(&key).ok_or(Error::InvalidIdempotencyKey)?));
    }
    if let Some(ttl) = ttl {
        call.headers.push((TTL, ttl.into()));
        call.repeatable &= ttl != 0;
    }
    Ok(call)
}

/// Many messages, a line each.
pub(crate) fn send_lines(lines: Vec<u8>, repeatable: bool) -> Call {
    post("/v1/messages".into(), "application/x-ndjson", lines.into(), repeatable)
}

/// The query form, into which every client id fits.
pub(crate) fn channel(client_id: &str) -> Call {
    get(format!("/v1/channels?client_id={}", escaped(client_id)))
}

/// Repeatable: deleting what was just deleted changes nothing for who asked for it.
pub(crate) fn delete_channel(client_id: &str) -> Call {
    Call { method: Method::DELETE, ..channel(client_id) }
}

/// One page of what is kept: the only call with the client id in its path.
pub(crate) fn messages(client_id: &str, after: Option<&str>) -> Call {
    let mut segment = escaped(client_id).to_string();
    if matches!(segment.as_str(), "." | "..") {
        // Spelled out, or whatever stands before the server would resolve the path.
        segment = segment.replace('.', "%2E");
    }
    let after = after.map_or_else(String::new, |after| format!("?after={}", escaped(after)));
    get(format!("/v1/channels/{segment}/messages{after}"))
}

/// One page of the client ids with a socket.
pub(crate) fn presence(after: Option<&str>) -> Call {
    let after = after.map_or_else(String::new, |after| format!("&after={}", escaped(after)));
    get(format!("/v1/presence?limit={PRESENCE_PAGE}{after}"))
}

/// The key under which a message is stored once: the given one, else a random one. What is not stored needs none.
pub(crate) fn key_for(given: Option<&str>, ttl: Option<u32>) -> Option<String> {
    match given {
        Some(key) => Some(key.to_owned()),
        None => (ttl != Some(0)).then(random::unique),
    }
}

fn get(target: String) -> Call {
    Call { method: Method::GET, target, headers: Vec::new(), body: Bytes::new(), repeatable: true }
}

fn post(target: String, content_type: &'static str, body: Bytes, repeatable: bool) -> Call {
    let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
    Call { method: Method::POST, target, headers, body, repeatable }
}

/// A header's value of printable ASCII, else nothing: hyper's own error would quote it.
fn header(text: &str) -> Option<HeaderValue> {
    let printable = !text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'));
    printable.then(|| HeaderValue::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Data {
        Data::Text(text.to_owned().into())
    }

    fn value<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
        call.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.to_str().unwrap())
    }

    #[test]
    fn a_send_has_a_key_of_its_own() {
        let (one, other) =
            (send("ada", text("hi"), None, None).unwrap(), send("ada", text("hi"), None, None).unwrap());
        assert_eq!(one.target, "/v1/messages?to=ada");
        assert_eq!(value(&one, "content-type"), Some("text/plain; charset=utf-8"));
        assert_ne!(value(&one, "idempotency-key"), value(&other, "idempotency-key"));
        assert!(one.repeatable && one.body == "hi");
    }

    #[test]
    fn what_is_not_stored_has_no_key_and_is_not_repeated() {
        let call = send("ada", text("hi"), Some(0), None).unwrap();
        assert_eq!((value(&call, "idempotency-key"), value(&call, "downlink-ttl")), (None, Some("0")));
        assert!(!call.repeatable);
        assert!(!send("ada", text("hi"), Some(0), Some("k")).unwrap().repeatable);
    }

    #[test]
    fn bytes_travel_as_bytes() {
        let call = send("ada", Data::Binary(Bytes::from_static(b"\0\xff")), Some(60), Some("k 1")).unwrap();
        assert_eq!(value(&call, "content-type"), Some("application/octet-stream"));
        assert_eq!(
            (value(&call, "idempotency-key"), value(&call, "downlink-ttl")),
            (Some("k 1"), Some("60"))
        );
    }

    #[test]
    fn a_path_carries_every_client_id() {
        for (id, segment) in [(".", "%2E"), ("..", "%2E%2E"), ("...", "..."), ("a/b?", "a%2Fb%3F")] {
            assert_eq!(messages(id, None).target, format!("/v1/channels/{segment}/messages"));
        }
        assert_eq!(messages("a", Some("k3f.1&")).target, "/v1/channels/a/messages?after=k3f.1%26");
    }

    #[test]
    fn a_key_that_no_header_carries_is_refused() {
        for key in ["", "é", "a\nb", "\u{7f}"] {
            let refused = send("ada", text("hi"), None, Some(key));
            assert!(matches!(refused, Err(Error::InvalidIdempotencyKey)), "{key:?}");
        }
    }
}
