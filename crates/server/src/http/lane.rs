//! The fast lane: where a connection begins, and stays for as long as it brings plain sends.
//!
//! A request is read in one go and answered in one go, from and to buffers that all connections of a thread share. The first
//! request that is anything else goes to the general server, with the connection and all its bytes, for good. Nothing is
//! refused here but a body that does not come in time: the rest is the general server's business, and that of
//! [`Connections`](super::connections), which end those that are idle.

use super::{
    Body,
    connection::{Connection, linger},
    error::Problem,
    flight::{Flight, Flying},
    messages::plain::{Look, Plain, look},
};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use protocol::limits;
use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, Write as _},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, timeout_at},
};

/// What one read takes: more than the largest plain send.
const SCRATCH_BYTES: usize = 64 * 1024;

const INFALLIBLE: &str = "writing to a vector does not fail";

thread_local! {
    /// Bytes are read into this, and looked at before anybody else reads.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
    /// Answers are built in this, and written before anybody else builds one.
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// A second since 1970, and its text for the header `date`.
    static DATE: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// A connection that has left the lane, and what it brought that nobody has answered.
pub(super) struct Left<S> {
    pub(super) stream: S,
    pub(super) unread: Bytes,
}

/// What a connection in the lane does next.
enum Next {
    /// Something may have kept the node from stopping while the body came.
    Sends(Plain, Option<Flying>),
    Leaves,
    /// Its body did not come in time.
    TooSlow,
    Ends,
}

/// Answers plain sends until the connection brings something else; `None` if it ended before.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &Connection,
    mut stream: S,
) -> Option<Left<S>> {
    let mut unread = Vec::new();
    loop {
        match next(connection, &mut stream, &mut unread).await {
            Ok(Next::Sends(plain, flying)) => match answer(connection, &mut stream, plain, flying).await {
                Ok(Goes::On) => {}
                Ok(Goes::Away) => {
                    linger(stream).await;
                    return None;
                }
                Err(_) => return None,
            },
            Ok(Next::TooSlow) => {
                ANSWER.with_borrow_mut(|out| {
                    out.clear();
                    write_problem(out, Problem::body_too_slow(), connection.service().now_ms());
                });
                // Whether it arrives or not: the connection is over.
                let _ = write_answer(&mut stream).await;
                linger(stream).await;
                return None;
            }
            Ok(Next::Leaves) => return Some(Left { stream, unread: unread.into() }),
            Ok(Next::Ends) | Err(_) => return None,
        }
    }
}

/// Waits for the next request; what came behind it stays in `unread`.
async fn next<S: AsyncRead + Unpin>(
    connection: &Connection,
    stream: &mut S,
    unread: &mut Vec<u8>,
) -> io::Result<Next> {
    let mut deadline = None;
    // A request whose body is on its way is under way: a node that stops waits for it.
    let mut flying = None;
    let mut looked = (!unread.is_empty()).then(|| take(connection, false, unread));
    loop {
        match looked {
            Some(Look::Send(plain)) => return Ok(Next::Sends(plain, flying)),
            Some(Look::Other) => return Ok(Next::Leaves),
            Some(Look::Part) => {
                connection.place().busy();
                flying = flying.or_else(|| Flight::begin(connection.flight()));
                deadline.get_or_insert_with(|| Instant::now() + limits::BODY_TIME);
            }
            None => {}
        }
        let reading = poll_fn(|cx| poll_read(connection, flying.is_some(), stream, unread, cx));
        looked = match deadline {
            None => reading.await?,
            Some(deadline) => match timeout_at(deadline, reading).await {
                Ok(read) => read?,
                Err(_) => return Ok(Next::TooSlow),
            },
        };
        if looked.is_none() {
            // The client has ended its side.
            return Ok(if unread.is_empty() { Next::Ends } else { Next::Leaves });
        }
    }
}

/// Reads once, and looks at all that nobody has answered; `None` at the end.
fn poll_read<S: AsyncRead + Unpin>(
    connection: &Connection,
    is_under_way: bool,
    stream: &mut S,
    unread: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Option<Look>>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if !unread.is_empty() {
            unread.extend_from_slice(bytes);
            return Poll::Ready(Ok(Some(take(connection, is_under_way, unread))));
        }
        let looked = look_at(connection, is_under_way, bytes);
        let used = if let Look::Send(plain) = &looked { plain.length } else { 0 };
        unread.extend_from_slice(&bytes[used..]);
        Poll::Ready(Ok(Some(looked)))
    })
}

