//! The pages and what they load, from the binary, under a policy that lets nothing else in.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem::Problem;

/// Nothing inline, nothing from elsewhere, and only the kinds that the pages use: what a visitor writes can then never
/// become a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Name below `/demo/assets/`, type, text.
const ASSETS: &[(&str, &str, &str)] = &[
    ("demo.css", CSS, concat!(include_str!("../../../../console/look.css"), include_str!("pages/demo.css"))),
    ("common.js", JAVASCRIPT, include_str!("pages/common.js")),
    ("start.css", CSS, include_str!("pages/start.css")),
    ("start.js", JAVASCRIPT, include_str!("pages/start.js")),
    ("chat.css", CSS, include_str!("pages/chat.css")),
    ("chat.js", JAVASCRIPT, include_str!("pages/chat.js")),
    ("tic-tac-toe.css", CSS, include_str!("pages/tic-tac-toe.css")),
    ("tic-tac-toe.js", JAVASCRIPT, include_str!("pages/tic-tac-toe.js")),
    ("icon.svg", SVG, include_str!("../../../../console/icon.svg")),
];

pub(super) fn router() -> Router {
    Router::new()
        .route("/", get(|| async { answer(HTML, include_str!("pages/start.html")) }))
        .route("/demo/chat", get(|| async { answer(HTML, include_str!("pages/chat.html")) }))
        .route("/demo/tic-tac-toe", get(|| async { answer(HTML, include_str!("pages/tic-tac-toe.html")) }))
        .route("/demo/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, content_type, text)) => answer(content_type, text),
        None => Problem::not_found("unknown_asset", "The demo pages have no such file.").into_response(),
    }
}

fn answer(content_type: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Rooms and games are in the address, and whoever knows it may come in.
        (header::REFERRER_POLICY, "no-referrer"),
        // A new binary brings new pages at once.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
