//! The HTTP edge: where each call goes.
//!
//! | call | file |
//! |---|---|
//! | `POST /v1/channels/{id}/messages`, `POST /v1/messages` | `messages` (matched before the router) |
//! | `GET /v1/socket`, `POST /v1/socket/{name}`, also below `/_ah/channel/` | `socket` (matched before the router) |
//! | `/v1/channels…` | `channels` |
//! | `/v1/presence` | `presence` |
//! | `/_ah/channel/dev` | `dev_wire` |
//! | `/healthz`, `/readyz`, `/metrics` | `health` |
//! | `/openapi.json`, `/docs` | `openapi` |
//! | `/console…`, `/v1/console/…` | `console` |
//! | `/channel.js`, `/_ah/channel/jsapi`, `/downlink.mjs` | `assets` |
//! | everything else | the demo pages of `dev`, or the application behind it (`proxy`) |

mod answer;
mod assets;
mod auth;
mod body;
mod channels;
mod connection;
mod connections;
mod console;
mod dev_wire;
mod error;
mod flight;
mod general;
mod health;
mod http2;
mod lane;
mod messages;
mod named;
pub(crate) mod openapi;
mod parameters;
mod presence;
pub(crate) mod proxy;
mod socket;
mod tls;

use crate::{canary, demo, service::Service, tls::Certificates};
use axum::{
    Router,
    routing::{any, get},
};
use body::{Body, Incoming};
use connection::Connection;
use connections::Connections;
use delivery::edge::Edge;
pub(crate) use dev_wire::DevSockets;
use error::Problem;
use flight::Flight;
use http::{HeaderValue, Request, Response, StatusCode, header};
use protocol::limits;
use std::{
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::sync::watch;
use tower::Service as _;

/// All that answers requests.
pub(crate) struct Site {
    pub(crate) service: Arc<Service>,
    router: Router,
    /// With it, connections speak TLS.
    certificates: Option<Arc<Certificates>>,
}

/// What becomes of a request.
enum Outcome {
    Answer(Response<Body>),
    /// It is answered when there is something to say.
    Poll(socket::Polling),
    /// The connection is taken over: what follows on it are frames, not answers.
    TakeOver(socket::TakeOver),
}

impl Site {
    /// The site of a node: with the start page and the demos, if it is `dev`'s; in front of an application, if there
    /// is one; with what operators ask, unless that has an address of its own.
    pub(crate) fn new(
        service: Arc<Service>,
        start: Option<demo::StartInfo>,
        app: Option<proxy::App>,
        certificates: Option<Arc<Certificates>>,
        with_operators: bool,
    ) -> Arc<Self> {
        let mut router = Router::new()
            .route(
                "/v1/channels",
                get(channels::by_query).post(channels::create).delete(channels::delete_by_query),
            )
            .route(
                "/v1/channels/{*rest}",
                get(channels::by_path).delete(channels::delete_by_path).fallback(channels::not_allowed),
            )
            // A `POST` does not come here.
            .route("/v1/messages", any(|| async { Problem::method_not_allowed().allowing("POST") }))
            .route("/_ah/channel/dev", any(dev_wire::handle))
            .route("/v1/presence", get(presence::list))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .with_state(Arc::clone(&service))
            .merge(assets::router())
            .merge(if with_operators { Self::operators(&service) } else { Router::new() })
            .method_not_allowed_fallback(|| async { Problem::method_not_allowed() });
        router = match (app, start) {
            (Some(app), _) => router.fallback_service(proxy::router(app)),
            (None, Some(start)) => {
                let channels: Arc<dyn demo::Channels> = Arc::clone(&service) as _;
                router.merge(demo::router(channels, start)).fallback(|| async { Problem::not_found() })
            }
            (None, None) => router.fallback(|| async { Problem::not_found() }),
        };
        Arc::new(Self { service, router, certificates })
    }

    /// What operators and their tools ask, and the public need not see.
    fn operators(service: &Arc<Service>) -> Router {
        Router::new()
            .route("/metrics", get(health::metrics))
            .merge(console::calls())
            .with_state(Arc::clone(service))
            .merge(openapi::router())
            .merge(console::pages())
    }

    /// Everything but sends: sockets before the router, then the router.
    async fn handle(&self, edge: &Edge, peer: SocketAddr, request: Request<Incoming>) -> Outcome {
        let path = request.uri().path();
        if let Some(rest) = socket::path(path) {
            let rest = rest.to_owned();
            return socket::handle(&self.service, edge, peer, request, &rest).await;
        }
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        match self.router.clone().call(request).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                match Body::Routed(body).gathered().await {
                    Ok(body) => Outcome::Answer(Response::from_parts(head, body)),
                    Err(_) => Outcome::Answer(proxy::broken_off().response()),
                }
            }
            Err(never) => match never {},
        }
    }
}

