//! `GET /v1/console/clients`: client ids with a socket, by a part of their name.

use crate::{
    http::{auth::MayAdmin, channels::answer, error::Problem, parameters::Parameters},
    service::Service,
    time::rfc3339,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use protocol::limits::{CLIENT_ID_BYTES_MAX, CLIENTS_FOUND_MAX};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    #[serde(default)]
    search: String,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Clients {
    clients: Vec<Client>,
    /// How many there are in all.
    matching: usize,
}

#[derive(Serialize)]
struct Client {
    client_id: String,
    sockets: u32,
    since: String,
}

/// The best matches; without a text, those that came last.
pub(super) async fn search(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(query): Parameters<Search>,
) -> Result<Response, Problem> {
    if query.search.len() > CLIENT_ID_BYTES_MAX {
        let detail = format!("A client id has at most {CLIENT_ID_BYTES_MAX} bytes; search for fewer.");
        return Err(Problem::invalid_parameter(detail));
    }
    let limit = query.limit.unwrap_or(CLIENTS_FOUND_MAX).clamp(1, CLIENTS_FOUND_MAX);
    let found = service.hub.search(&query.search, limit);
    let clients = found.channels.iter().map(|channel| Client {
        client_id: channel.id.to_string(),
        sockets: channel.sockets(),
        since: rfc3339(channel.since_ms),
    });
    Ok(answer(StatusCode::OK, &Clients { clients: clients.collect(), matching: found.matching }))
}
