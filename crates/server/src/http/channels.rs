//! `/v1/channels`: making tokens, looking at a channel, reading what is kept of it.

use super::{
    Body,
    auth::{MayAdmin, MayCreate, MayRead, refused_for},
    error::Problem,
    parameters::Parameters,
};
use crate::{service::Service, time::rfc3339};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use broker::message::{History, Page, Position};
use http::{StatusCode, Uri};
use http_body_util::LengthLimitError;
use percent_encoding::percent_decode_str;
use protocol::{
    cursor::{Cursor, Offset},
    encode::json,
    frame::{Frame, Placed},
    id::ClientId,
    limits,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{error::Error, io::Write, sync::Arc, time::Duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create<'a> {
    client_id: String,
    /// Read by hand: a fraction or a text is a wrong duration, not a wrong body.
    #[serde(borrow)]
    duration_minutes: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Created<'a> {
    client_id: &'a str,
    token: &'a str,
    expires_at: String,
    cursor: String,
}

/// `POST /v1/channels`.
pub(super) async fn create(
    State(service): State<Arc<Service>>,
    MayCreate(key): MayCreate,
    request: Request,
) -> Result<Response, Problem> {
    service.may_make_token(key.text()).map_err(|why| refused_for(&service, why))?;
    let reading = axum::body::to_bytes(request.into_body(), limits::CONTROL_BYTES_MAX);
    let body =
        tokio::time::timeout(limits::BODY_TIME, reading).await.map_err(|_| Problem::body_too_slow())?;
    let body = body.map_err(|error| {
        let too_large = error.source().is_some_and(|cause| cause.is::<LengthLimitError>());
        if too_large { Problem::too_large(limits::CONTROL_BYTES_MAX) } else { Problem::broken_body(&error) }
    })?;
    let text =
        std::str::from_utf8(&body).map_err(|_| Problem::from(protocol::id::InvalidClientId::NotUtf8))?;
    let create: Create<'_> = serde_json::from_str(text).map_err(|error| {
        // The position in the text, not the text.
        let what = if error.is_data() { "a field is missing, unknown or of another type" } else { "not JSON" };
        Problem::invalid_json(format!(
            "Write {{\"client_id\": \"…\", \"duration_minutes\": 120}}, the latter if need be; here {what} (line {}, column {}).",
            error.line(),
            error.column()
        ))
    })?;
    let client_id: ClientId = create.client_id.parse()?;
    let minutes = duration(create.duration_minutes.map(RawValue::get))?;
    let made = service.create_channel(client_id, Duration::from_secs(u64::from(minutes) * 60));
    let created = Created {
        client_id: made.grant.client_id.as_str(),
        token: &made.token,
        expires_at: rfc3339(made.grant.expires_at * 1000),
        cursor: made.grant.start.map(|cursor| cursor.to_string()).unwrap_or_default(),
    };
    Ok(answer(StatusCode::CREATED, &created))
}

/// A whole number of minutes, 1 to 1440 (channel-api.md, 1.2).
fn duration(json: Option<&str>) -> Result<u32, Problem> {
    let Some(text) = json.filter(|text| *text != "null") else { return Ok(limits::TOKEN_MINUTES_DEFAULT) };
    // 120.0 and 1.2e2 are the same number (RFC 8259, 6), and some languages write it so.
    let minutes = text.parse::<f64>().ok().filter(|minutes| minutes.fract() == 0.0);
    let minutes = minutes.filter(|minutes| (1.0..=f64::from(limits::TOKEN_MINUTES_MAX)).contains(minutes));
    minutes.map(|minutes| minutes as u32).ok_or_else(invalid_duration)
}

