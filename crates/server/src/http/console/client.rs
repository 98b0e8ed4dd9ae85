//! `GET /v1/console/client`: one client id, its sockets, what happened to them, and why it is behind.

use super::why::{self, Behind, Why};
use crate::{
    http::{auth::MayAdmin, channels::answer, error::Problem, parameters::Parameters},
    service::Service,
    time::rfc3339,
};
use axum::{extract::State, response::Response};
use broker::error::ReadError;
use delivery::{
    channel::Channel,
    standing::{SocketStanding, Unsent},
    timeline::{Event, Noticed, Recent, What},
};
use http::StatusCode;
use protocol::{cursor::Offset, frame::GapReason, id::ClientId, socket::Transport};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};

/// A count that has to be read from the disk stops after so many pages: enough to say that it is a lot.
const PAGES_MAX: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    client_id: String,
}

#[derive(Serialize)]
struct Client {
    client_id: String,
    connected: bool,
    since: Option<String>,
    now: String,
    why: Why,
    /// The place of the newest message; 0 for none.
    latest: u64,
    /// What its sockets were handed, as far as is remembered: after the first place and up to the second, by socket.
    handed: Vec<(u64, u64)>,
    /// The highest place that a page acknowledged.
    acked: u64,
    sockets: Vec<SocketLook>,
    events: Vec<EventLook>,
    /// What happened before may be forgotten.
    events_since: String,
}

#[derive(Serialize)]
struct SocketLook {
    socket: u32,
    transport: &'static str,
    address: String,
    since: String,
    cursor: String,
    offset: u64,
    behind: usize,
    behind_more: bool,
    acked: Option<u64>,
    acked_seconds_ago: Option<u32>,
    token_seconds_left: u32,
    #[serde(flatten)]
    why: Why,
}

#[derive(Serialize)]
struct EventLook {
    time: String,
    what: &'static str,
    /// What a person reads.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Which of its sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<u32>,
}

pub(super) async fn look(
    State(service): State<Arc<Service>>,
    _: MayAdmin,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let id: ClientId = which.client_id.parse()?;
    let client = client(&service, &id).await.map_err(|error| Problem::unreadable(&error))?;
    Ok(answer(StatusCode::OK, &client))
}

async fn client(service: &Service, id: &ClientId) -> Result<Client, ReadError> {
    let (hub, key) = (&service.hub, service.broker().key(id));
    let channel = hub.channel(key).filter(|channel| channel.sockets() > 0);
    let standings = channel.as_ref().map_or_else(Vec::new, |channel| channel.standings(hub.clock.seconds()));
    let recent = hub.timeline.recent(key);
    let latest = match &channel {
        Some(channel) => channel.latest(),
        None => service.broker().newest(id, key).await?,
    };
    let ended = ended(&recent);
    let stands = standings.iter().map(|socket| socket.view.cursor).min();
    let stands = stands.or(ended.map(|(cursor, _)| cursor));
    let unsent = match stands {
        Some(cursor) => Some(hub.unsent((id, key), (cursor, latest), PAGES_MAX).await?),
        None => None,
    };
    let unsent = unsent.as_ref();
    let sockets: Vec<SocketLook> =
        standings.iter().map(|socket| look_of(service, socket, unsent, latest)).collect();
    let behind = unsent.map(|unsent| Behind { messages: unsent.offsets.len(), more: unsent.more });
    let now_ms = service.now_ms();
    let why = why::of_client(sockets.iter().map(|socket| &socket.why));
    let acked = standings.iter().filter_map(|socket| socket.view.acked).chain(ended.map(|(_, acked)| acked));
    Ok(Client {
        client_id: id.to_string(),
        connected: channel.is_some(),
        since: channel.as_deref().map(|channel: &Channel| rfc3339(channel.since_ms)),
        now: rfc3339(now_ms),
        why: why.unwrap_or_else(|| why::not_connected(&recent, behind, now_ms)),
        latest: latest.0,
        handed: handed(&recent, &standings),
        acked: acked.max().unwrap_or_default().0,
        sockets,
        events: recent.events.iter().map(event).collect(),
        events_since: rfc3339(recent.since_ms),
    })
}

