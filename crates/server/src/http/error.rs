//! Every refusal, with its status, its stable code and a sentence that says what to do (RFC 9457).

use super::{Body, json};
use crate::{keys::Scope, rates::TooOften};
use axum::response::IntoResponse;
use broker::error::PublishError;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use protocol::{
    close::{CloseCode, TOKEN_TIMED_OUT},
    cursor::InvalidCursor,
    encode::json::string,
    id::InvalidClientId,
    item::{InvalidItem, InvalidItems},
    limits,
    message::NotUtf8,
    query::NotOneRecipient,
    token::TokenError,
};

/// Why no token of an address is looked at for a while.
pub(super) const TOO_MANY_REFUSED: &str = "Too many refused tokens from this address; try again later.";

/// A problem document, and the headers that belong to it.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// Stable: applications branch on it.
    pub(super) code: &'static str,
    /// For people. Never holds a token, a key or a message.
    pub(super) detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Beside an answer that is a problem: its code, for whoever counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code(pub(super) &'static str);

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here; see the README for the API.")
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "This resource does not take that method; see the README for the API.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// Says which methods there are (RFC 9110, 15.5.6). The router does so by itself where it knows.
    pub(super) fn allowing(self, methods: &'static str) -> Self {
        self.with(header::ALLOW, methods)
    }

    pub(super) fn invalid_api_key() -> Self {
        let detail = "Send a key of this server's API: `Authorization: Bearer …`.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", detail)
            .with(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(super) fn missing_scope(scope: Scope) -> Self {
        let detail = format!(
            "This call needs a key with the scope \"{scope}\"; the key that was sent has others. See `api.keys` in the \
             configuration."
        );
        Self::new(StatusCode::FORBIDDEN, "missing_scope", detail)
    }

    /// How long to wait stands in `Retry-After`, and the limit in the headers of draft-ietf-httpapi-ratelimit-headers.
    pub(super) fn too_many_requests(why: TooOften) -> Self {
        let (limit, rate) = (why.limit.option(), why.rate.get());
        let seconds = why.wait.as_millis().div_ceil(1000).max(1);
        let detail =
            format!("At most {rate} a second are taken (limits.{limit}). Wait for what Retry-After says.");
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        for (name, value) in [
            (header::RETRY_AFTER, seconds.to_string()),
            (HeaderName::from_static("ratelimit-policy"), format!("\"{limit}\";q={rate};w=1")),
            (HeaderName::from_static("ratelimit"), format!("\"{limit}\";r=0;t={seconds}")),
        ] {
            problem.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        problem
    }

    pub(super) fn empty_message() -> Self {
        Self::bad_request("empty_message", "A message has at least 1 byte; the body is the message.")
    }

    // The rest of the body stays unread, so the connection ends; a client that is not told would send its next
    // request into it.
    pub(super) fn message_too_large(max: usize) -> Self {
        let detail =
            format!("A message has at most {max} bytes. Put larger data behind a URL and send the URL.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "message_too_large", detail)
            .with(header::CONNECTION, "close")
    }

    pub(super) fn too_large(max: usize) -> Self {
        let detail = format!("A body of this call has at most {max} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).with(header::CONNECTION, "close")
    }

    pub(super) fn broken_body(error: &dyn std::fmt::Display) -> Self {
        Self::bad_request("broken_body", format!("The body could not be read to its end: {error}."))
    }

    pub(super) fn body_too_slow() -> Self {
        let detail = format!("The body was not there within {} seconds.", limits::BODY_TIME.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail).with(header::CONNECTION, "close")
    }

    // What follows on the connection may be meant for somebody else.
    pub(super) fn bad_host() -> Self {
        let detail = "A request names one host: send the header Host once (RFC 9112, 3.2).";
        Self::bad_request("bad_host", detail).with(header::CONNECTION, "close")
    }

    pub(super) fn unknown_coding() -> Self {
        let detail = "The only transfer coding taken is `chunked`, said once (RFC 9112, 6.1).";
        Self::new(StatusCode::NOT_IMPLEMENTED, "unknown_coding", detail).with(header::CONNECTION, "close")
    }

    pub(super) fn invalid_parameter(detail: impl Into<String>) -> Self {
        Self::bad_request("invalid_parameter", detail)
    }

    pub(super) fn invalid_json(detail: impl Into<String>) -> Self {
        Self::bad_request("invalid_json", detail)
    }

    /// The node stops; its next life takes the request.
    pub(super) fn stopping() -> Response<Body> {
        let mut response = Self::from(PublishError::Stopping).response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }

    pub(super) fn unreadable(error: &broker::error::ReadError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unreadable", error.to_string())
    }

    /// A refused socket, for transports that can see a status.
    pub(super) fn closed(code: CloseCode, reason: &str) -> Self {
        let (status, name) = match code {
            CloseCode::BAD_REQUEST => (StatusCode::BAD_REQUEST, "bad_request"),
            CloseCode::UNAUTHORIZED if reason == TOKEN_TIMED_OUT => {
                (StatusCode::UNAUTHORIZED, "token_timed_out")
            }
            CloseCode::UNAUTHORIZED => (StatusCode::UNAUTHORIZED, "invalid_token"),
            CloseCode::FORBIDDEN => (StatusCode::FORBIDDEN, "forbidden_origin"),
            CloseCode::GONE => (StatusCode::GONE, "gone"),
            CloseCode::OVERLOADED if reason == TOO_MANY_REFUSED => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests")
            }
            CloseCode::OVERLOADED => (StatusCode::TOO_MANY_REQUESTS, "too_many_sockets"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let problem = Self::new(status, name, reason);
        match status {
            StatusCode::UNAUTHORIZED => problem.with(header::WWW_AUTHENTICATE, "Bearer"),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                problem.with(header::RETRY_AFTER, "1")
            }
            _ => problem,
        }
    }

    /// The headers that it comes with.
    #[cfg(test)]
    pub(super) fn header_names(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(name, _)| name)
    }

    /// The document.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160 + self.detail.len());
        out.extend_from_slice(b"{\"type\":\"urn:downlink:problem:");
        out.extend_from_slice(self.code.as_bytes());
        out.extend_from_slice(b"\",\"title\":");
        string(&mut out, self.status.canonical_reason().unwrap_or("Refused"));
        out.extend_from_slice(
            format!(",\"status\":{},\"code\":\"{}\",\"detail\":", self.status.as_u16(), self.code).as_bytes(),
        );
        string(&mut out, &self.detail);
        out.push(b'}');
        out
    }

    pub(super) fn response(self) -> Response<Body> {
        let mut response = json(self.status, self.body());
        response.extensions_mut().insert(Code(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

impl From<InvalidClientId> for Problem {
    fn from(error: InvalidClientId) -> Self {
        Self::bad_request("invalid_client_id", sentence(&error))
    }
}

impl From<InvalidCursor> for Problem {
    fn from(error: InvalidCursor) -> Self {
        Self::bad_request("invalid_cursor", sentence(&error))
    }
}

impl From<NotUtf8> for Problem {
    fn from(error: NotUtf8) -> Self {
        Self::bad_request("invalid_utf8", sentence(&error))
    }
}

impl From<NotOneRecipient> for Problem {
    fn from(error: NotOneRecipient) -> Self {
        Self::invalid_parameter(sentence(&error))
    }
}

impl From<InvalidItems> for Problem {
    fn from(error: InvalidItems) -> Self {
        let detail = sentence(&error);
        match error {
            InvalidItems::Empty => Self::bad_request("empty_message", detail),
            InvalidItems::NotAnArray { .. } | InvalidItems::NoWholeItem => Self::invalid_json(detail),
            InvalidItems::TooMany => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_items", detail),
        }
    }
}

impl From<InvalidItem> for Problem {
    fn from(error: InvalidItem) -> Self {
        let code = match error {
            InvalidItem::Json { .. } | InvalidItem::NotOneData => "invalid_json",
            InvalidItem::Base64 => "invalid_base64",
            InvalidItem::Empty => return Self::empty_message(),
            InvalidItem::TooLarge(max) => return Self::message_too_large(max),
            InvalidItem::Ttl => "invalid_ttl",
            InvalidItem::IdempotencyKey => "invalid_idempotency_key",
            InvalidItem::NumberOfIds => "too_many_ids",
            InvalidItem::ClientId(_) => "invalid_client_id",
        };
        Self::bad_request(code, sentence(&error))
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Invalid => "invalid_token",
            TokenError::TimedOut => "token_timed_out",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, sentence(&error)).with(header::WWW_AUTHENTICATE, "Bearer")
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let (status, code) = match error {
            PublishError::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            PublishError::OutcomeUnknown => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
            PublishError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "storage_failed"),
            PublishError::Away => (StatusCode::SERVICE_UNAVAILABLE, "broker_away"),
            PublishError::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            PublishError::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            PublishError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        let problem = Self::new(status, code, sentence(&error));
        let again = matches!(error, PublishError::Away | PublishError::Overloaded | PublishError::Stopping);
        if again { problem.with(header::RETRY_AFTER, "1") } else { problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        self.response().map(|body| match body {
            Body::Full(bytes) => axum::body::Body::from(bytes.unwrap_or_default()),
            Body::Routed(body) => body,
        })
    }
}

/// An error's text as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
