//! Storing: handed over in order, answered when JetStream has stored.

use super::{
    Shared,
    connect::CALL_TIME,
    read,
    record::{Head, Record},
    subject,
};
use crate::{
    error::PublishError,
    key::KeyHasher,
    message::{Draft, Stored},
};
use async_nats::jetstream::{
    context::{PublishAckFuture, PublishError as NatsError, PublishErrorKind},
    message::PublishMessage,
    publish::PublishAck,
};
use protocol::{cursor::Offset, id::ClientId};
use std::{error::Error, time::Duration};

/// An answer waits so long for its message to be announced on this node; it is stored in any case.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(2);

/// While a key is being stored by another node, or a leader is new, NATS says that it does not know yet.
const KEY_TRIES: u32 = 20;
const KEY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Messages that one call has under way at once.
const AT_ONCE: usize = 1_000;

/// What must be the same on all nodes to tell a repetition. No secret: only an application, with its key of the API, could
/// look for two sends that are taken for one, and only its own.
const SAME_EVERYWHERE: &[u8; 16] = b"downlink cluster";

/// One message of a draft, to one channel.
struct Part<'a> {
    draft: usize,
    id: &'a ClientId,
    /// By what NATS knows it, if it bears a key.
    message_id: Option<String>,
}

/// Stores drafts, in order.
pub(super) async fn publish(
    shared: &Shared,
    drafts: &[Draft],
    now_ms: u64,
) -> Vec<Result<Stored, PublishError>> {
    let hasher = KeyHasher::new(SAME_EVERYWHERE);
    let heads: Vec<Head> = drafts
        .iter()
        .map(|draft| {
            let body = draft.idempotency_key.as_ref().map(|_| hasher.body(draft));
            Head::of(draft, body, now_ms)
        })
        .collect();
    let parts: Vec<Part<'_>> =
        drafts.iter().enumerate().flat_map(|(index, draft)| parts(&hasher, index, draft)).collect();
    let mut results: Vec<Option<Result<Stored, PublishError>>> = drafts.iter().map(|_| None).collect();
    let mut last = Offset(0);
    for parts in parts.chunks(AT_ONCE) {
        // All go out before the first is awaited.
        let mut sent = Vec::with_capacity(parts.len());
        for part in parts {
            sent.push(send(shared, part, &heads[part.draft], drafts).await);
        }
        for (part, sent) in parts.iter().zip(sent) {
            let result = match sent {
                Ok(ack) => outcome(shared, part, &heads[part.draft], drafts, ack).await,
                Err(error) => Err(error),
            };
            if let Ok(stored) = &result {
                last = last.max(stored.offset);
            }
            merge(&mut results[part.draft], part.id, result);
        }
    }
    if last.0 != 0 {
        shared.waiting.announced(shared, last, ANNOUNCED_WITHIN).await;
    }
    results.into_iter().map(|result| result.unwrap_or(Err(PublishError::OutcomeUnknown))).map(whole).collect()
}

/// The messages of a draft: one for each id, once.
fn parts<'a>(hasher: &KeyHasher, index: usize, draft: &'a Draft) -> Vec<Part<'a>> {
    let mut ids: Vec<&ClientId> = draft.to.ids().iter().collect();
    if ids.len() > 1 {
        let mut seen = std::collections::HashSet::new();
        ids.retain(|id| seen.insert(*id));
    }
    // The window of NATS is that of the whole stream, so the channel is a part of it.
    let scope = draft.idempotency_key.as_ref().map(|key| hasher.idempotency(&draft.to, key));
    let part = |id| Part {
        draft: index,
        id,
        message_id: scope.map(|scope| format!("{}:{scope:032x}", subject::token(id))),
    };
    ids.into_iter().map(part).collect()
}

async fn send(
    shared: &Shared,
    part: &Part<'_>,
    head: &Head,
    drafts: &[Draft],
) -> Result<PublishAckFuture, PublishError> {
    shared.ready()?;
    let message = PublishMessage::build()
        .headers(head.headers(part.message_id.as_deref()))
        .payload(drafts[part.draft].data.bytes().clone());
    let sent = shared.connection.jetstream.send_publish(shared.subject(part.id), message).await;
    sent.map_err(|error| refused(&error))
}

