//! The browser library, from the binary.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;

/// The classic script, which defines `goog.appengine.Channel`.
const CLASSIC: &str = include_str!("../../../../browser/dist/channel.js");
/// The ES module.
const MODULE: &str = include_str!("../../../../browser/dist/downlink.mjs");
/// Its types.
const TYPES: &str = include_str!("../../../../browser/dist/downlink.d.ts");

/// Short: a new server brings a new library (channel-api.md, item 20).
const CACHE: &str = "public, max-age=300";

pub(super) fn router() -> Router {
    Router::new()
        .route("/_ah/channel/jsapi", get(|| async { script(CLASSIC) }))
        .route("/channel.js", get(|| async { script(CLASSIC) }))
        .route("/downlink.mjs", get(|| async { script(MODULE) }))
        .route("/downlink.d.ts", get(|| async { text(TYPES, "application/typescript; charset=utf-8") }))
}

fn script(content: &'static str) -> Response {
    text(content, "text/javascript; charset=utf-8")
}

fn text(content: &'static str, kind: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, CACHE),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A module is fetched with CORS; pages of any origin may load it.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, content).into_response()
}
