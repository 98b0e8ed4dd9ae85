//! Answers written by hand, to the connection itself: what the general server spends on an answer is more than most of
//! them are worth.

use crate::follow::RequestId;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::ext::ReasonPhrase;
use protocol::limits;
use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, Write as _},
    pin::Pin,
    task::Poll,
    time::{Duration, UNIX_EPOCH},
};
use tokio::io::{AsyncWrite, AsyncWriteExt};

const INFALLIBLE: &str = "writing to a vector does not fail";

/// A buffer that has grown beyond this is not kept for the next answer.
const KEPT_BYTES_MAX: usize = limits::HEAD_BYTES_MAX;

thread_local! {
    /// Answers are built in this, and written before anybody else builds one.
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// A second since 1970, and its text for the header `date`.
    static DATE: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// Whether a connection stays after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goes {
    On,
    Away,
}

/// Writes the answer to a send: nearly all are this one.
pub(super) async fn write_sent<S: AsyncWrite + Unpin>(
    stream: &mut S,
    (status, body): (StatusCode, &[u8]),
    name: Option<&RequestId>,
    now_ms: u64,
) -> io::Result<()> {
    build(|out| {
        out.extend_from_slice(if status == StatusCode::CREATED {
            b"HTTP/1.1 201 Created\r\n"
        } else {
            b"HTTP/1.1 202 Accepted\r\n"
        });
        out.extend_from_slice(
            b"content-type: application/json\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n",
        );
        write!(out, "content-length: {}\r\n", body.len()).expect(INFALLIBLE);
        push_date(out, now_ms);
        if let Some(name) = name {
            write!(out, "x-request-id: {name}\r\n").expect(INFALLIBLE);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    });
    write_built(stream).await
}

/// Writes an answer to a request in HTTP/1.1 that was no `HEAD`.
pub(super) async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    response: Response<Bytes>,
    now_ms: u64,
) -> io::Result<Goes> {
    let (status, headers, body) = (response.status(), response.headers(), response.body());
    // The development wire has its own.
    let reason = response.extensions().get::<ReasonPhrase>().map(AsRef::as_ref);
    let reason = reason.unwrap_or(status.canonical_reason().unwrap_or_default().as_bytes());
    build(|out| {
        write!(out, "HTTP/1.1 {} ", status.as_str()).expect(INFALLIBLE);
        out.extend_from_slice(reason);
        out.extend_from_slice(b"\r\n");
        push_headers(out, headers);
        // RFC 9110, 8.6.
        if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
            write!(out, "content-length: {}\r\n", body.len()).expect(INFALLIBLE);
        }
        if !headers.contains_key(header::DATE) {
            push_date(out, now_ms);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    });
    write_built(stream).await?;
    Ok(if headers.get(header::CONNECTION).is_some_and(|value| value == "close") {
        Goes::Away
    } else {
        Goes::On
    })
}

/// All but the length, which is written by the body's.
fn push_headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 9110, 6.6.1. The text is made once a second.
fn push_date(out: &mut Vec<u8>, now_ms: u64) {
    DATE.with_borrow_mut(|(second, text)| {
        let now = now_ms / 1000;
        if *second != now || text.is_empty() {
            *second = now;
            *text = format!("date: {}\r\n", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now)));
        }
        out.extend_from_slice(text.as_bytes());
    });
}

fn build(fill: impl FnOnce(&mut Vec<u8>)) {
    ANSWER.with_borrow_mut(|out| {
        out.clear();
        out.shrink_to(KEPT_BYTES_MAX);
        fill(out);
    });
}

/// Writes what was just built.
async fn write_built<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
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
