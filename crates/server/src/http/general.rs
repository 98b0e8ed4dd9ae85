//! The general server: hyper, for every request that is not plain, and for connections that are odd.
//!
//! It holds ten times what a connection needs while nothing happens, and so it gives most of them back behind their first
//! request: answers that are whole are written by hand, polls wait without it, and sockets are the edge's.

use super::{
    Outcome,
    body::{Body, Incoming, Taken},
    connection::Connection,
    error::Problem,
    flight::{Flight, Flying},
    lane::Open,
    messages, named,
};
use crate::follow::{Followed, Head};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Version, header};
use http_body::Body as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::limits;
use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::Instrument as _;

/// How hyper's part ended.
pub(super) enum End<S> {
    /// A request took the connection back.
    Back(Open<S>, Left),
    /// The connection is over; what is still under way on it may be worth a moment.
    Over(S),
    /// It is over, and there is nobody on it.
    Gone,
}

/// What is left to do of a request that took its connection back.
pub(super) struct Left {
    pub(super) todo: Todo,
    /// The node does not stop before it is done.
    pub(super) flying: Flying,
    /// A poll is answered in its name.
    pub(super) followed: Arc<Followed>,
}

pub(super) enum Todo {
    /// All of it is here.
    Answer(Response<Bytes>),
    Poll(super::socket::Polling),
    TakeOver(super::socket::TakeOver),
}

/// The marker with which a service ends hyper's part. Hyper writes nothing for it, and all earlier answers are out: it
/// begins no request before it has flushed them.
#[derive(Debug)]
struct TakenBack;

/// Answers requests until the connection ends, or one of them takes it back. In memory of its own, which is given back
/// with the connection.
pub(super) fn run<S>(connection: Rc<Connection>, open: Open<S>) -> Pin<Box<impl Future<Output = End<S>>>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let taken_back = Rc::default();
    let service = Requests { connection, taken_back: Rc::clone(&taken_back) };
    let stream = Rewound { unread: open.unread.into(), stream: open.stream };
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        // One buffer, one send: answers are small.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    Box::pin(async move {
        let result = poll_fn(|cx| served.poll_without_shutdown(cx)).await;
        let parts = served.into_parts();
        let Rewound { unread, stream } = parts.io.into_inner();
        match taken_back.take() {
            Some(left) => End::Back(Open { stream, unread: [parts.read_buf, unread].concat() }, left),
            // What is no request was answered too.
            None if result.as_ref().err().is_none_or(hyper::Error::is_parse) => End::Over(stream),
            None => End::Gone,
        }
    })
}

/// What a request brings to be let in, good or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    Nothing,
    Credentials,
}

impl Brought {
    /// Only the API looks at them; elsewhere anything may stand there.
    pub(super) fn by<B>(request: &Request<B>) -> Self {
        let is_there = request.headers().contains_key(header::AUTHORIZATION);
        if is_there && request.uri().path().starts_with("/v1/") { Self::Credentials } else { Self::Nothing }
    }
}

/// Answers the requests of a connection.
struct Requests {
    connection: Rc<Connection>,
    /// Filled, right before [`TakenBack`] is returned, by the request that takes the connection back. That it is
    /// filled is the sign; the error's kind is not looked at.
    taken_back: Rc<RefCell<Option<Left>>>,
}

/// A request while it is answered.
struct Asked {
    followed: Arc<Followed>,
    connection: Rc<Connection>,
    taken_back: Rc<RefCell<Option<Left>>>,
    flying: Flying,
    brought: Brought,
    /// Its body, if the answer may be written by hand once all of that has been read.
    body: Option<Taken>,
}

