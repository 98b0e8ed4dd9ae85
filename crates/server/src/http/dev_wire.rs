//! The wire of the old SDK's development server (channel-api.md, 3.1), for clients that speak it themselves.
//!
//! Every request names its token; a poll is answered at once with one raw message or none; who does not poll has
//! left. Who has said farewell is brought back by `connect` at once, and by mere polls only when a silence would have
//! passed: the timers of a page that goes may fire once more. Errors travel in the reason phrase of the status line,
//! which old clients compare literally. A token's place in its channel is kept until it expires, so that connecting
//! again repeats nothing.

use crate::service::{Denied, Service};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
};
use broker::message::Position;
use delivery::{open::Request as OpenRequest, socket::Socket};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::ext::ReasonPhrase;
use parking_lot::Mutex;
use protocol::{
    message::Data,
    query,
    socket::Transport,
    token::{Grant, TokenError},
};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};

/// What comes in the status line of a refused token.
const INVALID: &[u8] = b"Invalid+token.";
const TIMED_OUT: &[u8] = b"Token+timed+out.";

/// The clients of this wire, by the hash of their token.
#[derive(Default)]
pub(crate) struct DevSockets(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    clients: HashMap<u128, Client>,
    /// At so many, those that have ended are thrown out.
    sweep_at: usize,
}

/// Where a token's client is.
enum Client {
    There(Arc<DevSocket>),
    /// It said farewell: until then, on the hub's clock, a poll does not bring it back.
    Left {
        until_ms: u64,
    },
}

/// One client of this wire: all pages that poll with one token.
struct DevSocket {
    socket: Arc<Socket>,
    /// Polls take turns: each message goes to one of them.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Connect,
    Poll,
    Disconnect,
}

/// `/_ah/channel/dev?command=…&channel=…`, by any method: pages say farewell with what still works while they close.
pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let command = query::value(query, "command").and_then(|command| match &*command {
        b"connect" => Some(Command::Connect),
        b"poll" => Some(Command::Poll),
        b"disconnect" => Some(Command::Disconnect),
        _ => None,
    });
    let token = query::value(query, "channel").and_then(|token| String::from_utf8(token).ok());
    let (Some(command), Some(token)) = (command, token.filter(|token| !token.is_empty())) else {
        return answer(StatusCode::BAD_REQUEST);
    };
    let now_ms = service.hub.clock.elapsed_ms();
    if let Err(why) = service.rates.show_token(peer.ip(), now_ms) {
        service.rates.refused(why.limit).add(1);
        return answer(StatusCode::TOO_MANY_REQUESTS);
    }
    match service.verify(&token) {
        Ok(grant) => run(&service, peer, command, &token, grant).await,
        Err(denied) => {
            service.counters.tokens_refused.add(denied.word());
            service.rates.token_was_refused(peer.ip(), now_ms);
            refused(if denied == Denied::Token(TokenError::TimedOut) { TIMED_OUT } else { INVALID })
        }
    }
}

