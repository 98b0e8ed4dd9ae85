//! What is kept of a client's messages: a list without what they say, and one of them with it.

use crate::{
    http::{auth::MayAdmin, channels::answer, error::Problem, parameters::Parameters},
    service::Service,
    time::rfc3339,
};
use axum::{extract::State, response::Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use broker::message::{Message, Page, Position};
use http::StatusCode;
use protocol::{
    cursor::{Cursor, Offset},
    id::ClientId,
    limits::{PAGE_BYTES_MAX, PAGE_MESSAGES_MAX},
    message::Data,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    client_id: String,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    client_id: String,
    id: String,
}

#[derive(Serialize)]
struct Listed {
    messages: Vec<Kept>,
    /// Up to here all is told.
    cursor: String,
    /// The `after` of the next page.
    next: Option<String>,
}

/// A message without what it says.
#[derive(Serialize)]
struct Kept {
    id: String,
    /// Its place, to be compared with those of sockets.
    offset: u64,
    time: String,
    kind: &'static str,
    bytes: usize,
    /// After so many seconds it is no longer delivered.
    ttl_seconds: Option<u32>,
}

#[derive(Serialize)]
struct Said {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// `GET /v1/console/messages`: oldest first, in pages.
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(paged): Parameters<Paged>,
) -> Result<Response, Problem> {
    let id: ClientId = paged.client_id.parse()?;
    let position = match paged.after.as_deref() {
        Some(after) => Position::After(after.parse()?),
        None => Position::Since(0),
    };
    let broker = service.broker();
    let page = Page { messages: PAGE_MESSAGES_MAX, bytes: PAGE_BYTES_MAX };
    let history = broker.history(&id, broker.key(&id), position, page, service.now_ms()).await;
    let history = history.map_err(|error| Problem::unreadable(&error))?;
    let cursor = service.hub.cursor(history.upto).to_string();
    let messages = history.messages.iter().map(|message| kept(&service, message)).collect();
    let next = history.more.then(|| cursor.clone());
    Ok(answer(StatusCode::OK, &Listed { messages, cursor, next }))
}

fn kept(service: &Service, message: &Message) -> Kept {
    Kept {
        id: service.hub.cursor(message.offset).to_string(),
        offset: message.offset.0,
        time: rfc3339(message.time_ms),
        kind: match message.data {
            Data::Text(_) => "text",
            Data::Binary(_) => "binary",
        },
        bytes: message.data.bytes().len(),
        ttl_seconds: Some(message.ttl_seconds).filter(|seconds| *seconds != 0),
    }
}

/// `GET /v1/console/message`: what one of them says.
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(one): Parameters<One>,
) -> Result<Response, Problem> {
    let id: ClientId = one.client_id.parse()?;
    let place: Cursor = one.id.parse()?;
    let broker = service.broker();
    let before = Cursor::new(place.epoch, Offset(place.offset.0.saturating_sub(1)));
    let page = Page { messages: 1, bytes: 1 };
    let history = broker.history(&id, broker.key(&id), Position::After(before), page, service.now_ms()).await;
    let history = history.map_err(|error| Problem::unreadable(&error))?;
    let message = history.messages.into_iter().find(|message| service.hub.cursor(message.offset) == place);
    let Some(message) = message else {
        let detail = "That message is not kept any more, or never was one of this client id's.";
        return Err(Problem::new(StatusCode::NOT_FOUND, "message_not_kept", detail));
    };
    let (data, base64) = match &message.data {
        Data::Text(text) => (Some(text.as_str().to_owned()), None),
        Data::Binary(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
    };
    Ok(answer(StatusCode::OK, &Said { id: one.id, data, base64 }))
}
