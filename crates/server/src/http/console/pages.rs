//! The console's files, from the binary, under a policy that lets nothing else in.

use crate::http::error::Problem;
use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderName, header};

/// Nothing inline, nothing from elsewhere, and no text that becomes markup: what a client sends is shown here beside a key
/// that opens everything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of `console/` at the repository's root.
macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../../../../console/", $name))
    };
}

/// Name below `/console/assets/`, type, text.
const ASSETS: &[(&str, &str, &str)] = &[
    ("console.css", CSS, concat!(file!("look.css"), file!("console.css"))),
    ("console.js", JAVASCRIPT, file!("console.js")),
    ("api.js", JAVASCRIPT, file!("api.js")),
    ("dom.js", JAVASCRIPT, file!("dom.js")),
    ("format.js", JAVASCRIPT, file!("format.js")),
    ("plot.js", JAVASCRIPT, file!("plot.js")),
    ("overview.js", JAVASCRIPT, file!("overview.js")),
    ("finder.js", JAVASCRIPT, file!("finder.js")),
    ("client.js", JAVASCRIPT, file!("client.js")),
    ("actions.js", JAVASCRIPT, file!("actions.js")),
    ("messages.js", JAVASCRIPT, file!("messages.js")),
    ("timeline.js", JAVASCRIPT, file!("timeline.js")),
    ("strip.js", JAVASCRIPT, file!("strip.js")),
    ("test.js", JAVASCRIPT, file!("test.js")),
    ("icon.svg", SVG, file!("icon.svg")),
];

pub(super) fn router() -> Router {
    Router::new()
        .route("/console", get(|| async { answer(HTML, file!("index.html")) }))
        .route("/console/test", get(|| async { answer(HTML, file!("test.html")) }))
        .route("/console/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, content_type, text)) => answer(content_type, text),
        None => Problem::not_found().into_response(),
    }
}

fn answer(content_type: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 7] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A client id is in the address.
        (header::REFERRER_POLICY, "no-referrer"),
        // A new binary brings a new console at once.
        (header::CACHE_CONTROL, "no-cache"),
        // No other page holds on to its window, and none takes its files.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    (headers, text).into_response()
}