async fn run(service: &Service, peer: SocketAddr, command: Command, token: &str, grant: Grant) -> Response {
    let hash = hash(token);
    let now_ms = service.hub.clock.elapsed_ms();
    match command {
        Command::Disconnect => {
            let until_ms = now_ms + u64::from(service.dev_silence) * 1000;
            if let Some(known) = service.dev_sockets.take(hash, until_ms) {
                service.hub.leave_poll(&known.socket);
            }
            return answer(StatusCode::OK);
        }
        Command::Poll if service.dev_sockets.has_left(hash, now_ms) => return answer(StatusCode::OK),
        Command::Poll => {}
        Command::Connect => service.dev_sockets.welcome(hash),
    }
    let expires_at = grant.expires_at;
    let Some(known) = connect(service, peer, hash, grant).await else {
        return answer(StatusCode::SERVICE_UNAVAILABLE);
    };
    if command == Command::Connect {
        let mut response = answer(StatusCode::OK);
        set_type(&mut response, "text/plain");
        *response.body_mut() = Body::from("1");
        return response;
    }
    let _turn = known.turn.lock().await;
    let message = match service.hub.next_message(&known.socket).await {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(%error, "a client of the development wire cannot be served");
            return answer(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    let mut response = answer(StatusCode::OK);
    if let Some(data) = message {
        // Before it is answered: what a page has had must not come again after a crash.
        let cursor = service.hub.cursor(known.socket.cursor());
        service.presence.keep_position(hash, cursor, expires_at).await;
        set_type(
            &mut response,
            match data {
                Data::Text(_) => "application/json",
                Data::Binary(_) => "application/octet-stream",
            },
        );
        *response.body_mut() = Body::from(data.bytes().clone());
    }
    response
}

/// The socket of a token, opened if need be; `None` if there are too many, or the channel cannot be read.
async fn connect(service: &Service, peer: SocketAddr, hash: u128, grant: Grant) -> Option<Arc<DevSocket>> {
    if let Some(known) = service.dev_sockets.find(hash)
        && service.hub.refresh_poll(&known.socket)
    {
        return Some(known);
    }
    let kept = service.presence.position(hash);
    let position = kept.map_or_else(|| Service::start(&grant), Position::After);
    let request = OpenRequest {
        expires_at: service.hub.deadline(grant.expires_at, service.now_ms()),
        token: (grant.start, grant.issued_at),
        id: grant.client_id,
        position,
        transport: Transport::LongPoll,
        silence: Some(service.dev_silence),
        address: peer.ip(),
    };
    // No edge owns it: it has no descriptor.
    let opened = service.hub.open(request, 0).await.ok()?;
    let fresh = Arc::new(DevSocket { socket: service.hub.adopt_poll(opened), turn: Default::default() });
    let (known, superfluous) = service.dev_sockets.keep(hash, fresh, service.hub.clock.elapsed_ms());
    if let Some(superfluous) = superfluous {
        service.hub.leave_poll(&superfluous.socket);
    }
    Some(known)
}

impl DevSockets {
    fn find(&self, hash: u128) -> Option<Arc<DevSocket>> {
        match self.0.lock().clients.get(&hash) {
            Some(Client::There(known)) => Some(Arc::clone(known)),
            _ => None,
        }
    }

    /// Takes out the socket of a client that says farewell. That holds until then; a second farewell prolongs nothing.
    fn take(&self, hash: u128, until_ms: u64) -> Option<Arc<DevSocket>> {
        let mut kept = self.0.lock();
        let client = kept.clients.get_mut(&hash)?;
        let Client::There(known) = client else { return None };
        let known = Arc::clone(known);
        *client = Client::Left { until_ms };
        Some(known)
    }

    fn has_left(&self, hash: u128, now_ms: u64) -> bool {
        matches!(self.0.lock().clients.get(&hash), Some(Client::Left { until_ms }) if now_ms < *until_ms)
    }

    /// Forgets a farewell.
    fn welcome(&self, hash: u128) {
        let mut kept = self.0.lock();
        if let Some(Client::Left { .. }) = kept.clients.get(&hash) {
            kept.clients.remove(&hash);
        }
    }

    /// Keeps a socket, or hands it back beside the one that another poll has opened meanwhile.
    fn keep(
        &self,
        hash: u128,
        fresh: Arc<DevSocket>,
        now_ms: u64,
    ) -> (Arc<DevSocket>, Option<Arc<DevSocket>>) {
        let mut kept = self.0.lock();
        if let Some(Client::There(known)) = kept.clients.get(&hash)
            && !known.socket.is_closed()
        {
            return (Arc::clone(known), Some(fresh));
        }
        if kept.clients.len() >= kept.sweep_at {
            kept.clients.retain(|_, client| match client {
                Client::There(known) => !known.socket.is_closed(),
                Client::Left { until_ms } => now_ms < *until_ms,
            });
            kept.sweep_at = 2 * kept.clients.len() + 64;
        }
        kept.clients.insert(hash, Client::There(Arc::clone(&fresh)));
        (fresh, None)
    }
}

/// Tokens are secrets; none is kept.
fn hash(token: &str) -> u128 {
    let digest = digest(&SHA256, token.as_bytes());
    digest.as_ref().iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}

fn answer(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, super::NOSNIFF);
    response
}

fn refused(reason: &'static [u8]) -> Response {
    let mut response = answer(StatusCode::UNAUTHORIZED);
    response.extensions_mut().insert(ReasonPhrase::from_static(reason));
    response
}

fn set_type(response: &mut Response, kind: &'static str) {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
}
