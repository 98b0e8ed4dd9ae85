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
use crate::{
    follow::{Followed, RequestId},
    service::Service,
};
use delivery::{
    edge::Edge,
    entry::encode_control,
    open::{Opened, Refused, Request as OpenRequest},
    pipe::Outlet,
    stream::Stream,
};
use http::{Request, Response, StatusCode, header};
use protocol::{close::CloseCode, frame::Frame, socket::Transport};
use std::{
    net::{SocketAddr, TcpStream},
    rc::Rc,
    sync::Arc,
};

/// A connection, or a stream of one, on its way to the edge.
pub(in crate::http) struct TakeOver {
    head: Head,
    /// The socket, or nothing if `head` ends with a close frame.
    opened: Option<Opened>,
}

/// What a socket's frames follow.
enum Head {
    /// The answer to a WebSocket's handshake.
    Upgraded(Vec<u8>),
    /// An answer, in its request's name, that goes on for as long as the socket is open.
    Streams(Transport, Cors, RequestId),
}

impl TakeOver {
    /// The status of its answer.
    pub(in crate::http) fn status(&self) -> StatusCode {
        match self.head {
            Head::Upgraded(_) => StatusCode::SWITCHING_PROTOCOLS,
            Head::Streams(..) => StatusCode::OK,
        }
    }

    /// Hands the descriptor over. `unread` came behind the request.
    pub(in crate::http) fn run(self, edge: &Rc<Edge>, mut stream: Stream, unread: &[u8]) {
        let head = match self.head {
            Head::Upgraded(head) => head,
            Head::Streams(transport, cors, name) => handshake::stream(transport, &cors, &name),
        };
        match self.opened {
            Some(opened) => edge.adopt(stream, opened, &head, &mut unread.to_vec()),
            None => {
                // A refused WebSocket: told why, and closed. The answer is short and the first thing
                // that is written: it fits, unless nobody wants to know any more.
                let _ = stream.write(&head);
                stream.shutdown();
            }
        }
    }

    /// Hands a stream of HTTP/2 over: the answer's head, and where what follows comes from. `line` is the connection that it
    /// is a part of.
    pub(in crate::http) fn run_on(self, edge: &Rc<Edge>, line: &Arc<TcpStream>) -> Response<Outlet> {
        let (stream, outlet) = edge.pipe(Arc::clone(line));
        let mut response = Response::new(outlet);
        if let (Head::Streams(transport, cors, name), Some(opened)) = (self.head, self.opened) {
            *response.headers_mut() = handshake::stream_headers(transport, &cors, &name);
            edge.adopt(stream, opened, &[], &mut []);
        }
        response
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
    let name = Followed::of(request.extensions()).id();
    let head = match transport {
        Transport::WebSocket => match handshake::websocket(&request, name) {
            Some(head) => Head::Upgraded(head),
            None => return Outcome::Answer(cors.on(upgrade_refused())),
        },
        _ => Head::Streams(transport, cors.clone(), name.clone()),
    };
    if handshake::has_body(request.headers()) {
        return Outcome::Answer(cors.on(unexpected_body().response()));
    }
    let open_poll = (transport == Transport::LongPoll).then(|| long_poll::known(service, &request)).flatten();
    if let Some(socket) = open_poll.filter(|_| cors.admits(request.headers())) {
        return match Polling::next(&request, socket, cors.clone()) {
            Ok(polling) => Outcome::Poll(polling),
            Err(refusal) => refused(service, head, &refusal, &cors),
        };
    }
    let result = match admitted(service, &request, transport, peer, &cors) {
        Ok(asked) if transport == Transport::LongPoll => {
            Polling::first(service, edge, peer, &request, asked, cors.clone()).await.map(Outcome::Poll)
        }
        Ok(_) if service.hub.is_draining() => Err(Refusal::restarting()),
        Ok(asked) => match service.hub.open(to_open(service, asked, transport, peer), edge.index()).await {
            Ok(opened) => return Outcome::TakeOver(TakeOver { head, opened: Some(opened) }),
            Err(error) => Err(Refusal::from(error)),
        },
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| refused(service, head, &refusal, &cors))
}

fn admitted(
    service: &Service,
    request: &Request<Incoming>,
    transport: Transport,
    peer: SocketAddr,
    cors: &Cors,
) -> Result<Asked, Refusal> {
    if !cors.admits(request.headers()) {
        return Err(Refusal::new(CloseCode::FORBIDDEN, CloseCode::FORBIDDEN.reason()));
    }
    grant::check(service, request, transport, peer.ip())
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
fn refused(service: &Service, head: Head, refusal: &Refusal, cors: &Cors) -> Outcome {
    let problem = if refusal.invalid_cursor {
        Problem::from(protocol::cursor::InvalidCursor)
    } else {
        Problem::closed(refusal.code, &refusal.reason)
    };
    if let Head::Upgraded(mut head) = head {
        // The others are counted where answers are.
        service.counters.refusals.add(problem.code);
        let frame = Frame::Close { code: refusal.code, reason: &refusal.reason, retry_after_ms: None };
        encode_control(&mut head, Transport::WebSocket, &frame);
        return Outcome::TakeOver(TakeOver { head: Head::Upgraded(head), opened: None });
    }
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
