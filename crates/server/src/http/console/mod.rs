//! The console: pages that anybody may load and that hold nothing, and the calls behind them, which want a key for `admin`.
//!
//! | call | file |
//! |---|---|
//! | `/console`, `/console/test`, `/console/assets/{name}` | `pages` |
//! | `GET /v1/console/stats` | `stats` |
//! | `GET /v1/console/clients` | `clients` |
//! | `GET /v1/console/client` | `client`, with the sentences of `why` |
//! | `GET /v1/console/messages`, `GET /v1/console/message` | `messages` |
//! | `DELETE /v1/console/sockets` | `sockets` |
//!
//! All else that the console does (send, make a token, delete a channel) are the calls that applications have.

mod client;
mod clients;
mod messages;
mod pages;
mod sockets;
mod stats;
mod why;

use crate::service::Service;
use axum::{
    Router,
    routing::{delete, get},
};
use std::sync::Arc;

/// The pages, which need nothing of the node.
pub(super) fn pages() -> Router {
    pages::router()
}

/// The calls.
pub(super) fn calls() -> Router<Arc<Service>> {
    Router::new()
        .route("/v1/console/stats", get(stats::since))
        .route("/v1/console/clients", get(clients::search))
        .route("/v1/console/client", get(client::look))
        .route("/v1/console/messages", get(messages::list))
        .route("/v1/console/message", get(messages::one))
        .route("/v1/console/sockets", delete(sockets::send_back))
}
