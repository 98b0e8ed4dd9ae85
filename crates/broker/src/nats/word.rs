//! What a client says at one node to a socket of another: asked and answered over core NATS, by a subject of each node.

use super::{
    Shared,
    connect::{Connection, OpenError},
};
use crate::{
    broker::{Heard, NodeNumber, Word},
    error::PublishError,
};
use async_nats::{RequestErrorKind, Subscriber};
use futures_util::StreamExt;
use std::sync::Weak;

/// Where a node hears what is handed over to it.
fn subject(connection: &Connection, node: NodeNumber) -> String {
    connection.names.between_nodes(&format!("word.{:08x}", node.0))
}

/// Random, from the system by way of the standard library's hash keys: each life of a node has another one.
pub(super) fn new_number() -> NodeNumber {
    use std::hash::{BuildHasher, RandomState};
    NodeNumber(RandomState::new().hash_one(std::process::id()) as u32)
}

/// Asks the node that has the socket. A node that is gone has none: NATS says at once that nobody listens.
pub(super) async fn hand_over(shared: &Shared, to: NodeNumber, word: &Word) -> Result<Heard, PublishError> {
    shared.ready()?;
    let bytes = postcard::to_allocvec(word).map_err(|_| PublishError::Away)?;
    let answer = shared.connection.client.request(subject(&shared.connection, to), bytes.into()).await;
    match answer {
        Ok(answer) => postcard::from_bytes(&answer.payload).map_err(|_| PublishError::OutcomeUnknown),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(Heard::NoSuchSocket),
        Err(_) => Err(PublishError::OutcomeUnknown),
    }
}

/// Listens to what is handed over to this node.
pub(super) async fn listen(connection: &Connection, node: NodeNumber) -> Result<Subscriber, OpenError> {
    let listening = connection.client.subscribe(subject(connection, node)).await;
    listening.map_err(|error| {
        OpenError::lasting(format!("nothing can be heard from other nodes over NATS: {error}"))
    })
}

/// Hears and answers, for as long as the broker is there.
pub(super) async fn hear(shared: Weak<Shared>, mut words: Subscriber) {
    while let Some(message) = words.next().await {
        let Some(held) = shared.upgrade() else { return };
        let (Ok(word), Some(reply)) = (postcard::from_bytes::<Word>(&message.payload), message.reply) else {
            continue;
        };
        let mut heard = Heard::NoSuchSocket;
        held.announce(|announce| heard = announce.word(&word));
        let Ok(bytes) = postcard::to_allocvec(&heard) else { continue };
        if let Err(error) = held.connection.client.publish(reply, bytes.into()).await {
            tracing::debug!(%error, "what became of a client's word could not be told to the node that asked");
        }
    }
}
