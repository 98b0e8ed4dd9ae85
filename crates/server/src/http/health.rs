//! `/healthz`, `/readyz` and `/metrics`.

use super::{channels::answer, error::Problem, parameters::Parameters};
use crate::{canary::What, metrics, service::Service};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use broker::{broker::Health, error::PublishError};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

/// Alive; red once storage has failed for good. A full disk is not that: it passes.
pub(super) async fn healthz(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    match service.broker().health() {
        Health::Refusing(PublishError::Unavailable) => Err(PublishError::Unavailable.into()),
        Health::Refusing(_) | Health::Good => Ok(answer(StatusCode::OK, &Alive { status: "ok" })),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct For {
    r#for: Option<What>,
}

/// Ready, as the canary found out: for sockets and for sends, or for what is asked about.
pub(super) async fn readyz(
    State(service): State<Arc<Service>>,
    Parameters(For { r#for }): Parameters<For>,
) -> Response {
    let ready = service.canary.ask().await;
    let is_ready = match r#for {
        Some(What::Sockets) => ready.sockets.ready,
        Some(What::Sends) => ready.sends.ready,
        None => ready.sockets.ready && ready.sends.ready,
    };
    answer(if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &ready)
}

/// Prometheus text.
pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let text = metrics::text(&service);
    let headers = [
        (header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
