//! One TCP connection: HTTP/1.1 until it ends or becomes a socket.

use super::{
    Outcome, Site,
    answer::{self, Goes},
    body::{Body, Incoming},
    connections::Place,
    flight::Flight,
    general::{self, End, Todo},
    lane::{self, Open},
    named,
    socket::{Polling, TakeOver},
    tls::TlsStream,
};
use crate::{follow::Followed, service::Service};
use bytes::Bytes;
use delivery::{edge::Edge, stream::Stream};
use http::{Request, Response};
use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
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
}

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
        site.service.counters.connections_open.add(1);
        site.service.counters.connections_opened.add(1);
        Self { edge, site, peer, flight, place }
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

    pub(super) fn edge(&self) -> &Rc<Edge> {
        &self.edge
    }

    /// Everything but sends.
    pub(super) async fn handle(&self, request: Request<Incoming>) -> Outcome {
        let outcome = self.site.handle(&self.edge, self.peer, request).await;
        if matches!(outcome, Outcome::Poll(_)) {
            // Its token is good. Where thousands come back at once, the next poll may take its client a while.
            self.place.trust();
        }
        outcome
    }

    /// Answers requests until the connection ends or becomes a socket. A connection is idle most of the time, so that
    /// what is large is not part of this future.
    pub(super) async fn run<W: Wire>(self, stream: W) {
        let this = Rc::new(self);
        let mut open = Open { stream, unread: Vec::new() };
        loop {
            let Some(other) = lane::run(&this, open).await else { return };
            this.place.in_lane(false);
            let (mut back, left) = match general::run(Rc::clone(&this), other).await {
                End::Back(open, left) => (open, left),
                End::Over(stream) => return linger(stream).await,
                End::Gone => return,
            };
            let response = match left.todo {
                Todo::Answer(response) => response,
                Todo::Poll(polling) => match this.wait(&mut back, polling, &left.followed).await {
                    Some(response) => response,
                    None => return,
                },
                Todo::TakeOver(take_over) => return this.hand_over(back, take_over),
            };
            drop(left.flying);
            let Some(back) = this.answer(back, response).await else { return };
            this.place.in_lane(true);
            open = back;
        }
    }

    /// Waits until there is something to say to a poll; `None` if its client has gone.
    fn wait<'a, W: Wire>(
        &'a self,
        open: &'a mut Open<W>,
        polling: Polling,
        followed: &'a Followed,
    ) -> Pin<Box<impl Future<Output = Option<Response<Bytes>>> + 'a>> {
        Box::pin(async move {
            let answer = pin!(polling.answer(&self.service().hub));
            let mut response = lane::while_there(open, answer).await?;
            self.answered_now();
            named::finish(self.service(), followed, &mut response);
            Some(response.map(Body::into_bytes))
        })
    }

    /// Writes an answer; the connection, if it stays.
    fn answer<W: Wire>(
        &self,
        mut open: Open<W>,
        response: Response<Bytes>,
    ) -> Pin<Box<impl Future<Output = Option<Open<W>>>>> {
        Box::pin(async move {
            match answer::write(&mut open.stream, response, self.service().now_ms()).await {
                Ok(Goes::On) => Some(open),
                Ok(Goes::Away) => {
                    linger(open.stream).await;
                    None
                }
                Err(_) => None,
            }
        })
    }

    /// Makes a socket of the connection.
    fn hand_over<W: Wire>(&self, open: Open<W>, take_over: TakeOver) {
        match open.stream.into_stream() {
            Ok(stream) => take_over.run(&self.edge, stream, &open.unread),
            Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.service().counters.connections_open.subtract(1);
    }
}

/// Ends a connection behind an answer. Rare, and so in memory of its own.
pub(super) fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> Pin<Box<impl Future<Output = ()>>> {
    Box::pin(async move {
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
    })
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
