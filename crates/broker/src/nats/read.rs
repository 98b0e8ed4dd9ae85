//! Reading single records and stretches of a channel from the stream.
//!
//! Any server that has a copy answers a direct get. It may be a moment behind; who knows of a record that is not in the
//! answer asks the leader ([`next_at_leader`]).

use super::{
    Shared,
    connect::CALL_TIME,
    record::{Head, Record},
};
use crate::error::ReadError;
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use futures_util::StreamExt;
use protocol::cursor::Offset;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// Records of one answer at most.
const BATCH_MAX: usize = 256;

/// Bytes of one answer at most; of records that are larger there is one.
const BATCH_BYTES: usize = 1024 * 1024;

/// What is asked for.
#[derive(Default, Serialize)]
struct Ask<'a> {
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
}

/// A stretch of a channel.
#[derive(Default)]
pub(super) struct Stretch {
    /// By rising offset. What nobody of us wrote is left out.
    pub(super) records: Vec<Record>,
    /// Up to where the channel was read.
    pub(super) upto: Offset,
    /// There is more.
    pub(super) more: bool,
}

pub(super) fn failed(error: &dyn std::fmt::Display) -> ReadError {
    ReadError(format!("NATS: {error}"))
}

fn direct(shared: &Shared) -> String {
    format!("$JS.API.DIRECT.GET.{}", shared.connection.names.stream())
}

/// The record at a place; `None` if it is no longer there.
pub(super) async fn at(shared: &Shared, offset: Offset) -> Result<Option<Record>, ReadError> {
    let ask = Ask { seq: offset.0, ..Ask::default() };
    let client = &shared.connection.client;
    let answer = client.request(direct(shared), json(&ask)).await.map_err(|error| failed(&error))?;
    match record(&answer) {
        Some((_, record)) => Ok(record),
        None => at_leader(shared, &ask).await.map(|found| found.and_then(|(_, record)| record)),
    }
}

/// The first record of a channel from a place on, whoever wrote it. That there is none, the leader says.
pub(super) async fn first(shared: &Shared, subject: &str, from: Offset) -> Result<Option<Record>, ReadError> {
    let ask = Ask { seq: from.0.max(1), next_by_subj: Some(subject), ..Ask::default() };
    let client = &shared.connection.client;
    let answer = client.request(direct(shared), json(&ask)).await.map_err(|error| failed(&error))?;
    let other = |offset| Record { offset, head: Head::default(), payload: Bytes::new() };
    match (record(&answer), answer.status.map(|status| status.as_u16())) {
        (Some((offset, record)), _) => Ok(Some(record.unwrap_or_else(|| other(offset)))),
        (None, Some(404)) => {
            let found = at_leader(shared, &ask).await?;
            Ok(found.map(|(offset, record)| record.unwrap_or_else(|| other(offset))))
        }
        (None, status) => Err(failed(&format!("an answer that is not understood ({status:?})"))),
    }
}

/// Up to `max` records of a channel behind a place.
pub(super) async fn stretch(
    shared: &Shared,
    subject: &str,
    after: Offset,
    max: usize,
) -> Result<Stretch, ReadError> {
    let client = &shared.connection.client;
    let ask = Ask {
        seq: after.0 + 1,
        next_by_subj: Some(subject),
        batch: Some(max.clamp(1, BATCH_MAX)),
        max_bytes: Some(BATCH_BYTES),
    };
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
    let asked = client.publish_with_reply(direct(shared), inbox, json(&ask)).await;
    asked.map_err(|error| failed(&error))?;
    let mut stretch = Stretch { upto: after, ..Stretch::default() };
    loop {
        let answer = timeout(CALL_TIME, answers.next()).await;
        let Ok(Some(answer)) = answer else { return Err(failed(&"no answer in time")) };
        let pending = number(answer.headers.as_ref(), "Nats-Num-Pending");
        let Some((offset, record)) = record(&answer) else {
            return match answer.status.map(|status| status.as_u16()) {
                // The end of the batch, and nothing at all.
                Some(204) => Ok(Stretch { more: pending.is_some_and(|pending| pending > 0), ..stretch }),
                Some(404) => Ok(stretch),
                // Nobody answers: the servers with a copy are away.
                Some(503) => Err(failed(&"no server has the stream at this moment")),
                status => Err(failed(&format!(
                    "{} {}",
                    status.unwrap_or_default(),
                    answer.description.as_deref().unwrap_or("an answer that is not understood")
                ))),
            };
        };
        stretch.upto = offset;
        stretch.records.extend(record);
        if pending.is_none() {
            // A server before 2.11 gives one, and does not say what is left.
            return Ok(Stretch { more: true, ..stretch });
        }
    }
}

