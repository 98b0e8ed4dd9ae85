//! `/openapi.json` and `/docs`: the API, described for programs and for people.
//!
//! The description is made of what answers: limits are the constants that are checked, and each refusal is the very
//! [`Problem`](super::error::Problem) that a call would send. Which calls there are is written down in [`calls`], a table of its own
//! and not attributes of the handlers: the busiest calls never reach the router, and their answers are written by hand. That the
//! table tells the truth is tried by schemathesis, and by the tests beside this file.
//!
//! It is made by a test, which compares it with `docs/openapi.json`; the program serves that file.

#[cfg(test)]
mod call;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod document;
mod page;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod tests;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;

/// The document as it is served.
pub(crate) fn text() -> &'static str {
    include_str!("../../../../../docs/openapi.json")
}

/// `/openapi.json`, and the page that shows it.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/openapi.json", get(|| async { served() })).merge(page::router())
}

fn served() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // It holds nothing that is not public, and tools that show such documents run in pages of other origins.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, text()).into_response()
}