/// How far its sockets had come that have ended: what they were handed, what their pages acknowledged.
fn ended(recent: &Recent) -> Option<(Offset, Offset)> {
    let ended = recent.events.iter().filter_map(|event| match event.what {
        What::Ended { cursor, acked, .. } => Some((cursor, acked)),
        _ => None,
    });
    ended.reduce(|one, other| (one.0.max(other.0), one.1.max(other.1)))
}

/// From where to where each socket was handed messages: those that have ended first, then those that are open.
fn handed(recent: &Recent, standings: &[SocketStanding]) -> Vec<(u64, u64)> {
    let (mut begun, mut handed) = (HashMap::new(), Vec::new());
    for event in &recent.events {
        match event.what {
            What::Connected { place, from, .. } => {
                begun.insert(place, from);
            }
            What::Ended { place, cursor, .. } => {
                handed.extend(begun.remove(&place).map(|from| (from.0, cursor.0)));
            }
            _ => {}
        }
    }
    handed.extend(
        standings
            .iter()
            .filter_map(|socket| begun.get(&socket.place).map(|from| (from.0, socket.view.cursor.0))),
    );
    handed
}

fn look_of(
    service: &Service,
    socket: &SocketStanding,
    unsent: Option<&Unsent>,
    latest: Offset,
) -> SocketLook {
    let view = &socket.view;
    let behind = unsent.map_or_else(Behind::default, |unsent| Behind {
        messages: unsent.offsets.len() - unsent.offsets.partition_point(|offset| *offset <= view.cursor),
        more: unsent.more,
    });
    SocketLook {
        socket: socket.place,
        transport: view.transport.as_str(),
        address: view.address.to_string(),
        since: rfc3339(view.opened_ms),
        cursor: service.hub.cursor(view.cursor).to_string(),
        offset: view.cursor.0,
        behind: behind.messages,
        behind_more: behind.more,
        acked: view.acked.map(|offset| offset.0),
        acked_seconds_ago: socket.acked_ago,
        token_seconds_left: socket.token_left,
        why: why::of_socket(socket, behind, latest),
    }
}

fn event(event: &Event) -> EventLook {
    let (what, text) = match event.what {
        What::Connected { .. } => ("connected", "A socket was opened.".to_owned()),
        What::Refused { code } => ("refused", format!("A socket was refused: {}", code.reason())),
        What::Gap { reason: GapReason::Trimmed, .. } => {
            ("gap", "A gap was said: messages that it had not had are no longer kept.".to_owned())
        }
        What::Gap { reason: GapReason::Epoch, .. } => {
            ("gap", "A gap was said: its cursor is of another life of the log.".to_owned())
        }
        What::Slow { .. } => ("slow", "Its page takes nothing.".to_owned()),
        What::Ended { transport, code, .. } => {
            ("ended", format!("A socket ended: {}.", why::ending(transport, code)))
        }
        What::Deleted => ("deleted", "The channel was deleted.".to_owned()),
        What::Noticed { connected, outcome } => ("notice", notice(connected, outcome)),
    };
    let (transport, address, socket) = match event.what {
        What::Connected { place, transport, address, .. } => {
            (Some(transport), Some(address.to_string()), Some(place))
        }
        What::Ended { place, transport, .. } => (Some(transport), None, Some(place)),
        What::Slow { transport } => (Some(transport), None, None),
        _ => (None, None, None),
    };
    let transport = transport.map(Transport::as_str);
    EventLook { time: rfc3339(event.time_ms), what, text, transport, address, socket }
}

fn notice(connected: bool, outcome: Noticed) -> String {
    let what = if connected { "connected" } else { "disconnected" };
    match outcome {
        Noticed::Told => format!("The application was told: {what}."),
        Noticed::Refused => format!("The application has no handler for the notice: {what}."),
        Noticed::Dropped => format!("The notice was given up: {what}."),
    }
}
