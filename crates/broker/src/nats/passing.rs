//! Messages that nobody keeps: over core NATS to all nodes, this one included.

use super::{
    Shared,
    connect::{Connection, OpenError},
};
use crate::{
    broker::in_turns,
    error::PublishError,
    message::{Passing, Recipients},
};
use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use protocol::{
    id::ClientId,
    message::{Data, Text},
};
use serde::{Deserialize, Serialize};
use std::sync::Weak;

/// Bytes of client ids in one message; the rest of what NATS carries at once is for the data.
const IDS_BYTES: usize = 48 * 1024;

/// What travels.
#[derive(Serialize, Deserialize)]
struct Passed<'a> {
    #[serde(borrow)]
    ids: Vec<&'a str>,
    is_text: bool,
    data: &'a [u8],
}

/// Gives a message to all nodes.
pub(super) async fn pass(shared: &Shared, to: &Recipients, data: &Data) -> Result<(), PublishError> {
    let mut rest = to.ids();
    while !rest.is_empty() {
        let (ids, behind) = rest.split_at(fitting(rest));
        rest = behind;
        shared.ready()?;
        let passed = Passed {
            ids: ids.iter().map(ClientId::as_str).collect(),
            is_text: matches!(data, Data::Text(_)),
            data: data.bytes(),
        };
        let bytes = postcard::to_allocvec(&passed).map_err(|_| PublishError::Away)?;
        let sent = shared.connection.client.publish(shared.connection.names.passing(), bytes.into()).await;
        sent.map_err(|_| PublishError::Away)?;
    }
    Ok(())
}

/// How many ids go into one message; at least one.
fn fitting(ids: &[ClientId]) -> usize {
    let mut bytes = 0;
    let fit = ids.iter().take_while(|id| {
        bytes += id.as_str().len() + 2;
        bytes <= IDS_BYTES
    });
    fit.count().max(1)
}

/// Listens to what is passed. When this returns, nothing that is passed later is missed.
pub(super) async fn listen(connection: &Connection) -> Result<Subscriber, OpenError> {
    let listening = connection.client.subscribe(connection.names.passing()).await;
    listening.map_err(|error| {
        OpenError::lasting(format!("nothing can be heard from other nodes over NATS: {error}"))
    })
}

/// Hears what is passed, for as long as the broker is there. The subscription outlives connections.
pub(super) async fn hear(shared: Weak<Shared>, mut passed: Subscriber) {
    while let Some(message) = passed.next().await {
        let Some(held) = shared.upgrade() else { return };
        if let Some(message) = read(&held, &message.payload) {
            in_turns(|from| held.announce(|announce| announce.pass(&message, from))?).await;
        }
    }
}

fn read(shared: &Shared, bytes: &[u8]) -> Option<Passing> {
    let passed: Passed<'_> = postcard::from_bytes(bytes).ok()?;
    let data = Bytes::copy_from_slice(passed.data);
    let data = if passed.is_text { Data::Text(Text::new(data).ok()?) } else { Data::Binary(data) };
    let id = |id: &&str| if id.is_empty() { Some(ClientId::canary()) } else { id.parse().ok() };
    let ids = passed.ids.iter().filter_map(id);
    Some(Passing { data, keys: ids.map(|id| shared.hasher.channel(&id)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_where_they_grow_too_long() {
        let long: ClientId = "x".repeat(256).parse().unwrap();
        let ids = vec![long; 10_000];
        let fit = fitting(&ids);
        assert!((100..200).contains(&fit), "{fit}");
        assert_eq!(fitting(&ids[..1]), 1);
    }
}
