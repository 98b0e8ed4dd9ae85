//! Bodies that go out, and reading those that come in, within limits.

use super::error::Problem;
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use protocol::limits;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A body that goes out.
pub(super) enum Body {
    /// All of it is here.
    Full(Option<Bytes>),
    /// From the router: a page, or an application's answer on its way through.
    Routed(axum::body::Body),
}

impl Body {
    pub(super) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Full((!bytes.is_empty()).then_some(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Body::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Full(bytes) => bytes.is_none(),
            Body::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Routed(body) => body.size_hint(),
        }
    }
}

/// Reads a body of at most `max` bytes. One that says it is larger is refused before it is read.
pub(super) async fn read(body: Incoming, max: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > max as u64 {
        return Err(Problem::too_large(max));
    }
    let mut body = body;
    // A small body came with its head: no timer for it.
    let first = match std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await {
        Poll::Ready(None) => return Ok(Bytes::new()),
        Poll::Ready(Some(frame)) => frame.map_err(|error| Problem::broken_body(&error))?.into_data().ok(),
        Poll::Pending => None,
    };
    if let Some(first) = &first
        && body.is_end_stream()
        && first.len() <= max
    {
        return Ok(first.clone());
    }
    match tokio::time::timeout(limits::BODY_TIME, collect(body, first, max)).await {
        Ok(result) => result,
        Err(_) => Err(Problem::body_too_slow()),
    }
}

async fn collect(mut body: Incoming, first: Option<Bytes>, max: usize) -> Result<Bytes, Problem> {
    let mut all = BytesMut::from(first.unwrap_or_default());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| Problem::broken_body(&error))?.into_data() {
            all.extend_from_slice(&data);
        }
        if all.len() > max {
            return Err(Problem::too_large(max));
        }
    }
    if all.len() > max { Err(Problem::too_large(max)) } else { Ok(all.freeze()) }
}
