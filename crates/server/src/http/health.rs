//! `/healthz` and `/metrics`.

use super::{channels::answer, error::Problem};
use crate::{metrics, service::Service};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use broker::{broker::Health, error::PublishError};
use http::{StatusCode, header};
use serde::Serialize;
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
