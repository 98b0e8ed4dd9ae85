//! A connection that speaks HTTP/2: many requests at once, and sockets that share it.
//!
//! Hyper serves it, and keeps the descriptor: a request that becomes a socket is a stream whose bytes its edge writes into a
//! pipe ([`delivery::pipe`]). What nobody takes there is bounded for each stream, and so is all else that a peer can make
//! grow. WebSockets are asked for on connections of HTTP/1.1.

mod outgoing;
mod streams;

use super::{
    Outcome,
    body::{Body, Incoming},
    connection::{Connection, linger},
    error::Problem,
    flight::Flight,
    general::Brought,
    messages, named,
    tls::TlsStream,
};
use crate::follow::{Followed, Head};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::server::conn::http2;
use hyper_util::rt::TokioIo;
use outgoing::Outgoing;
use protocol::limits;
use std::{
    convert::Infallible,
    future::Future,
    net::TcpStream,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
};
use streams::{Counted, Over, Streams};
use tracing::Instrument as _;

/// Answers requests and carries sockets until the connection ends.
pub(super) async fn run(connection: Connection, stream: TlsStream) {
    let line = match stream.line() {
        Ok(line) => Arc::new(line),
        Err(error) => return tracing::warn!(%error, "a connection of HTTP/2 could not be served"),
    };
    let parting = Flight::accompany(connection.flight());
    connection.place().in_lane(false);
    let streams = Streams::new(Rc::new(connection));
    let requests = Requests { streams: Rc::clone(&streams), line: Arc::clone(&line) };
    let mut served = pin!(builder().serve_connection(TokioIo::new(stream), requests));
    let over = tokio::select! {
        ended = &mut served => {
            drop(parting);
            // Who broke a rule is told which: what it had sent more and nobody read must not take the farewell from it.
            if ended.is_err() {
                part(&line).await;
            }
            return;
        }
        over = streams.over(limits::HEAD_TIME) => over,
        () = streams.connection().flight().stops() => Over::Idle,
    };
    if over == Over::Stuck {
        tracing::debug!("an answer over HTTP/2 was not taken; its connection is cut off");
        return;
    }
    // A request that is on its way already is answered all the same; whoever sends one later learns that nobody saw it.
    served.as_mut().graceful_shutdown();
    tokio::select! {
        _ = &mut served => {}
        _ = streams.over(limits::PARTING_TIME) => return,
    }
    drop(parting);
    part(&line).await;
}

/// Ends the connection behind what was said on it.
async fn part(line: &TcpStream) {
    let rest = line.try_clone().and_then(tokio::net::TcpStream::from_std);
    if let Ok(rest) = rest {
        linger(rest).await;
    }
}

fn builder() -> http2::Builder<OnThisThread> {
    let mut builder = http2::Builder::new(OnThisThread);
    builder
        .max_concurrent_streams(limits::HTTP2_STREAMS_MAX)
        .max_header_list_size(limits::HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(limits::HTTP2_REQUEST_WINDOW_BYTES)
        .initial_connection_window_size(limits::HTTP2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(limits::HTTP2_UNSENT_BYTES_MAX)
        .max_pending_accept_reset_streams(limits::HTTP2_EARLY_RESETS_MAX)
        .max_local_error_reset_streams(limits::HTTP2_REFUSALS_MAX);
    builder
}

/// Requests are answered by the thread that has their connection.
#[derive(Clone)]
struct OnThisThread;

impl<F: Future + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, request: F) {
        tokio::task::spawn_local(async move {
            request.await;
        });
    }
}

/// Answers the requests of a connection.
struct Requests {
    streams: Rc<Streams>,
    line: Arc<TcpStream>,
}

impl hyper::service::Service<Request<hyper::body::Incoming>> for Requests {
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Outgoing>, Infallible>>>>;

    fn call(&self, request: Request<hyper::body::Incoming>) -> Self::Future {
        let (counted, line) = (Streams::begin(&self.streams), Arc::clone(&self.line));
        let request = request.map(Incoming::new);
        let followed = counted.connection().service().following.begin_always(&Head::of(&request));
        // As in `general`: whatever is logged on behalf of this request has its name.
        let span = tracing::error_span!("request", id = %followed.id());
        let answered = async move { Ok(answer(counted, &line, request, &followed).await) };
        Box::pin(answered.instrument(span))
    }
}

/// Answers one request.
async fn answer(
    counted: Counted,
    line: &Arc<TcpStream>,
    request: Request<Incoming>,
    followed: &Arc<Followed>,
) -> Response<Outgoing> {
    let connection = Rc::clone(counted.connection());
    let named = |mut response: Response<Body>| {
        named::finish(connection.service(), followed, &mut response);
        response
    };
    let mut request = match usual(request) {
        Ok(request) => request,
        Err(problem) => return named(problem.response()).map(|body| Outgoing::answer(body, counted, None)),
    };
    let Some(flying) = Flight::begin(connection.flight()) else {
        return named(Problem::stopping()).map(|body| Outgoing::answer(body, counted, None));
    };
    request.extensions_mut().insert(Arc::clone(followed));
    let (brought, is_head) = (Brought::by(&request), request.method() == Method::HEAD);
    let response = if messages::is_send(&request) {
        messages::handle(connection.service(), request).await
    } else {
        match connection.handle(request).await {
            Outcome::Answer(response) => response,
            Outcome::Poll(polling) => polling.answer(&connection.service().hub).await,
            Outcome::TakeOver(take_over) => {
                followed.answered(take_over.status());
                let response = take_over.run_on(connection.edge(), line);
                return response.map(|outlet| Outgoing::socket(outlet, counted));
            }
        }
    };
    if brought == Brought::Credentials && response.status().is_success() {
        connection.place().trust();
    }
    let mut response = named(response).map(|body| Outgoing::answer(body, counted, Some(flying)));
    // What an answer says of its connection has no meaning here (RFC 9113, 8.2.2).
    response.headers_mut().remove(header::CONNECTION);
    response.headers_mut().remove(header::UPGRADE);
    if is_head { without_body(response) } else { response }
}

/// A request as those of HTTP/1.1 are, whose host stands in a header. What somebody on the way may read otherwise is
/// refused.
fn usual(mut request: Request<Incoming>) -> Result<Request<Incoming>, Problem> {
    // A tunnel to somewhere (RFC 9113, 8.5).
    if request.method() == Method::CONNECT {
        return Err(Problem::method_not_allowed());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    // RFC 9113, 8.3.1.
    match (authority, first) {
        (Some(authority), None) if !authority.contains('@') => {
            let host = HeaderValue::from_str(authority).map_err(|_| Problem::bad_host())?;
            request.headers_mut().insert(header::HOST, host);
            Ok(request)
        }
        (None, Some(_)) if second.is_none() => Ok(request),
        (Some(authority), Some(host)) if second.is_none() && host == authority => Ok(request),
        _ => Err(Problem::bad_host()),
    }
}

/// The answer to a `HEAD`: hyper leaves bodies out by itself in HTTP/1.1 only.
fn without_body(mut response: Response<Outgoing>) -> Response<Outgoing> {
    use http_body::Body as _;
    if let Some(length) = response.body().size_hint().exact()
        && response.status() != StatusCode::NO_CONTENT
    {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    response.map(Outgoing::emptied)
}