/// Where connections come in, and what they find.
pub(crate) struct Door<L = TcpListener> {
    pub(crate) listener: L,
    pub(crate) site: Arc<Site>,
}

impl Door {
    fn open(self) -> io::Result<Door<tokio::net::TcpListener>> {
        Ok(Door { listener: tokio::net::TcpListener::from_std(self.listener)?, site: self.site })
    }
}

/// Accepts connections on one edge thread until the node stops.
pub(crate) async fn serve(edge: Rc<Edge>, doors: io::Result<Vec<Door>>, mut stopped: watch::Receiver<bool>) {
    let doors = doors.and_then(|doors| doors.into_iter().map(Door::open).collect::<io::Result<Vec<_>>>());
    let doors = match doors {
        Ok(doors) => doors,
        Err(error) => {
            tracing::error!(%error, "an edge thread cannot listen");
            return;
        }
    };
    if let Some(door) = doors.first() {
        tokio::task::spawn_local(canary::perch(Arc::clone(&door.site.service.canary), Rc::clone(&edge)));
    }
    let flight = Rc::new(Flight::default());
    let connections = Connections::new(quiet_max(&edge));
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&doors, &edge, &connections) => accepted,
            _ = looks.tick() => {
                connections.end_idle(edge.hub().clock.elapsed_ms());
                continue;
            }
            _ = stopped.changed() => break,
        };
        match accepted {
            Ok((stream, peer, site)) => {
                if let Err(why) = site.service.rates.connect(peer.ip(), edge.hub().clock.elapsed_ms()) {
                    // An answer would cost more than the connection has.
                    site.service.rates.refused(why.limit).add(1);
                    continue;
                }
                let place = connections.enter(edge.hub().clock.elapsed_ms());
                let index = place.index();
                let connection = Connection::new(&edge, site, &flight, peer, place);
                // Each in a task of its own size: the one without TLS is smaller.
                let task = match &site.certificates {
                    None => tokio::task::spawn_local(connection.run(stream)),
                    Some(certificates) => {
                        tokio::task::spawn_local(tls::run(connection, stream, certificates.current()))
                    }
                };
                connections.served_by(index, task.abort_handle());
            }
            Err(error) => {
                // Out of descriptors, most likely: those that wait are taken when others have ended.
                tracing::warn!(%error, "a connection could not be accepted");
                connections.make_room(edge.hub().clock.elapsed_ms());
                tokio::time::sleep(ACCEPT_PAUSE * 5).await;
            }
        }
    }
    drop(doors);
    edge.drain();
    flight.land().await;
}

/// How long to wait before the next try when no connection can be taken. Those that come wait in the kernel's queue, in
/// the order in which they came.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The next connection of any door, as soon as there is room for it.
async fn accept<'d>(
    doors: &'d [Door<tokio::net::TcpListener>],
    edge: &Edge,
    connections: &Connections,
) -> io::Result<(tokio::net::TcpStream, SocketAddr, &'d Arc<Site>)> {
    while !connections.has_room(edge.hub().clock.elapsed_ms()) {
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
    poll_fn(|cx| {
        for door in doors {
            if let Poll::Ready(accepted) = door.listener.poll_accept(cx) {
                return Poll::Ready(accepted.map(|(stream, peer)| (stream, peer, &door.site)));
            }
        }
        Poll::Pending
    })
    .await
}

/// How many connections of an edge may be quiet: sockets need the other descriptors.
fn quiet_max(edge: &Edge) -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let share = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)) / 4;
    (share.min(limits::QUIET_CONNECTIONS_MAX) / edge.hub().edge_count()).max(1)
}

/// A JSON answer that nobody keeps, and that no browser takes for a page.
fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// What an answer holds is what its type says: a message may look like anything.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
