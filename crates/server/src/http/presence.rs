//! `GET /v1/presence`: client ids with a socket on any node, in pages.

use super::{auth::MayRead, channels::answer, error::Problem, parameters::Parameters};
use crate::service::Service;
use axum::{extract::State, response::Response};
use http::StatusCode;
use protocol::id::ClientId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Ids on one page: some 2.5 MB with the longest ids.
const PAGE_MAX: usize = 10_000;

/// And if the caller does not say.
const PAGE_DEFAULT: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    limit: Option<u32>,
    after: Option<String>,
}

#[derive(Serialize)]
struct Page {
    client_ids: Vec<String>,
    /// The `after` of the next page.
    next: Option<String>,
}

/// One page, in the order of the ids' bytes.
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    _: MayRead,
    Parameters(paged): Parameters<Paged>,
) -> Result<Response, Problem> {
    let after: Option<ClientId> = paged.after.map(|after| after.parse()).transpose()?;
    let limit = paged.limit.map_or(PAGE_DEFAULT, |limit| limit as usize).clamp(1, PAGE_MAX);
    let mut ids = service.hub.present(after.as_ref(), limit);
    let elsewhere = service.presence.elsewhere(after.as_ref(), limit);
    if !elsewhere.is_empty() {
        ids.extend(elsewhere);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(limit);
    }
    let client_ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let next = client_ids.last().filter(|_| client_ids.len() == limit).cloned();
    Ok(answer(StatusCode::OK, &Page { client_ids, next }))
}
