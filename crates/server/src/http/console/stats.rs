//! `GET /v1/console/stats`: how the node is, and what it did in each of the last seconds.

use crate::{
    http::{auth::MayAdmin, channels::answer, error::Problem, parameters::Parameters},
    samples::Columns,
    service::Service,
    time::rfc3339,
};
use axum::{extract::State, response::Response};
use broker::broker::Health;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    /// The `next` of an earlier answer.
    since: Option<u64>,
}

#[derive(Serialize)]
struct Stats {
    node: Node,
    next: u64,
    samples: Columns,
}

#[derive(Serialize)]
struct Node {
    version: &'static str,
    now: String,
    started: String,
    epoch: String,
    /// Why messages are refused, if they are.
    refusing: Option<String>,
    /// It stops, and takes no more sockets.
    draining: bool,
    /// `off`, `on`, or `stopped` once the application wanted no more.
    notices: &'static str,
}

/// What is new since an earlier answer; without one, the last minutes.
pub(super) async fn since(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(query): Parameters<Since>,
) -> Result<Response, Problem> {
    let samples = service.samples.since(query.since.unwrap_or(0));
    Ok(answer(StatusCode::OK, &Stats { node: node(&service), next: samples.next, samples }))
}

fn node(service: &Service) -> Node {
    let broker = service.broker();
    Node {
        version: env!("CARGO_PKG_VERSION"),
        now: rfc3339(service.now_ms()),
        started: rfc3339(service.hub.timeline.began_ms()),
        epoch: broker.end().epoch.to_string(),
        refusing: match broker.health() {
            Health::Good => None,
            Health::Refusing(error) => Some(error.to_string()),
        },
        draining: service.hub.is_draining(),
        notices: match &service.notices {
            None => "off",
            Some(notices) if notices.is_stopped() => "stopped",
            Some(_) => "on",
        },
    }
}
