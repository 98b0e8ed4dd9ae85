//! Opening: what is asked, whether it is granted, and the descriptor's way to the edge.

use super::{
    super::{
        Outcome,
        body::{Body, Incoming},
        error::Problem,
    },
    Cors,
    grant::{self, Asked, Refusal},
    handshake,
    long_poll::{self, Polling},
};
use crate::service::Service;
use delivery::{
    edge::Edge,
    entry::encode_control,
    open::{Opened, Refused, Request as OpenRequest},
    stream::Stream,
};
use http::{Request, Response, StatusCode, header};
use protocol::{close::CloseCode, frame::Frame, socket::Transport};
use std::{net::SocketAddr, rc::Rc};

/// A connection on its way from hyper to the edge.
pub(in crate::http) struct TakeOver {
    head: Vec<u8>,
    /// The socket, or nothing if `head` ends with a close frame.
    opened: Option<Opened>,
}

impl TakeOver {
    /// Hands the descriptor over. `unread` came behind the request.
    pub(in crate::http) fn run(self, edge: &Rc<Edge>, mut stream: Stream, unread: &[u8]) {
        match self.opened {
            Some(opened) => edge.adopt(stream, opened, &self.head, &mut unread.to_vec()),
            None => {
                // A refused WebSocket: told why, and closed. The answer is short and the first thing
                // that is written: it fits, unless nobody wants to know any more.
                let _ = stream.write(&self.head);
                stream.shutdown();
            }
        }
    }
}

/// `GET /v1/socket`.
pub(super) async fn open(
    service: &Service,
    edge: &Edge,
    peer: SocketAddr,
    request: Request<Incoming>,
    cors: Cors,
) -> Outcome {
    let transport = grant::transport(request.headers());
    let head = match transport {
        Transport::WebSocket => match handshake::websocket(&request) {
            Some(head) => head,
            None => return Outcome::Answer(cors.on(upgrade_refused())),
        },
        Transport::Sse | Transport::Lines => handshake::stream(transport, &cors),
        Transport::LongPoll => Vec::new(),
    };
    if handshake::has_body(request.headers()) {
        return Outcome::Answer(cors.on(unexpected_body().response()));
    }
    let open_poll = (transport == Transport::LongPoll).then(|| long_poll::known(service, &request)).flatten();
    if let Some(socket) = open_poll.filter(|_| cors.admits(request.headers())) {
        return match Polling::next(&request, socket, cors.clone()) {
            Ok(polling) => Outcome::Poll(polling),
            Err(refusal) => refused(transport, head, &refusal, &cors),
        };
    }
    let result = match admitted(service, &request, transport, &cors) {
        Ok(asked) if transport == Transport::LongPoll => {
            Polling::first(service, edge, peer, &request, asked, cors.clone()).await.map(Outcome::Poll)
        }
        Ok(_) if service.hub.is_draining() => Err(Refusal::restarting()),
        Ok(asked) => {
            let opened = service.hub.open(to_open(service, asked, transport, peer), edge.index()).await;
            opened
                .map_err(Refusal::from)
                .map(|opened| Outcome::TakeOver(TakeOver { head: head.clone(), opened: Some(opened) }))
        }
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| refused(transport, head, &refusal, &cors))
}

fn admitted(
    service: &Service,
    request: &Request<Incoming>,
    transport: Transport,
    cors: &Cors,
) -> Result<Asked, Refusal> {
    if !cors.admits(request.headers()) {
        return Err(Refusal::new(CloseCode::FORBIDDEN, CloseCode::FORBIDDEN.reason()));
    }
    grant::check(service, request, transport)
}

/// The hub's form of what was asked.
pub(super) fn to_open(
    service: &Service,
    asked: Asked,
    transport: Transport,
    peer: SocketAddr,
) -> OpenRequest {
    OpenRequest {
        expires_at: service.hub.deadline(asked.grant.expires_at, service.now_ms()),
        token: (asked.grant.start, asked.grant.issued_at),
        id: asked.grant.client_id,
        position: asked.position,
        silence: None,
        transport,
        address: peer.ip(),
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Refusal::new(refused.code, refused.reason)
    }
}

/// A browser cannot see the status of a refused WebSocket, so it is opened, told why in a frame, and closed.
fn refused(transport: Transport, mut head: Vec<u8>, refusal: &Refusal, cors: &Cors) -> Outcome {
    if transport == Transport::WebSocket {
        let frame = Frame::Close { code: refusal.code, reason: &refusal.reason, retry_after_ms: None };
        encode_control(&mut head, transport, &frame);
        return Outcome::TakeOver(TakeOver { head, opened: None });
    }
    let problem = if refusal.invalid_cursor {
        Problem::from(protocol::cursor::InvalidCursor)
    } else {
        Problem::closed(refusal.code, &refusal.reason)
    };
    Outcome::Answer(cors.on(problem.response()))
}

pub(in crate::http) fn unexpected_body() -> Problem {
    Problem::bad_request("unexpected_body", "A request that opens a socket has no body.")
}

pub(in crate::http) fn not_a_websocket() -> Problem {
    let detail = "Not a WebSocket handshake of version 13 (RFC 6455, 4.2.1).";
    Problem::new(StatusCode::UPGRADE_REQUIRED, "not_a_websocket", detail)
}

fn upgrade_refused() -> Response<Body> {
    let mut response = not_a_websocket().response();
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_VERSION, http::HeaderValue::from_static("13"));
    headers.insert(header::UPGRADE, http::HeaderValue::from_static("websocket"));
    response
}
