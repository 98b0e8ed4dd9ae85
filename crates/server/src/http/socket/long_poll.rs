//! `Accept: application/json`: polls that wait.

use super::{
    super::{Body, json},
    grant::{Asked, Refusal},
    open::to_open,
};
use crate::service::Service;
use delivery::{edge::Edge, socket::Socket};
use http::{Request, Response, StatusCode};
use protocol::{close::CloseCode, query, socket::Transport};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Answers one poll, of a new socket or of one that was answered before.
pub(super) async fn answer<B>(
    service: &Service,
    edge: &Edge,
    peer: SocketAddr,
    request: &Request<B>,
    asked: Asked,
) -> Result<Response<Body>, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    let wait = query::wait_seconds(query)
        .map_err(|_| Refusal::new(CloseCode::BAD_REQUEST, "wait is 0 to 60 seconds."))?;
    let wait = Duration::from_secs(wait.into());
    let hub = &service.hub;
    let known = known(service, query, &asked);
    let position = asked.resumes.then_some(asked.position);
    let result = match known {
        Some(socket) => hub.poll(&socket, position, None, wait).await,
        None => {
            // Nothing is known of the client's place yet: it is told at once.
            let wait = if asked.resumes { wait } else { Duration::ZERO };
            let opened = hub.open(to_open(service, asked, Transport::LongPoll, peer), edge.index()).await?;
            let gap = opened.gap;
            let socket = hub.adopt_poll(opened);
            hub.poll(&socket, None, gap, wait).await
        }
    };
    let body = result.map_err(|_| Refusal::new(CloseCode::INTERNAL_ERROR, "The channel cannot be read."))?;
    Ok(json(StatusCode::OK, body))
}

/// The socket that `?socket=` names, if it is still there and the token's own.
fn known(service: &Service, query: &str, asked: &Asked) -> Option<Arc<Socket>> {
    let name = String::from_utf8(query::value(query, "socket")?).ok()?;
    let socket = service.hub.find(&name)?;
    (socket.transport == Transport::LongPoll && socket.channel.id == asked.grant.client_id).then_some(socket)
}
