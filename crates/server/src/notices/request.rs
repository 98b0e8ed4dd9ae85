//! One notice as an HTTP request, signed as Standard Webhooks says, so that an application can tell it from a forged
//! one. What decides is in the signed body; path and content type only help to find the way.

use super::NoticesTo;
use crate::time::rfc3339;
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use broker::presence::Notice;
use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use std::fmt::Write as _;

/// How a notice looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As the App Engine Channel API's production did: a form to a path that tells the state (channel-api.md, 4).
    AppEngine,
    /// One JSON document to one address.
    Standard,
}

/// Makes the request of a notice, for a try at `now_ms`.
pub(super) fn request(to: &NoticesTo, notice: &Notice, now_ms: u64) -> Request<Full<Bytes>> {
    let id = format!("notice_{}", notice.generation);
    let state = if notice.connected { "connected" } else { "disconnected" };
    let (uri, content_type, body) = match to.format {
        Format::AppEngine => {
            let boundary = boundary(&to.secrets.read()[0], &id);
            let body = form(notice, state, &boundary);
            (below(&to.url, state), format!("multipart/form-data; boundary={boundary}"), body)
        }
        Format::Standard => (to.url.clone(), "application/json".to_owned(), document(notice, state)),
    };
    let time = now_ms / 1000;
    let signatures: Vec<String> =
        to.secrets.read().iter().map(|secret| sign(secret, &id, time, &body)).collect();
    Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::USER_AGENT, concat!("Downlink/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", id)
        .header("webhook-timestamp", time)
        .header("webhook-signature", signatures.join(" "))
        .body(Full::new(Bytes::from(body)))
        .expect("every part was checked when the configuration was read")
}

/// `<url>/_ah/channel/connected/`: the trailing slash is part of the path (channel-api.md, 4).
fn below(url: &Uri, state: &str) -> Uri {
    let base = url.path().trim_end_matches('/');
    let mut parts = url.clone().into_parts();
    parts.path_and_query = format!("{base}/_ah/channel/{state}/").parse().ok();
    Uri::from_parts(parts).expect("a path below an address")
}

fn form(notice: &Notice, state: &str, boundary: &str) -> String {
    let generation = notice.generation.to_string();
    let mut body = String::new();
    for (name, value) in [("from", notice.id.as_str()), ("state", state), ("generation", &generation)] {
        let _ = write!(
            body,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{value}\r\n"
        );
    }
    let _ = write!(body, "--{boundary}--\r\n");
    body
}

fn document(notice: &Notice, state: &str) -> String {
    serde_json::json!({
        "type": format!("channel.{state}"),
        "timestamp": rfc3339(notice.time_ms),
        "data": { "client_id": notice.id.as_str(), "generation": notice.generation },
    })
    .to_string()
}

/// One that no client id can hold, and the same on a repetition.
fn boundary(secret: &[u8], id: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("boundary\0{id}").as_bytes());
    tag.as_ref()[..16].iter().fold(String::from("downlink-"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sign(secret: &[u8], id: &str, time: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str, format: Format) -> NoticesTo {
        NoticesTo {
            url: url.parse().unwrap(),
            format,
            secrets: vec![b"one".to_vec(), b"two".to_vec()].into(),
        }
    }

    fn notice(connected: bool) -> Notice {
        Notice { id: "a/b é".parse().unwrap(), connected, generation: 7, time_ms: 1_700_000_000_000 }
    }

    #[test]
    fn the_old_paths_keep_their_slash_and_what_is_before_them() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/_ah/channel/connected/"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/_ah/channel/connected/"),
            ("https://example.com/app/", "https://example.com/app/_ah/channel/connected/"),
        ] {
            let request = request(&to(url, Format::AppEngine), &notice(true), 0);
            assert_eq!(request.uri().to_string(), expected);
        }
        let gone = request(&to("http://h", Format::AppEngine), &notice(false), 0);
        assert_eq!(gone.uri().path(), "/_ah/channel/disconnected/");
        let standard = request(&to("http://h/hook?x=1", Format::Standard), &notice(false), 0);
        assert_eq!(standard.uri().to_string(), "http://h/hook?x=1");
    }

    #[test]
    fn a_repetition_is_the_same_but_for_its_time() {
        let to = to("http://h", Format::AppEngine);
        let [first, second] = [1_000, 9_000].map(|now_ms| request(&to, &notice(true), now_ms));
        let of = |request: &Request<Full<Bytes>>, name: &str| request.headers()[name].clone();
        assert_eq!(of(&first, "webhook-id"), of(&second, "webhook-id"));
        assert_eq!(of(&first, "content-type"), of(&second, "content-type"));
        assert_ne!(of(&first, "webhook-signature"), of(&second, "webhook-signature"));
        let signatures = of(&first, "webhook-signature");
        assert_eq!(signatures.to_str().unwrap().split(' ').count(), 2, "one for each secret");
    }

    #[test]
    fn the_document_holds_any_client_id() {
        let mut notice = notice(true);
        notice.id = "\"quoted\"\n".parse().unwrap();
        let document: serde_json::Value = serde_json::from_str(&document(&notice, "connected")).unwrap();
        assert_eq!(document["data"]["client_id"], "\"quoted\"\n");
        assert_eq!(document["timestamp"], "2023-11-14T22:13:20.000Z");
    }
}
