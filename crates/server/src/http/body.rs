//! Bodies that go out, and those that come in, read within limits.

use super::error::Problem;
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use protocol::limits;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
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

    /// What is here of it; nothing of what the router brings piece by piece.
    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Body::Full(bytes) => bytes.unwrap_or_default(),
            Body::Routed(_) => Bytes::new(),
        }
    }

    /// The same body, as a whole if it is a small one that says how long it is.
    pub(super) async fn gathered(self) -> Result<Self, axum::Error> {
        match self {
            Body::Routed(body) if body.size_hint().exact().is_some_and(|length| length <= GATHERED_MAX) => {
                Ok(Self::full(axum::body::to_bytes(body, usize::MAX).await?))
            }
            body => Ok(body),
        }
    }
}

/// What a piece of a long answer is at most.
const GATHERED_MAX: u64 = 64 * 1024;

/// A body that comes in.
pub(super) struct Incoming {
    body: hyper::body::Incoming,
    taken: Arc<AtomicBool>,
}

/// Says of a body that somebody else reads whether all of it has been read.
pub(super) struct Taken(Arc<AtomicBool>);

impl Incoming {
    pub(super) fn new(body: hyper::body::Incoming) -> Self {
        let taken = Arc::new(AtomicBool::new(body.is_end_stream()));
        Self { body, taken }
    }

    pub(super) fn taken(&self) -> Taken {
        Taken(Arc::clone(&self.taken))
    }
}

impl Taken {
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.taken.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
