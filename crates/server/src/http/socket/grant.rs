//! What an opening request brings: its transport, its token, its place.

use super::super::{auth::bearer, error::TOO_MANY_REFUSED};
use crate::service::{Denied, Service};
use broker::message::Position;
use http::{HeaderMap, Request, header};
use protocol::{
    close::{CloseCode, TOKEN_INVALID, TOKEN_TIMED_OUT},
    cursor::InvalidCursor,
    id::ClientId,
    query,
    socket::Transport,
    token::{Grant, TokenError},
};
use std::{borrow::Cow, net::IpAddr};

/// The subprotocol of WebSockets; the server answers it alone.
pub(super) const SUBPROTOCOL: &str = "downlink.v1";
const TOKEN_PREFIX: &str = "downlink.token.";
const LAST_EVENT_ID: &str = "last-event-id";

/// Why a socket is refused: a close code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: CloseCode,
    pub(super) reason: Cow<'static, str>,
    /// A cursor that does not parse has a code of its own over HTTP.
    pub(super) invalid_cursor: bool,
}

impl Refusal {
    pub(super) fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into(), invalid_cursor: false }
    }

    /// No more sockets are taken.
    pub(super) fn restarting() -> Self {
        Self::new(CloseCode::RESTART, CloseCode::RESTART.reason())
    }
}

impl From<InvalidCursor> for Refusal {
    fn from(_: InvalidCursor) -> Self {
        Self { invalid_cursor: true, ..Self::new(CloseCode::BAD_REQUEST, "Invalid cursor.") }
    }
}

/// A checked request for a socket.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) grant: Grant,
    pub(super) position: Position,
    /// The client named its place itself.
    pub(super) resumes: bool,
}

/// How the client wants its frames.
pub(super) fn transport(headers: &HeaderMap) -> Transport {
    let has = |name, word: &str| {
        headers.get_all(name).iter().any(|value| {
            value
                .to_str()
                .is_ok_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
        })
    };
    let accepts = |kind: &str| {
        headers.get_all(header::ACCEPT).iter().any(|value| {
            let Ok(text) = value.to_str() else { return false };
            text.split(',').any(|part| {
                part.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(kind))
            })
        })
    };
    if has(header::UPGRADE, "websocket") {
        Transport::WebSocket
    } else if accepts("text/event-stream") {
        Transport::Sse
    } else if accepts("application/json") && !accepts("application/x-ndjson") {
        Transport::LongPoll
    } else {
        Transport::Lines
    }
}

/// The subprotocols that a WebSocket offers.
pub(super) fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',').map(str::trim))
}

/// Checks token and cursor.
pub(super) fn check<B>(
    service: &Service,
    request: &Request<B>,
    transport: Transport,
    peer: IpAddr,
) -> Result<Asked, Refusal> {
    let headers = request.headers();
    if transport == Transport::WebSocket
        && headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL)
        && !offered(headers).any(|name| name == SUBPROTOCOL)
    {
        return Err(Refusal::new(CloseCode::BAD_REQUEST, "Offer the subprotocol downlink.v1."));
    }
    let grant = verify(service, request, transport, peer)?;
    let place = place(request)?;
    let position = place.unwrap_or_else(|| Service::start(&grant));
    Ok(Asked { grant, position, resumes: place.is_some() })
}

/// Where the client says that it stands.
pub(super) fn place<B>(request: &Request<B>) -> Result<Option<Position>, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    let last_event_id = request.headers().get(LAST_EVENT_ID).map(|value| value.as_bytes().to_vec());
    let place = last_event_id.filter(|id| !id.is_empty()).or_else(|| query::value(query, "after"));
    let Some(text) = place else { return Ok(None) };
    let text = std::str::from_utf8(&text).map_err(|_| InvalidCursor)?;
    Ok(Some(Position::After(text.parse().map_err(|error: InvalidCursor| error)?)))
}

/// Whether a request bears a token that is good for this client id, or one that only the clock speaks against: the
/// end of a socket that is open is its own deadline, which a jumping clock and an older token do not move.
pub(super) fn belongs<B>(service: &Service, request: &Request<B>, id: &ClientId) -> bool {
    let Some(token) = token(service, request, Transport::LongPoll) else { return false };
    let verified = std::str::from_utf8(&token).map(|token| service.verify(token));
    match verified {
        Ok(Ok(grant)) => grant.client_id == *id,
        Ok(Err(Denied::Token(_))) => true,
        Ok(Err(Denied::Revoked)) | Err(_) => false,
    }
}

fn verify<B>(
    service: &Service,
    request: &Request<B>,
    transport: Transport,
    peer: IpAddr,
) -> Result<Grant, Refusal> {
    let now_ms = service.hub.clock.elapsed_ms();
    if let Err(why) = service.rates.show_token(peer, now_ms) {
        service.rates.refused(why.limit).add(1);
        return Err(Refusal::new(CloseCode::OVERLOADED, TOO_MANY_REFUSED));
    }
    let refused = |reason| {
        service.rates.token_was_refused(peer, now_ms);
        Refusal::new(CloseCode::UNAUTHORIZED, reason)
    };
    let token = token(service, request, transport);
    let token = token.as_deref().and_then(|token| std::str::from_utf8(token).ok());
    let granted = token.map_or(Err(Denied::Token(TokenError::Invalid)), |token| service.verify(token));
    granted.map_err(|denied| {
        service.counters.tokens_refused.add(denied.word());
        match denied {
            Denied::Token(TokenError::Invalid) => refused(TOKEN_INVALID),
            Denied::Token(TokenError::TimedOut) => refused(TOKEN_TIMED_OUT),
            Denied::Revoked => Refusal::new(CloseCode::GONE, CloseCode::GONE.reason()),
        }
    })
}

/// The token, in the order of preference: subprotocol, `Authorization`, query.
fn token<'r, B>(service: &Service, request: &'r Request<B>, transport: Transport) -> Option<Cow<'r, [u8]>> {
    let headers = request.headers();
    if transport == Transport::WebSocket
        && let Some(token) = offered(headers).find_map(|name| name.strip_prefix(TOKEN_PREFIX))
    {
        return Some(Cow::Borrowed(token.as_bytes()));
    }
    if let Some(token) = bearer(headers) {
        return Some(Cow::Borrowed(token));
    }
    let query = request.uri().query().filter(|_| service.token_in_query)?;
    query::value(query, "token").map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_chooses_the_transport() {
        let of = |accept: Option<&str>, upgrade: bool| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            if upgrade {
                headers.insert(header::UPGRADE, "WebSocket".parse().unwrap());
            }
            transport(&headers)
        };
        assert_eq!(of(None, true), Transport::WebSocket);
        assert_eq!(of(Some("text/event-stream"), false), Transport::Sse);
        assert_eq!(of(Some("application/json"), false), Transport::LongPoll);
        assert_eq!(of(Some("application/json;q=0.9, text/plain"), false), Transport::LongPoll);
        assert_eq!(of(Some("application/x-ndjson"), false), Transport::Lines);
        assert_eq!(of(Some("*/*"), false), Transport::Lines);
        assert_eq!(of(None, false), Transport::Lines);
    }
}
