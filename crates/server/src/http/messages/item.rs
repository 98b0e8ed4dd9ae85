//! One item among many: who its `to` stands for.

use crate::{
    http::error::Problem,
    service::{Send, Service, Target},
};
use broker::message::Recipients;
use protocol::item::{Item, To};

/// What an item asks for.
pub(super) enum Parsed {
    Send(Send),
    /// Its only recipient is a token whose time is over: it succeeds and reaches nobody.
    Nobody,
}

/// Reads an item. A wrong one is its own problem; the others are sent.
pub(super) fn parse(service: &Service, text: &str) -> Result<Parsed, Problem> {
    let item = Item::parse(text, service.message_bytes_max)?;
    let to = match item.to {
        To::Many(ids) => Recipients::Many(ids),
        To::One(text) => match service.target(text.as_bytes())? {
            Target::Client(id) => Recipients::One(id),
            Target::Nobody => return Ok(Parsed::Nobody),
        },
    };
    let Item { data, ttl_seconds: ttl, idempotency_key, .. } = item;
    Ok(Parsed::Send(Send { to, data, ttl, idempotency_key }))
}
