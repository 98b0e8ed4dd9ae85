//! `Accept: application/json`: polls that wait.

use super::{
    super::{
        body::{Body, Incoming},
        error::Problem,
        json,
    },
    Cors,
    grant::{self, Asked, Refusal},
    open::to_open,
};
use crate::service::Service;
use broker::message::Position;
use delivery::{edge::Edge, hub::Hub, socket::Socket};
use http::{Request, Response, StatusCode};
use protocol::{close::CloseCode, cursor::Cursor, frame::GapReason, query, socket::Transport};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// A poll that was let in: what is left of its request while it waits.
pub(in crate::http) struct Polling {
    socket: Arc<Socket>,
    position: Option<Position>,
    gap: Option<(Cursor, GapReason)>,
    wait: Duration,
    cors: Cors,
}

impl Polling {
    /// The first poll of a new socket.
    pub(super) async fn first(
        service: &Service,
        edge: &Edge,
        peer: SocketAddr,
        request: &Request<Incoming>,
        asked: Asked,
        cors: Cors,
    ) -> Result<Self, Refusal> {
        let wait = wait(request)?;
        let hub = &service.hub;
        if hub.is_draining() {
            return Err(Refusal::restarting());
        }
        // Nothing is known of the client's place yet: it is told at once.
        let wait = if asked.resumes { wait } else { Duration::ZERO };
        let opened = hub.open(to_open(service, asked, Transport::LongPoll, peer), edge.index()).await?;
        let gap = opened.gap;
        Ok(Self { socket: hub.adopt_poll(opened), position: None, gap, wait, cors })
    }

    /// Another poll of a socket that is open. Also when the node stops: its close says when to come back.
    pub(super) fn next(
        request: &Request<Incoming>,
        socket: Arc<Socket>,
        cors: Cors,
    ) -> Result<Self, Refusal> {
        Ok(Self { socket, position: grant::place(request)?, gap: None, wait: wait(request)?, cors })
    }

    /// What it is answered with, as soon as there is something to say.
    pub(in crate::http) async fn answer(self, hub: &Hub) -> Response<Body> {
        let response = match hub.poll(&self.socket, self.position, self.gap, self.wait).await {
            Ok(body) => json(StatusCode::OK, body),
            Err(_) => Problem::closed(CloseCode::INTERNAL_ERROR, "The channel cannot be read.").response(),
        };
        self.cors.on(response)
    }
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
