//! One item among many: `{"to": id or [ids], "data" or "base64", "ttl"?, "idempotency_key"?}`.

use super::one::{check_idempotency_key, check_ttl};
use crate::{
    http::error::Problem,
    service::{Send, Service, Target},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use broker::message::Recipients;
use protocol::{
    id::ClientId,
    limits,
    message::{Data, Text},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    to: To,
    data: Option<String>,
    base64: Option<String>,
    ttl: Option<serde_json::Number>,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum To {
    One(String),
    Many(Vec<String>),
}

/// What an item asks for.
pub(super) enum Parsed {
    Send(Send),
    /// Its only recipient is a token whose time is over: it succeeds and reaches nobody.
    Nobody,
}

/// Reads an item. A wrong one is its own problem; the others are sent.
pub(super) fn parse(service: &Service, text: &str) -> Result<Parsed, Problem> {
    let item: Item = serde_json::from_str(text).map_err(|error| {
        // The position in the text, not the text: it is a message.
        let what = if error.is_data() { "a field is missing, unknown or of another type" } else { "not JSON" };
        Problem::invalid_json(format!(
            "An item is {{\"to\": \"id\" or [\"ids\"], \"data\" or \"base64\": \"…\"}}; here {what} (column {}).",
            error.column()
        ))
    })?;
    let ttl = match item.ttl {
        None => None,
        Some(number) => Some(check_ttl(number.as_u64())?),
    };
    let idempotency_key = item.idempotency_key.as_deref().map(check_idempotency_key).transpose()?;
    let data = data(item.data, item.base64, service.message_bytes_max)?;
    let Some(to) = recipients(service, item.to)? else { return Ok(Parsed::Nobody) };
    Ok(Parsed::Send(Send { to, data, ttl, idempotency_key }))
}

fn recipients(service: &Service, to: To) -> Result<Option<Recipients>, Problem> {
    let ids = match to {
        To::One(text) => {
            return Ok(match service.target(text.as_bytes())? {
                Target::Client(id) => Some(Recipients::One(id)),
                Target::Nobody => None,
            });
        }
        To::Many(ids) => ids,
    };
    if !(1..=limits::BATCH_ITEMS_MAX).contains(&ids.len()) {
        let detail = format!(
            "A list of ids has 1 to {} of them; split it into several items.",
            limits::BATCH_ITEMS_MAX
        );
        return Err(Problem::bad_request("too_many_ids", detail));
    }
    let ids: Result<Vec<ClientId>, Problem> = ids
        .iter()
        .map(|text| {
            text.parse::<ClientId>().map_err(|error| {
                let mut problem = Problem::from(error);
                problem.detail = format!("In the list of ids: {}", problem.detail);
                problem
            })
        })
        .collect();
    Ok(Some(Recipients::Many(ids?.into())))
}

fn data(text: Option<String>, base64: Option<String>, max: usize) -> Result<Data, Problem> {
    let data = match (text, base64) {
        (Some(text), None) => Data::Text(Text::from(text)),
        (None, Some(base64)) => {
            let bytes = BASE64_STANDARD.decode(base64);
            let bytes = bytes.map_err(|_| {
                Problem::bad_request(
                    "invalid_base64",
                    "`base64` is standard base64 with padding (RFC 4648, 4).",
                )
            })?;
            Data::Binary(bytes.into())
        }
        _ => return Err(Problem::invalid_json("An item has one of `data` (text) and `base64` (bytes).")),
    };
    match data.bytes().len() {
        0 => Err(Problem::empty_message()),
        length if length > max => Err(Problem::message_too_large(max)),
        _ => Ok(data),
    }
}
