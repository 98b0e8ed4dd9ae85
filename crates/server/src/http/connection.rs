//! One TCP connection: HTTP/1.1 until it ends or becomes a socket.

use super::{
    Outcome, Site,
    body::Body,
    connections::Place,
    error::Problem,
    flight::Flight,
    lane::{self, Rewound},
    messages,
    socket::TakeOver,
    tls::TlsStream,
};
use crate::service::Service;
use delivery::{edge::Edge, stream::Stream};
use http::{Request, Response, Version, header};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::limits;
use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// What a connection needs to answer.
pub(super) struct Connection {
    edge: Rc<Edge>,
    site: Arc<Site>,
    peer: SocketAddr,
    flight: Rc<Flight>,
    /// Where it stands among the others, so that it can be ended when it is quiet and there are too many.
    place: Place,
    /// Filled, right before [`TakenOver`] is returned, by the request that takes the connection over. That it is
    /// filled is the sign; the error's kind is not looked at.
    take_over: RefCell<Option<TakeOver>>,
}

/// The marker with which a service ends hyper's part. Hyper writes nothing for it, and all earlier answers are out.
#[derive(Debug)]
struct TakenOver;

/// After an answer that ends the connection, what the client still sends is read for so long: a reset on unread bytes
/// could take the answer from it.
const LINGER: Duration = Duration::from_secs(1);

/// And so much of it.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// What requests come on, and what an edge makes of it.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The same connection without a runtime.
    fn into_stream(self) -> io::Result<Stream>;
}

impl Connection {
    pub(super) fn new(
        edge: &Rc<Edge>,
        site: &Arc<Site>,
        flight: &Rc<Flight>,
        peer: SocketAddr,
        place: Place,
    ) -> Self {
        let (edge, site, flight) = (Rc::clone(edge), Arc::clone(site), Rc::clone(flight));
        Self { edge, site, peer, flight, place, take_over: RefCell::default() }
    }

    /// An answer that streams goes on being a request.
    fn answered(&self, response: &Response<Body>, brought: Brought) {
        if brought == Brought::Credentials && response.status().is_success() {
            self.place.trust();
        }
        if response.body().size_hint().exact().is_some() {
            self.answered_now();
        }
    }

    pub(super) fn service(&self) -> &Service {
        &self.site.service
    }

    pub(super) fn flight(&self) -> &Rc<Flight> {
        &self.flight
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// A request was answered, and none is under way.
    pub(super) fn answered_now(&self) {
        self.place.quiet(self.edge.hub().clock.elapsed_ms());
    }

    /// Answers requests until the connection ends.
    pub(super) async fn run<W: Wire>(self, stream: W) {
        let this = Rc::new(self);
        let Some(left) = lane::run(&this, stream).await else { return };
        this.place.leave_lane();
        let stream = Rewound::new(left);
        let service = Requests(Rc::clone(&this));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEAD_TIME)
            .max_buf_size(limits::HEAD_BYTES_MAX)
            // One buffer, one send: answers are small.
            .writev(false)
            .serve_connection(TokioIo::new(stream), service);
        let result = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
        let parts = connection.into_parts();
        let (stream, unread) = parts.io.into_inner().into_parts();
        let take_over = this.take_over.borrow_mut().take();
        match take_over {
            Some(take_over) => match stream.into_stream() {
                Ok(stream) => take_over.run(&this.edge, stream, &[parts.read_buf, unread].concat()),
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            },
            // What is no request was answered too.
            None if result.as_ref().err().is_none_or(hyper::Error::is_parse) => linger(stream).await,
            None => {}
        }
    }
}

pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut scratch = [0; 4096];
    let drain = async {
        let mut left = LINGER_BYTES_MAX;
        stream.shutdown().await?;
        while left > 0 {
            match stream.read(&mut scratch).await? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        io::Result::Ok(())
    };
    // Whatever went wrong: the connection is over.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

impl Wire for TcpStream {
    fn into_stream(self) -> io::Result<Stream> {
        Ok(Stream::plain(self.into_std()?))
    }
}

impl Wire for TlsStream {
    fn into_stream(self) -> io::Result<Stream> {
        let (stream, session) = self.into_parts();
        Ok(Stream::tls(stream.into_std()?, session))
    }
}

/// What a request brings to be let in, good or not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brought {
    Nothing,
    Credentials,
}

impl Brought {
    /// Only the API looks at them; elsewhere anything may stand there.
    fn by<B>(request: &Request<B>) -> Self {
        let is_there = request.headers().contains_key(header::AUTHORIZATION);
        if is_there && request.uri().path().starts_with("/v1/") { Self::Credentials } else { Self::Nothing }
    }
}

struct Requests(Rc<Connection>);

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = TakenOver;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, TakenOver>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(problem) = dubious(&request) {
            return Box::pin(std::future::ready(Ok(problem.response())));
        }
        let this = Rc::clone(&self.0);
        let Some(flying) = Flight::begin(&this.flight) else {
            return Box::pin(async { Ok(Problem::stopping()) });
        };
        this.place.busy();
        let brought = Brought::by(&request);
        if messages::is_send(&request) {
            // A future of its own: nearly all requests are sends, and all others have larger ones.
            return Box::pin(async move {
                let _flying = flying;
                let response = messages::handle(&this.site.service, request).await;
                this.answered(&response, brought);
                Ok(response)
            });
        }
        Box::pin(async move {
            let _flying = flying;
            match this.site.handle(&this.edge, this.peer, request).await {
                Outcome::Answer(response) => {
                    this.answered(&response, brought);
                    Ok(response)
                }
                Outcome::TakeOver(take_over) => {
                    *this.take_over.borrow_mut() = Some(take_over);
                    Err(TakenOver)
                }
            }
        })
    }
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

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection became a socket")
    }
}

impl std::error::Error for TakenOver {}
