//! `DELETE /v1/console/sockets`: sends a client's sockets back, or one of them. Their pages come again by themselves.

use crate::{
    http::{auth::MayAdmin, channels::answer, error::Problem, parameters::Parameters},
    service::Service,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use protocol::id::ClientId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    client_id: String,
    /// As the client's look names it; without it, all.
    socket: Option<u32>,
}

#[derive(Serialize)]
struct Told {
    closed: u64,
}

pub(super) async fn send_back(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let id: ClientId = which.client_id.parse()?;
    let channel = service.hub.channel(service.broker().key(&id));
    let closed = channel.map_or(0, |channel| service.hub.send_back(&channel, which.socket));
    Ok(answer(StatusCode::OK, &Told { closed }))
}
