//! Sending: which of the forms a `POST` is, and how results are written.

mod item;
mod many;
mod one;
pub(super) mod plain;

use self::one::status;
use super::{
    auth,
    body::{Body, Incoming},
    error::Problem,
};
use crate::{
    keys::Scope,
    service::{Sent, Service},
};
use broker::message::Recipients;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use protocol::{encode::json::string, query};
use std::io::Write;

/// Who a path sends to: `Some(Some(id))` for `/v1/channels/{id}/messages`, `Some(None)` for `/v1/messages`.
fn route(path: &str) -> Option<Option<&str>> {
    if path == "/v1/messages" {
        return Some(None);
    }
    let id = path.strip_prefix("/v1/channels/")?.strip_suffix("/messages")?;
    (!id.contains('/')).then_some(Some(id))
}

/// Whether a request is a send.
pub(super) fn is_send<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && route(request.uri().path()).is_some()
}

/// Answers a send.
pub(super) async fn handle(service: &Service, request: Request<Incoming>) -> Response<Body> {
    let admitted = auth::require(service, request.headers(), Scope::Send);
    let result = match admitted.and_then(|key| Ok((recipient(&request)?, key))) {
        Ok((Some(to), key)) => one::send(service, request, &to, &key).await,
        Ok((None, key)) => many::send(service, request, &key).await,
        Err(problem) => Err(problem),
    };
    result.unwrap_or_else(Problem::response)
}

/// Who the path or the query names; `None` if the items do.
fn recipient<B>(request: &Request<B>) -> Result<Option<Vec<u8>>, Problem> {
    let by_path = route(request.uri().path()).flatten();
    let queried = query::recipient(request.uri().query().unwrap_or_default(), by_path.is_some())?;
    Ok(by_path.map(|id| percent_decode_str(id).collect()).or(queried))
}

/// What a body's type says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// `text/*`, JSON, forms and no type are text; everything else is bytes.
fn kind(content_type: Option<&[u8]>) -> Kind {
    let Some(value) = content_type else { return Kind::Text };
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is = |name: &[u8]| essence.eq_ignore_ascii_case(name);
    let text = essence.len() >= 5 && essence[..5].eq_ignore_ascii_case(b"text/");
    if text || is(b"application/json") || is(b"application/x-www-form-urlencoded") || essence.is_empty() {
        Kind::Text
    } else {
        Kind::Binary
    }
}

/// One result: `{"id","sockets"}`, and for a list of ids how many it was stored for.
fn write_result(out: &mut Vec<u8>, service: &Service, to: &Recipients, sent: &Sent) {
    const INFALLIBLE: &str = "writing to a vector does not fail";
    let sockets = service.sockets(to);
    match sent {
        Sent::Stored { cursor, .. } => {
            out.extend_from_slice(br#"{"id":""#);
            cursor.write(out);
            out.push(b'"');
        }
        Sent::Passed => out.extend_from_slice(br#"{"id":null"#),
    }
    if let (Recipients::Many(ids), Sent::Stored { stored, .. }) = (to, sent) {
        let kept = ids.len() - stored.failed.len();
        write!(out, r#","stored":{kept},"failed":["#).expect(INFALLIBLE);
        for (index, (id, error)) in stored.failed.iter().enumerate() {
            out.extend_from_slice(if index == 0 { br#"{"to":"# } else { br#",{"to":"# });
            string(out, id.as_str());
            write!(out, r#","code":"{}"}}"#, Problem::from(error.clone()).code).expect(INFALLIBLE);
        }
        out.push(b']');
    }
    write!(out, r#","sockets":{sockets}}}"#).expect(INFALLIBLE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_sends() {
        assert_eq!(route("/v1/messages"), Some(None));
        assert_eq!(route("/v1/channels/ada/messages"), Some(Some("ada")));
        assert_eq!(route("/v1/channels/a%2Fb/messages"), Some(Some("a%2Fb")));
        assert_eq!(route("/v1/channels//messages"), Some(Some("")), "refused as an id, not as a path");
        assert_eq!(route("/v1/channels/a/b/messages"), None);
        assert_eq!(route("/v1/channels/ada"), None);
    }

    #[test]
    fn types_say_text_or_bytes() {
        let of = |value: Option<&str>| kind(value.map(str::as_bytes));
        for text in [
            None,
            Some(""),
            Some("text/plain"),
            Some("TEXT/html; charset=utf-8"),
            Some("application/json"),
            Some("application/x-www-form-urlencoded"),
        ] {
            assert_eq!(of(text), Kind::Text, "{text:?}");
        }
        for bytes in ["application/octet-stream", "image/png", "application/jsonx", "tex"] {
            assert_eq!(of(Some(bytes)), Kind::Binary, "{bytes}");
        }
    }
}
