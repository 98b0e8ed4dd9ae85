//! `/docs`: a page that shows the description, from the binary, and that asks nobody else for anything.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;

/// Nothing inline, nothing from elsewhere, and only the kinds that the page uses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/docs", get(|| async { answer("text/html; charset=utf-8", include_str!("page/docs.html")) }))
        .route(
            "/docs/docs.css",
            get(|| async { answer("text/css; charset=utf-8", include_str!("page/docs.css")) }),
        )
        .route("/docs/docs.js", get(|| async { script(include_str!("page/docs.js")) }))
        .route("/docs/shape.js", get(|| async { script(include_str!("page/shape.js")) }))
        .route(
            "/docs/icon.svg",
            get(|| async { answer("image/svg+xml", include_str!("../../../../../console/icon.svg")) }),
        )
}

fn script(text: &'static str) -> Response {
    answer("text/javascript; charset=utf-8", text)
}

fn answer(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A new binary brings a new page at once.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