/// What became of a message that was handed over.
async fn outcome(
    shared: &Shared,
    part: &Part<'_>,
    head: &Head,
    drafts: &[Draft],
    ack: PublishAckFuture,
) -> Result<Stored, PublishError> {
    let mut ack = ack.await;
    for _ in 0..KEY_TRIES {
        match &ack {
            Ok(PublishAck { duplicate: true, sequence: 0, .. }) => {}
            Err(error) if code(error) == Some(KEY_IN_PROCESS) => {}
            _ => break,
        }
        tokio::time::sleep(KEY_AGAIN_AFTER).await;
        ack = send(shared, part, head, drafts).await?.await;
    }
    let ack = ack.map_err(|error| refused(&error))?;
    let offset = Offset(ack.sequence);
    match ack.duplicate {
        false => Ok(Stored { offset, repeated: false, failed: Vec::new() }),
        true if offset.0 == 0 => Err(PublishError::OutcomeUnknown),
        true => match read::at(shared, offset).await {
            Ok(Some(Record { head: there, .. })) if there.body != head.body => Err(PublishError::KeyReused),
            // Also if it is no longer kept: then its body cannot be compared.
            Ok(_) => Ok(Stored { offset, repeated: true, failed: Vec::new() }),
            Err(_) => Err(PublishError::OutcomeUnknown),
        },
    }
}

/// Puts what became of one recipient to what became of those before.
fn merge(
    whole: &mut Option<Result<Stored, PublishError>>,
    id: &ClientId,
    part: Result<Stored, PublishError>,
) {
    let Some(before) = whole.take() else {
        *whole = Some(match part {
            Ok(stored) => Ok(stored),
            Err(error) => {
                Ok(Stored { offset: Offset(0), repeated: false, failed: vec![(id.clone(), error)] })
            }
        });
        return;
    };
    *whole = Some(before.map(|mut stored| {
        match part {
            Ok(part) => {
                // Only if all of them were.
                stored.repeated = part.repeated && (stored.repeated || stored.offset.0 == 0);
                stored.offset = stored.offset.max(part.offset);
            }
            Err(error) => stored.failed.push((id.clone(), error)),
        }
        stored
    }));
}

/// Stored for nobody is not stored.
fn whole(result: Result<Stored, PublishError>) -> Result<Stored, PublishError> {
    let mut stored = result?;
    let reused = stored.failed.iter().any(|(_, error)| *error == PublishError::KeyReused);
    if reused {
        return Err(PublishError::KeyReused);
    }
    if stored.offset.0 != 0 {
        return Ok(stored);
    }
    // If only one of them may be stored, all of them may.
    let unknown = stored.failed.iter().any(|(_, error)| *error == PublishError::OutcomeUnknown);
    match stored.failed.pop() {
        Some((_, error)) if !unknown => Err(error),
        _ => Err(PublishError::OutcomeUnknown),
    }
}

/// "duplicate message id is in process".
const KEY_IN_PROCESS: u64 = 10158;

/// No room, in the words of JetStream: resources of the account, of the server, of the stream; bytes, messages.
const NO_ROOM: [u64; 6] = [10002, 10023, 10028, 10047, 10077, 10122];

fn code(error: &NatsError) -> Option<u64> {
    let cause = error.source()?.downcast_ref::<async_nats::jetstream::Error>()?;
    Some(cause.error_code().0)
}

/// Whether a message may be stored though it was not answered so, and why it is not.
pub(super) fn refused(error: &NatsError) -> PublishError {
    match error.kind() {
        // Nobody took it: no leader at this moment, or no stream.
        PublishErrorKind::StreamNotFound | PublishErrorKind::MaxAckPending => PublishError::Away,
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => PublishError::OutcomeUnknown,
        _ => match code(error) {
            // An earlier try under this key is still under way, or was when its leader went.
            Some(KEY_IN_PROCESS) => PublishError::OutcomeUnknown,
            Some(code) if NO_ROOM.contains(&code) => PublishError::DiskFull,
            Some(code) => {
                tracing::error!(code, %error, "JetStream refuses a message");
                PublishError::Away
            }
            None => {
                tracing::error!(%error, "a message could not be given to NATS");
                PublishError::OutcomeUnknown
            }
        },
    }
}

