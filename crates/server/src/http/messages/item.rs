//! One item among many: who its `to` stands for.

use crate::{
    http::{auth::refused_for, error::Problem},
    service::{Send, Service, Target},
};
use broker::message::{Origin, Recipients};
use protocol::{
    id::ClientId,
    item::{Item, To},
};

/// What an item asks for.
pub(super) enum Parsed {
    Send(Send),
    /// Its only recipient is a token whose time is over: it succeeds and reaches nobody.
    Nobody,
}

fn may_get(service: &Service, id: &ClientId) -> Result<(), Problem> {
    let result = service.rates.send_to(id, service.hub.clock.elapsed_ms());
    result.map_err(|why| refused_for(service, why))
}

/// Reads an item. A wrong one is its own problem; the others are sent.
pub(super) fn parse(service: &Service, text: &str, origin: &Origin) -> Result<Parsed, Problem> {
    let item = Item::parse(text, service.message_bytes_max)?;
    let to = match item.to {
        To::Many(ids) => {
            ids.iter().try_for_each(|id| may_get(service, id))?;
            Recipients::Many(ids)
        }
        To::One(text) => match service.target(text.as_bytes())? {
            Target::Client(id) => {
                may_get(service, &id)?;
                Recipients::One(id)
            }
            Target::Nobody => return Ok(Parsed::Nobody),
        },
    };
    let Item { data, ttl_seconds: ttl, idempotency_key, .. } = item;
    Ok(Parsed::Send(Send { to, data, ttl, idempotency_key, origin: origin.clone() }))
}