/// Looks at what came before, and takes a plain send from it.
fn take(connection: &Connection, is_under_way: bool, unread: &mut Vec<u8>) -> Look {
    let looked = look_at(connection, is_under_way, unread);
    if let Look::Send(plain) = &looked {
        // A buffer that is not needed is not kept: most connections wait most of the time.
        *unread = unread.split_off(plain.length);
    }
    looked
}

/// A node that stops answers nothing here any more but what is under way.
fn look_at(connection: &Connection, is_under_way: bool, bytes: &[u8]) -> Look {
    if connection.flight().is_stopping() && !is_under_way {
        Look::Other
    } else {
        look(connection.service(), bytes)
    }
}

/// Whether a connection stays after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    Away,
}

/// Sends, and answers.
async fn answer<S: AsyncWrite + Unpin>(
    connection: &Connection,
    stream: &mut S,
    plain: Plain,
    flying: Option<Flying>,
) -> io::Result<Goes> {
    let flying = flying.or_else(|| Flight::begin(connection.flight()));
    connection.place().busy();
    let sent = plain.send(connection.service()).await;
    let now_ms = connection.service().now_ms();
    let goes = ANSWER.with_borrow_mut(|out| {
        out.clear();
        match sent {
            Ok((status, body)) => write_success(out, status, &body, now_ms),
            Err(error) => write_problem(out, Problem::from(error), now_ms),
        }
    });
    drop(flying);
    connection.place().trust();
    connection.answered_now();
    write_answer(stream).await?;
    Ok(goes)
}

/// Writes what was just built.
async fn write_answer<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    let rest = poll_fn(|cx| {
        ANSWER.with_borrow(|out| {
            let written = match Pin::new(&mut *stream).poll_write(cx, out) {
                Poll::Ready(written) => written?,
                // By the time there is room, others have built theirs.
                Poll::Pending => 0,
            };
            Poll::Ready(io::Result::Ok(out[written..].to_vec()))
        })
    });
    let rest = rest.await?;
    stream.write_all(&rest).await?;
    stream.flush().await
}

/// The answer that nearly all sends get.
fn write_success(out: &mut Vec<u8>, status: StatusCode, body: &[u8], now_ms: u64) -> Goes {
    let length = body.len();
    out.extend_from_slice(if status == StatusCode::CREATED {
        b"HTTP/1.1 201 Created\r\n"
    } else {
        b"HTTP/1.1 202 Accepted\r\n"
    });
    out.extend_from_slice(
        b"content-type: application/json\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n",
    );
    write!(out, "content-length: {length}\r\n").expect(INFALLIBLE);
    write_date(out, now_ms);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    Goes::On
}

/// A refusal by the broker, as the general server writes it.
fn write_problem(out: &mut Vec<u8>, problem: Problem, now_ms: u64) -> Goes {
    let response: Response<Body> = problem.response();
    let status = response.status();
    write!(out, "HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default())
        .expect(INFALLIBLE);
    for (name, value) in response.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let closes = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
    let body = match response.into_body() {
        Body::Full(bytes) => bytes.unwrap_or_default(),
        Body::Routed(_) => Bytes::new(),
    };
    write!(out, "content-length: {}\r\n", body.len()).expect(INFALLIBLE);
    write_date(out, now_ms);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    if closes { Goes::Away } else { Goes::On }
}

/// RFC 9110, 6.6.1. The text is made once a second.
fn write_date(out: &mut Vec<u8>, now_ms: u64) {
    DATE.with_borrow_mut(|(second, text)| {
        let now = now_ms / 1000;
        if *second != now || text.is_empty() {
            *second = now;
            *text = format!("date: {}\r\n", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now)));
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// A stream whose first bytes have been read already.
pub(super) struct Rewound<S> {
    unread: Bytes,
    stream: S,
}

impl<S> Rewound<S> {
    pub(super) fn new(left: Left<S>) -> Self {
        Self { unread: left.unread, stream: left.stream }
    }

    /// The stream, and those of the bytes that nobody has read since.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.unread)
    }
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
