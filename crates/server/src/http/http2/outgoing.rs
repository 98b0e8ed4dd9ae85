//! What goes out on a stream of HTTP/2: an answer, or the frames of a socket.

use super::{
    super::{body::Body, flight::Flying},
    streams::Counted,
};
use bytes::Bytes;
use delivery::pipe::Outlet;
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A stream's body. Until it is dropped, its request counts.
pub(super) struct Outgoing {
    what: What,
    counted: Counted,
    /// The node does not stop before an answer has been taken.
    _flying: Option<Flying>,
}

enum What {
    /// An answer that is here as a whole.
    Whole(Bytes),
    /// One that the router brings piece by piece.
    Routed(axum::body::Body),
    Socket(Outlet),
}

/// A whole answer goes in pieces, so that what is kept of it beyond a piece is known here, and is counted.
const PIECE_BYTES: usize = protocol::limits::HTTP2_UNSENT_BYTES_MAX;

impl Outgoing {
    pub(super) fn answer(body: Body, counted: Counted, flying: Option<Flying>) -> Self {
        let what = match body {
            Body::Full(bytes) => What::Whole(bytes.unwrap_or_default()),
            Body::Routed(body) => What::Routed(body),
        };
        Self { what, counted, _flying: flying }
    }

    pub(super) fn socket(outlet: Outlet, counted: Counted) -> Self {
        Self { what: What::Socket(outlet), counted, _flying: None }
    }

    /// The same without anything to say.
    pub(super) fn emptied(self) -> Self {
        Self { what: What::Whole(Bytes::new()), ..self }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = match &mut this.what {
            What::Whole(rest) => {
                let piece = rest.split_to(rest.len().min(PIECE_BYTES));
                Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
            }
            What::Routed(body) => Pin::new(body).poll_frame(cx),
            // Its heartbeat sees to it that nobody waits for ever.
            What::Socket(outlet) => {
                return outlet.poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))));
            }
        };
        this.counted.waits_for_peer(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.what {
            What::Whole(rest) => rest.is_empty(),
            What::Routed(body) => body.is_end_stream(),
            What::Socket(outlet) => outlet.is_at_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.what {
            What::Whole(rest) => SizeHint::with_exact(rest.len() as u64),
            What::Routed(body) => body.size_hint(),
            What::Socket(_) => SizeHint::default(),
        }
    }
}