impl hyper::service::Service<Request<hyper::body::Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = TakenBack;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, TakenBack>>>>;

    fn call(&self, request: Request<hyper::body::Incoming>) -> Self::Future {
        let service = self.connection.service();
        let followed = service.following.begin_always(&Head::of(&request));
        let refuse = |mut response| -> Self::Future {
            named::finish(service, &followed, &mut response);
            Box::pin(std::future::ready(Ok(response)))
        };
        if let Some(problem) = dubious(&request) {
            return refuse(problem.response());
        }
        let Some(flying) = Flight::begin(self.connection.flight()) else {
            return refuse(Problem::stopping());
        };
        self.connection.place().busy();
        let mut request = request.map(Incoming::new);
        request.extensions_mut().insert(Arc::clone(&followed));
        // Whatever is logged on behalf of this request has its name, at any level.
        let span = tracing::error_span!("request", id = %followed.id());
        let asked = Asked {
            followed,
            connection: Rc::clone(&self.connection),
            taken_back: Rc::clone(&self.taken_back),
            flying,
            brought: Brought::by(&request),
            body: is_usual(&request).then(|| request.body().taken()),
        };
        if messages::is_send(&request) {
            // A future of its own: nearly all requests are sends, and all others have larger ones.
            let answer = async move {
                let response = messages::handle(asked.connection.service(), request).await;
                asked.answer(response)
            };
            return Box::pin(answer.instrument(span));
        }
        let answer = async move {
            match asked.connection.handle(request).await {
                Outcome::Answer(response) => asked.answer(response),
                Outcome::Poll(polling) if asked.body.is_some() => asked.take_back(Todo::Poll(polling)),
                Outcome::Poll(polling) => {
                    let response = polling.answer(&asked.connection.service().hub).await;
                    asked.answer(response)
                }
                Outcome::TakeOver(take_over) => {
                    asked.followed.answered(take_over.status());
                    asked.take_back(Todo::TakeOver(take_over))
                }
            }
        };
        Box::pin(answer.instrument(span))
    }
}

impl Asked {
    /// Takes the connection back for an answer that is whole; any other is hyper's.
    fn answer(self, mut response: Response<Body>) -> Result<Response<Body>, TakenBack> {
        named::finish(self.connection.service(), &self.followed, &mut response);
        if self.brought == Brought::Credentials && response.status().is_success() {
            self.connection.place().trust();
        }
        // An answer that streams goes on being a request.
        if response.body().size_hint().exact().is_some() {
            self.connection.answered_now();
        }
        let is_whole =
            matches!(response.body(), Body::Full(_)) && self.body.as_ref().is_some_and(Taken::is_whole);
        if is_whole { self.take_back(Todo::Answer(response.map(Body::into_bytes))) } else { Ok(response) }
    }

    fn take_back(self, todo: Todo) -> Result<Response<Body>, TakenBack> {
        *self.taken_back.borrow_mut() = Some(Left { todo, flying: self.flying, followed: self.followed });
        Err(TakenBack)
    }
}

/// Whether nothing about a request bears on how its answer is written, or on what becomes of its connection.
fn is_usual<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let keeps_alive = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    request.version() == Version::HTTP_11
        && request.method() != Method::HEAD
        && request.method() != Method::CONNECT
        && headers.get_all(header::CONNECTION).iter().all(keeps_alive)
        && !headers.contains_key(header::EXPECT)
        // With a length beside it, the connection must end (RFC 9112, 6.1), and hyper has taken the length away.
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// What somebody on the way may read otherwise than this server, so that one request could be two, or another's.
fn dubious<B>(request: &Request<B>) -> Option<Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    // RFC 9112, 3.2.
    if (hosts.next().is_none() && request.version() >= Version::HTTP_11) || hosts.next().is_some() {
        return Some(Problem::bad_host());
    }
    // RFC 9112, 6.1. Hyper looks at the last coding only.
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => None,
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some(Problem::unknown_coding()),
    }
}

impl fmt::Display for TakenBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request took the connection back")
    }
}

impl std::error::Error for TakenBack {}

/// A stream whose first bytes have been read already.
struct Rewound<S> {
    unread: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.unread.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        let count = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread.split_to(count));
        if this.unread.is_empty() {
            // Its memory is not kept for as long as the connection lives.
            this.unread = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