pub(super) fn invalid_duration() -> Problem {
    let detail = format!("duration_minutes is a whole number from 1 to {}.", limits::TOKEN_MINUTES_MAX);
    Problem::bad_request("invalid_duration", detail)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByQuery {
    client_id: Option<String>,
}

/// `GET /v1/channels?client_id=`: for ids that a path cannot carry.
pub(super) async fn by_query(
    State(service): State<Arc<Service>>,
    _: MayRead,
    Parameters(query): Parameters<ByQuery>,
) -> Result<Response, Problem> {
    let id = query.client_id.unwrap_or_default().parse()?;
    look(&service, &id).await
}

/// `DELETE /v1/channels?client_id=`.
pub(super) async fn delete_by_query(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(query): Parameters<ByQuery>,
) -> Result<Response, Problem> {
    delete(&service, &query.client_id.unwrap_or_default().parse()?).await
}

/// `DELETE /v1/channels/{client_id}`.
pub(super) async fn delete_by_path(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    uri: Uri,
) -> Result<Response, Problem> {
    match uri.path().strip_prefix("/v1/channels/").filter(|rest| !rest.contains('/')) {
        Some(rest) => delete(&service, &id_of(rest)?).await,
        // What is kept is deleted with its channel, not by itself.
        None => Err(Problem::method_not_allowed().allowing(OF_MESSAGES)),
    }
}

/// The methods of `…/messages`.
const OF_MESSAGES: &str = "GET, HEAD, POST";

/// Any other method: what there is depends on what the path names.
pub(super) async fn not_allowed(uri: Uri) -> Problem {
    let of_messages = uri.path().ends_with("/messages");
    Problem::method_not_allowed().allowing(if of_messages { OF_MESSAGES } else { "GET, HEAD, DELETE" })
}

async fn delete(service: &Service, id: &ClientId) -> Result<Response, Problem> {
    service.delete_channel(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    after: Option<String>,
    limit: Option<u32>,
}

/// `GET /v1/channels/{client_id}` and `GET /v1/channels/{client_id}/messages`.
pub(super) async fn by_path(
    State(service): State<Arc<Service>>,
    _: MayRead,
    uri: Uri,
    Parameters(paged): Parameters<Paged>,
) -> Result<Response, Problem> {
    let rest = uri.path().strip_prefix("/v1/channels/").unwrap_or_default();
    match rest.split_once('/') {
        None => look(&service, &id_of(rest)?).await,
        Some((id, "messages")) => messages(&service, &id_of(id)?, &paged).await,
        Some(_) => Err(Problem::not_found()),
    }
}

/// The client id that a part of a path stands for.
pub(super) fn id_of(part: &str) -> Result<ClientId, Problem> {
    Ok(ClientId::from_bytes(&percent_decode_str(part).collect::<Vec<u8>>())?)
}

#[derive(Serialize)]
struct Look {
    client_id: String,
    connected: bool,
    since: Option<String>,
    sockets: Vec<SocketLook>,
    cursor: String,
    acked: Option<String>,
    lag: u64,
}

#[derive(Serialize)]
struct SocketLook {
    transport: &'static str,
    address: String,
    since: String,
    cursor: String,
    acked: Option<String>,
}

async fn look(service: &Service, id: &ClientId) -> Result<Response, Problem> {
    let hub = &service.hub;
    let channel = hub.channel(service.broker().key(id)).filter(|channel| channel.sockets() > 0);
    let text = |offset: Offset| hub.cursor(offset).to_string();
    let views = channel.as_ref().map(|channel| channel.socket_views()).unwrap_or_default();
    let lag = match &channel {
        Some(channel) => hub.lag(channel).await.map_err(|error| Problem::unreadable(&error))?,
        None => 0,
    };
    let sockets = views.iter().map(|view| SocketLook {
        transport: view.transport.as_str(),
        address: view.address.to_string(),
        since: rfc3339(view.opened_ms),
        cursor: text(view.cursor),
        acked: view.acked.map(text),
    });
    let look = Look {
        client_id: id.to_string(),
        connected: channel.is_some() || service.presence.is_elsewhere(id),
        since: channel.as_ref().map(|channel| rfc3339(channel.since_ms)),
        sockets: sockets.collect(),
        cursor: service.broker().end().to_string(),
        acked: channel.as_ref().and_then(|channel| channel.acked()).map(text),
        lag,
    };
    Ok(answer(StatusCode::OK, &look))
}

/// A page of what is kept, oldest first.
async fn messages(service: &Service, id: &ClientId, paged: &Paged) -> Result<Response, Problem> {
    let position = match paged.after.as_deref() {
        Some(after) => Position::After(after.parse()?),
        None => Position::Since(0),
    };
    let limit = paged.limit.map_or(limits::PAGE_MESSAGES_MAX, |limit| limit as usize);
    let limit = limit.clamp(1, limits::PAGE_MESSAGES_MAX);
    let page = Page { messages: limit, bytes: limits::PAGE_BYTES_MAX };
    let broker = service.broker();
    let history = broker.history(id, broker.key(id), position, page, service.now_ms()).await;
    let mut history = history.map_err(|error| Problem::unreadable(&error))?;
    if paged.after.is_none() {
        // Asked for what is kept, not for what came after a place: nothing is missing from that.
        history.gap = None;
    }
    Ok(page_answer(service, &history))
}

fn page_answer(service: &Service, history: &History) -> Response {
    const INFALLIBLE: &str = "writing to a vector does not fail";
    let cursor = |offset: Offset| -> Cursor { service.hub.cursor(offset) };
    let mut out = br#"{"messages":["#.to_vec();
    for (index, message) in history.messages.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::message(&mut out, Placed { cursor: Some(cursor(message.offset)), data: &message.data });
        // One more member than in a frame.
        out.pop();
        write!(out, r#","time":"{}"}}"#, rfc3339(message.time_ms)).expect(INFALLIBLE);
    }
    let upto = cursor(history.upto);
    write!(out, r#"],"cursor":"{upto}","gap":"#).expect(INFALLIBLE);
    match history.gap {
        Some(reason) => json::frame(&mut out, &Frame::Gap { cursor: cursor(history.from), reason }),
        None => out.extend_from_slice(b"null"),
    }
    match history.more {
        true => write!(out, r#","next":"{upto}"}}"#).expect(INFALLIBLE),
        false => out.extend_from_slice(br#","next":null}"#),
    }
    json_response(StatusCode::OK, out)
}

/// A serialisable value as a JSON answer that nobody keeps.
pub(super) fn answer(status: StatusCode, value: &impl Serialize) -> Response {
    json_response(status, serde_json::to_vec(value).expect("plain structures serialise"))
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    super::json(status, body).map(|body| match body {
        Body::Full(bytes) => axum::body::Body::from(bytes.unwrap_or_default()),
        Body::Routed(body) => body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_minutes_up_to_a_day() {
        assert_eq!(duration(None).unwrap(), 120);
        assert_eq!(duration(Some("null")).unwrap(), 120);
        assert_eq!(duration(Some("1")).unwrap(), 1);
        assert_eq!(duration(Some("1440")).unwrap(), 1440);
        assert_eq!(duration(Some("90.0")).unwrap(), 90);
        assert_eq!(duration(Some("1e2")).unwrap(), 100);
        for wrong in ["0", "-1", "1441", "1.5", "0.5", "\"60\"", "true", "[]", "1e9", "99999999999"] {
            assert_eq!(duration(Some(wrong)).unwrap_err().code, "invalid_duration", "{wrong}");
        }
    }
}