/// Publishes a record that is not a draft; its place.
pub(super) async fn mark(shared: &Shared, id: &ClientId, head: &Head) -> Result<Offset, PublishError> {
    shared.ready()?;
    let message = PublishMessage::build().headers(head.headers(None)).payload(Default::default());
    let sent = shared.connection.jetstream.send_publish(shared.subject(id), message).await;
    let ack = sent.map_err(|error| refused(&error))?.await.map_err(|error| refused(&error))?;
    let offset = Offset(ack.sequence);
    // The mark counts when this node has read it.
    if shared.waiting.announced(shared, offset, CALL_TIME).await {
        Ok(offset)
    } else {
        Err(PublishError::OutcomeUnknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Recipients;

    fn id(text: &str) -> ClientId {
        text.parse().unwrap()
    }

    fn stored(offset: u64, repeated: bool) -> Stored {
        Stored { offset: Offset(offset), repeated, failed: Vec::new() }
    }

    fn merged(parts: &[(&str, Result<Stored, PublishError>)]) -> Result<Stored, PublishError> {
        let mut result = None;
        for (to, part) in parts {
            merge(&mut result, &id(to), part.clone());
        }
        whole(result.unwrap())
    }

    #[test]
    fn a_list_is_answered_with_who_did_not_get_it() {
        let away = || Err(PublishError::Away);
        assert_eq!(merged(&[("a", Ok(stored(5, false)))]), Ok(stored(5, false)));
        let partly = merged(&[("a", Ok(stored(5, false))), ("b", away()), ("c", Ok(stored(7, false)))]);
        assert_eq!(partly, Ok(Stored { failed: vec![(id("b"), PublishError::Away)], ..stored(7, false) }));
        let late = merged(&[("a", away()), ("b", Ok(stored(7, true)))]);
        assert_eq!(late, Ok(Stored { failed: vec![(id("a"), PublishError::Away)], ..stored(7, true) }));
        assert_eq!(merged(&[("a", Ok(stored(5, true))), ("b", Ok(stored(7, false)))]), Ok(stored(7, false)));
        assert_eq!(merged(&[("a", Ok(stored(5, true))), ("b", Ok(stored(7, true)))]), Ok(stored(7, true)));
    }

    #[test]
    fn what_reached_nobody_is_an_error_and_the_least_certain_one() {
        let (away, unknown) = (Err(PublishError::Away), Err(PublishError::OutcomeUnknown));
        assert_eq!(merged(&[("a", away.clone()), ("b", away.clone())]), away);
        assert_eq!(merged(&[("a", unknown.clone()), ("b", away)]), unknown);
        let reused = Err(PublishError::KeyReused);
        assert_eq!(merged(&[("a", Ok(stored(5, true))), ("b", reused.clone())]), reused);
    }

    #[test]
    fn an_id_that_stands_twice_gets_a_message_once_and_keys_belong_to_their_scope() {
        let hasher = KeyHasher::new(SAME_EVERYWHERE);
        let draft = |to| Draft {
            to,
            data: protocol::message::Data::Text("x".to_owned().into()),
            ttl_seconds: 0,
            idempotency_key: Some("k".into()),
            origin: Default::default(),
        };
        let many = draft(Recipients::Many(["b", "a.c", "b"].map(id).into()));
        let parts_of_many = parts(&hasher, 3, &many);
        let ids: Vec<&str> = parts_of_many.iter().map(|part| part.id.as_str()).collect();
        assert_eq!(ids, ["b", "a.c"]);
        let one = draft(Recipients::One(id("b")));
        assert_ne!(parts(&hasher, 0, &one)[0].message_id, parts_of_many[0].message_id);
        assert!(parts_of_many[1].message_id.as_ref().unwrap().starts_with("a=2ec:"));
    }
}
