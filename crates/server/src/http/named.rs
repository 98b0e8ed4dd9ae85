//! What every answer gets at its end: its request's name, and a place in the counts.

use super::{body::Body, error::Code};
use crate::{
    follow::{Followed, X_REQUEST_ID},
    service::Service,
};
use bytes::Bytes;
use http::{Response, header};

/// Finishes an answer that is about to be written.
pub(super) fn finish(service: &Service, followed: &Followed, response: &mut Response<Body>) {
    let id = followed.id().as_str();
    if let Some(Code(code)) = response.extensions().get().copied() {
        service.counters.refusals.add(code);
        name_problem(response, id);
    }
    // An application behind this server may have given it a name of its own.
    response.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| followed.id().header());
    followed.answered(response.status());
}

/// Puts the name into a problem document.
fn name_problem(response: &mut Response<Body>, id: &str) {
    let Body::Full(Some(bytes)) = response.body_mut() else { return };
    let Some(open) = bytes.strip_suffix(b"}") else { return };
    *bytes = Bytes::from([open, br#","request_id":""#, id.as_bytes(), br#""}"#].concat());
    response.headers_mut().remove(header::CONTENT_LENGTH);
}
