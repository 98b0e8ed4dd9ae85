//! `Accept: application/json`: polls that wait.

use super::{
    super::{Body, json},
    grant::{self, Asked, Refusal},
    open::to_open,
};
use crate::service::Service;
use broker::error::ReadError;
use delivery::{edge::Edge, socket::Socket};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use protocol::{close::CloseCode, query, socket::Transport};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Answers the first poll of a new socket.
pub(super) async fn first(
    service: &Service,
    edge: &Edge,
    peer: SocketAddr,
    request: &Request<Incoming>,
    asked: Asked,
) -> Result<Response<Body>, Refusal> {
    let wait = wait(request)?;
    let hub = &service.hub;
    if hub.is_draining() {
        return Err(Refusal::restarting());
    }
    // Nothing is known of the client's place yet: it is told at once.
    let wait = if asked.resumes { wait } else { Duration::ZERO };
    let opened = hub.open(to_open(service, asked, Transport::LongPoll, peer), edge.index()).await?;
    let gap = opened.gap;
    let socket = hub.adopt_poll(opened);
    answer(hub.poll(&socket, None, gap, wait).await)
}

/// Answers another poll of a socket that is open. Also when the node stops: its close says when to come back.
pub(super) async fn next(
    service: &Service,
    request: &Request<Incoming>,
    socket: &Socket,
) -> Result<Response<Body>, Refusal> {
    let wait = wait(request)?;
    answer(service.hub.poll(socket, grant::place(request)?, None, wait).await)
}

fn answer(polled: Result<Vec<u8>, ReadError>) -> Result<Response<Body>, Refusal> {
    let body = polled.map_err(|_| Refusal::new(CloseCode::INTERNAL_ERROR, "The channel cannot be read."))?;
    Ok(json(StatusCode::OK, body))
}

/// The socket that `?socket=` names, if it is still there and the token's own. The name is a secret of its client.
pub(super) fn known(service: &Service, request: &Request<Incoming>) -> Option<Arc<Socket>> {
    let name = String::from_utf8(query::value(request.uri().query()?, "socket")?).ok()?;
    let socket = service.hub.find(&name)?;
    let belongs = || grant::belongs(service, request, &socket.channel.id);
    (socket.transport == Transport::LongPoll && belongs()).then_some(socket)
}

fn wait(request: &Request<Incoming>) -> Result<Duration, Refusal> {
    let seconds = query::wait_seconds(request.uri().query().unwrap_or_default());
    let seconds = seconds.map_err(|_| Refusal::new(CloseCode::BAD_REQUEST, "wait is 0 to 60 seconds."))?;
    Ok(Duration::from_secs(seconds.into()))
}
