//! The fast lane: where a connection begins, and stays for as long as it brings plain sends.
//!
//! A request is read in one go and answered in one go, from and to buffers that all connections of a thread share. A
//! request that is anything else goes to the general server, with the connection and all its bytes; most connections
//! come back behind its answer. Nothing is refused here but a body that does not come in time: the rest is the general
//! server's business, and that of [`Connections`](super::connections), which end those that are idle.

use super::{
    answer::{self, Goes},
    body::Body,
    connection::{Connection, linger},
    error::Problem,
    flight::{Flight, Flying},
    messages::plain::{Look, Plain, look},
    named,
};
use crate::{
    follow::{Followed, Head},
    service::Service,
};
use protocol::limits;
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, timeout_at},
};

/// What one read takes: more than the largest plain send.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    /// Bytes are read into this, and looked at before anybody else reads.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// A connection between two requests, and what it has brought that nobody has answered.
pub(super) struct Open<S> {
    pub(super) stream: S,
    pub(super) unread: Vec<u8>,
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
    open: Open<S>,
) -> Option<Open<S>> {
    let Open { mut stream, mut unread } = open;
    loop {
        match next(connection, &mut stream, &mut unread).await {
            Ok(Next::Sends(plain, flying)) => match send(connection, &mut stream, plain, flying).await {
                Ok(Goes::On) => {}
                Ok(Goes::Away) => {
                    linger(stream).await;
                    return None;
                }
                Err(_) => return None,
            },
            Ok(Next::TooSlow) => {
                // Whether it arrives or not: the connection is over.
                let _ = refuse(connection.service(), &mut stream, Problem::body_too_slow(), None).await;
                linger(stream).await;
                return None;
            }
            Ok(Next::Leaves) => return Some(Open { stream, unread }),
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

/// Sends, and answers.
async fn send<S: AsyncWrite + Unpin>(
    connection: &Connection,
    stream: &mut S,
    plain: Plain,
    flying: Option<Flying>,
) -> io::Result<Goes> {
    let flying = flying.or_else(|| Flight::begin(connection.flight()));
    connection.place().busy();
    let service = connection.service();
    let began = service.now_us();
    let followed = plain.followed.clone();
    let sent = plain.send(service, began).await;
    let now_ms = service.sent_since(began) / 1000;
    drop(flying);
    connection.place().trust();
    connection.answered_now();
    match sent {
        Ok((status, body)) => {
            if let Some(followed) = &followed {
                followed.answered(status);
            }
            let id = followed.as_deref().map(Followed::id);
            answer::write_sent(stream, (status, body.as_slice()), id, now_ms).await.map(|()| Goes::On)
        }
        Err(error) => refuse(service, stream, Problem::from(error), followed).await,
    }
}

/// Refuses a send. It gets a name now, if it has none, so that it can be spoken of.
fn refuse<'a, S: AsyncWrite + Unpin>(
    service: &'a Service,
    stream: &'a mut S,
    problem: Problem,
    followed: Option<Arc<Followed>>,
) -> Pin<Box<impl Future<Output = io::Result<Goes>> + 'a>> {
    Box::pin(async move {
        let followed = followed.unwrap_or_else(|| service.following.begin_always(&Head::default()));
        let mut response = problem.response();
        named::finish(service, &followed, &mut response);
        answer::write(stream, response.map(Body::into_bytes), service.now_ms()).await
    })
}

/// Waits for what is to be answered, for as long as the client is there; `None` once it is gone. What it says
/// meanwhile stays in `unread`.
pub(super) async fn while_there<S: AsyncRead + Unpin, T>(
    open: &mut Open<S>,
    mut answer: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        // More than a head is not taken in before somebody reads it.
        while open.unread.len() < limits::HEAD_BYTES_MAX {
            let count = SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(&mut scratch[..limits::HEAD_BYTES_MAX]);
                ready!(Pin::new(&mut open.stream).poll_read(cx, &mut buffer))?;
                open.unread.extend_from_slice(buffer.filled());
                Poll::Ready(io::Result::Ok(buffer.filled().len()))
            });
            match ready!(count) {
                Ok(0) | Err(_) => return Poll::Ready(None),
                Ok(_) => {}
            }
        }
        Poll::Pending
    })
    .await
}