/// The next record of a channel behind a place, as the leader knows it.
pub(super) async fn next_at_leader(
    shared: &Shared,
    subject: &str,
    after: Offset,
) -> Result<Option<(Offset, Option<Record>)>, ReadError> {
    at_leader(shared, &Ask { seq: after.0 + 1, next_by_subj: Some(subject), ..Ask::default() }).await
}

/// The newest record of a channel, as the leader knows it; 0 if there is none.
pub(super) async fn newest_at_leader(shared: &Shared, subject: &str) -> Result<Offset, ReadError> {
    #[derive(Serialize)]
    struct Newest<'a> {
        last_by_subj: &'a str,
    }
    let found = ask_leader(shared, json(&Newest { last_by_subj: subject })).await?;
    Ok(found.map(|(offset, _)| offset).unwrap_or_default())
}

async fn at_leader(shared: &Shared, ask: &Ask<'_>) -> Result<Option<(Offset, Option<Record>)>, ReadError> {
    ask_leader(shared, json(ask)).await
}

async fn ask_leader(shared: &Shared, ask: Bytes) -> Result<Option<(Offset, Option<Record>)>, ReadError> {
    #[derive(Deserialize)]
    struct Answer {
        message: Option<Stored>,
        error: Option<Refusal>,
    }
    #[derive(Deserialize)]
    struct Stored {
        seq: u64,
        hdrs: Option<String>,
        data: Option<String>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        err_code: u64,
        description: String,
    }
    const NO_MESSAGE_FOUND: u64 = 10037;
    let subject = format!("$JS.API.STREAM.MSG.GET.{}", shared.connection.names.stream());
    let answer = shared.connection.client.request(subject, ask).await.map_err(|error| failed(&error))?;
    let answer: Answer = serde_json::from_slice(&answer.payload).map_err(|error| failed(&error))?;
    match answer {
        Answer { error: Some(refusal), .. } if refusal.err_code == NO_MESSAGE_FOUND => Ok(None),
        Answer { error: Some(refusal), .. } => Err(failed(&refusal.description)),
        Answer { message: None, .. } => Err(failed(&"an answer that is not understood")),
        Answer { message: Some(stored), .. } => {
            let headers = stored.hdrs.map(|text| base64(&text)).transpose()?;
            let head = headers.and_then(|bytes| Head::read(Some(&headers_of(&bytes))));
            let payload = stored.data.map(|text| base64(&text)).transpose()?.unwrap_or_default();
            let offset = Offset(stored.seq);
            let record = head.map(|head| Record { offset, head, payload: payload.into() });
            Ok(Some((offset, record)))
        }
    }
}

fn base64(text: &str) -> Result<Vec<u8>, ReadError> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).map_err(|error| failed(&error))
}

/// Headers as they are stored: `NATS/1.0`, and a line each.
fn headers_of(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let text = String::from_utf8_lossy(bytes);
    for (name, value) in text.split("\r\n").skip(1).filter_map(|line| line.split_once(':')) {
        // Names that cannot be ours are of no interest.
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            headers.append(name, value.trim());
        }
    }
    headers
}

fn json(ask: &impl Serialize) -> Bytes {
    serde_json::to_vec(ask).expect("numbers and texts can be written").into()
}

fn number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}

/// A direct answer's place, and the record if it is one of ours; `None` if it is no record.
fn record(answer: &Message) -> Option<(Offset, Option<Record>)> {
    if answer.status.is_some_and(|status| status.as_u16() >= 204) {
        return None;
    }
    let offset = Offset(number(answer.headers.as_ref(), "Nats-Sequence")?);
    let head = Head::read(answer.headers.as_ref());
    Some((offset, head.map(|head| Record { offset, head, payload: answer.payload.clone() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_headers_are_read_line_by_line() {
        let headers =
            headers_of(b"NATS/1.0\r\nDownlink: t 5 ttl=9\r\nNats-Msg-Id:a:b\r\nbad name: x\r\n\r\n");
        assert_eq!(Head::read(Some(&headers)).map(|head| (head.time_ms, head.ttl_seconds)), Some((5, 9)));
        assert_eq!(headers.get("Nats-Msg-Id").map(|value| value.as_str()), Some("a:b"));
        assert!(headers_of(b"").is_empty());
    }
}
