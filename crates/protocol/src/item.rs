//! Many messages in one call: a JSON array or lines (NDJSON) of items, and what one item says.
//!
//! An item is `{"to": id or [ids], "data" or "base64", "ttl"?, "idempotency_key"?}`. Whatever comes beyond a bound is
//! read past and not kept, so a body costs little more memory than it has bytes.

use crate::{
    id::{ClientId, InvalidClientId},
    limits::{BATCH_ITEMS_MAX, IDEMPOTENCY_KEY_BYTES_MAX, TTL_SECONDS_MAX},
    message::{Data, Text},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// How items are written in a body, and results in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON array, read as a whole.
    Array,
    /// An item a line; each stands for itself, and a torn last one does not count.
    Lines,
}

/// Why a body has no items that could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidItems {
    /// Nothing but space.
    #[error(
        "the body has no items. Write a JSON array of items, or an item a line; or name the recipient: ?to="
    )]
    Empty,
    /// It begins like an array and is none.
    #[error("the body is not a JSON array of items (line {line}, column {column})")]
    NotAnArray {
        /// Where it stops being one.
        line: usize,
        /// And there.
        column: usize,
    },
    /// Lines, none of them to its end.
    #[error("there is no whole item. Write an item a line; or name the recipient: ?to=")]
    NoWholeItem,
    /// More than [`BATCH_ITEMS_MAX`].
    #[error("one call takes at most {BATCH_ITEMS_MAX} items; split it")]
    TooMany,
}

/// One message to one client id, or to many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Who it is for.
    pub to: To,
    /// What is sent.
    pub data: Data,
    /// Seconds after which it is no longer delivered; 0: only who listens now gets it.
    pub ttl_seconds: Option<u32>,
    /// A send repeated with this key is stored once.
    pub idempotency_key: Option<Box<str>>,
}

/// Who an item is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A client id or a token of one, not looked at yet.
    One(String),
    /// A list of ids: one message, all or none.
    Many(Arc<[ClientId]>),
}

/// Why an item was not taken. Never with a part of it: it is a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidItem {
    /// Not JSON, or not of this form.
    #[error(
        "an item is {{\"to\": \"id\" or [\"ids\"], \"data\" or \"base64\": \"…\"}}; here {what} (column {column})"
    )]
    Json {
        /// What is wrong.
        what: &'static str,
        /// And where.
        column: usize,
    },
    /// Neither text nor bytes, or both.
    #[error("an item has one of `data` (text) and `base64` (bytes)")]
    NotOneData,
    /// `base64` that is not.
    #[error("`base64` is standard base64 with padding (RFC 4648, 4)")]
    Base64,
    /// A message of no bytes.
    #[error("a message has at least 1 byte")]
    Empty,
    /// A message with more bytes than this.
    #[error("a message has at most {0} bytes")]
    TooLarge(usize),
    /// A time to live that is none.
    #[error("a time to live is a whole number of seconds, 0 to {TTL_SECONDS_MAX}")]
    Ttl,
    /// An Idempotency-Key that is none.
    #[error(
        "an Idempotency-Key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters; a random UUID is a good one"
    )]
    IdempotencyKey,
    /// A list of no ids, or of more than [`BATCH_ITEMS_MAX`].
    #[error("a list of ids has 1 to {BATCH_ITEMS_MAX} of them; split it into several items")]
    NumberOfIds,
    /// One of a list is no client id.
    #[error("in the list of ids: {0}")]
    ClientId(InvalidClientId),
}

/// The texts of a body's items. They are not read yet: a wrong one is its own mistake.
///
/// # Errors
/// [`InvalidItems`].
pub fn split(text: &str) -> Result<(Form, Vec<&str>), InvalidItems> {
    let trimmed = text.trim_ascii_start();
    if trimmed.is_empty() {
        return Err(InvalidItems::Empty);
    }
    let (form, items) = if trimmed.starts_with('[') {
        let items: Bounded<&RawValue> = serde_json::from_str(trimmed)
            .map_err(|error| InvalidItems::NotAnArray { line: error.line(), column: error.column() })?;
        (Form::Array, items.kept.into_iter().map(RawValue::get).collect())
    } else {
        (Form::Lines, lines(text))
    };
    match (form, items.len()) {
        (Form::Lines, 0) => Err(InvalidItems::NoWholeItem),
        (_, count) if count > BATCH_ITEMS_MAX => Err(InvalidItems::TooMany),
        _ => Ok((form, items)),
    }
}

fn lines(text: &str) -> Vec<&str> {
    let (whole, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let last = Some(last).filter(|last| serde_json::from_str::<&RawValue>(last).is_ok());
    let lines = whole.split('\n').filter(|line| !line.trim_ascii().is_empty());
    lines.chain(last).take(BATCH_ITEMS_MAX + 1).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    to: RawTo,
    data: Option<String>,
    base64: Option<String>,
    ttl: Option<serde_json::Number>,
    idempotency_key: Option<String>,
}

enum RawTo {
    One(String),
    Many(Vec<String>),
}

impl Item {
    /// Reads an item with a message of at most `bytes_max`.
    ///
    /// # Errors
    /// [`InvalidItem`].
    pub fn parse(text: &str, bytes_max: usize) -> Result<Self, InvalidItem> {
        let raw: Raw = serde_json::from_str(text).map_err(|error| {
            let what =
                if error.is_data() { "a field is missing, unknown or of another type" } else { "not JSON" };
            InvalidItem::Json { what, column: error.column() }
        })?;
        let ttl_seconds = raw.ttl.map(|number| number.as_u64().ok_or(InvalidItem::Ttl).and_then(ttl));
        let ttl_seconds = ttl_seconds.transpose()?;
        let idempotency_key = raw.idempotency_key.as_deref().map(idempotency_key).transpose()?;
        let data = data(raw.data, raw.base64, bytes_max)?;
        let to = match raw.to {
            RawTo::One(text) => To::One(text),
            RawTo::Many(ids) if !(1..=BATCH_ITEMS_MAX).contains(&ids.len()) => {
                return Err(InvalidItem::NumberOfIds);
            }
            RawTo::Many(ids) => {
                let ids: Result<Vec<ClientId>, _> = ids.iter().map(|text| text.parse()).collect();
                To::Many(ids.map_err(InvalidItem::ClientId)?.into())
            }
        };
        Ok(Self { to, data, ttl_seconds, idempotency_key })
    }
}

/// A time to live in whole seconds.
///
/// # Errors
/// [`InvalidItem::Ttl`] for more than a day.
pub fn ttl(seconds: u64) -> Result<u32, InvalidItem> {
    let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds <= TTL_SECONDS_MAX);
    seconds.ok_or(InvalidItem::Ttl)
}

/// An Idempotency-Key of printable ASCII.
///
/// # Errors
/// [`InvalidItem::IdempotencyKey`] for anything else.
pub fn idempotency_key(key: &str) -> Result<Box<str>, InvalidItem> {
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits { Ok(key.into()) } else { Err(InvalidItem::IdempotencyKey) }
}

fn data(text: Option<String>, base64: Option<String>, bytes_max: usize) -> Result<Data, InvalidItem> {
    let data = match (text, base64) {
        (Some(text), None) => Data::Text(Text::from(text)),
        (None, Some(base64)) => {
            let bytes = BASE64_STANDARD.decode(base64).map_err(|_| InvalidItem::Base64)?;
            Data::Binary(bytes.into())
        }
        _ => return Err(InvalidItem::NotOneData),
    };
    match data.bytes().len() {
        0 => Err(InvalidItem::Empty),
        length if length > bytes_max => Err(InvalidItem::TooLarge(bytes_max)),
        _ => Ok(data),
    }
}

/// A list of which one more than [`BATCH_ITEMS_MAX`] is kept, and the rest read past.
struct Bounded<T> {
    kept: Vec<T>,
}

impl<'de, T: Deserialize<'de>> Bounded<T> {
    fn read<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut kept = Vec::new();
        while kept.len() <= BATCH_ITEMS_MAX {
            let Some(item) = list.next_element()? else { return Ok(Self { kept }) };
            kept.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self { kept })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Bounded<T>, A::Error> {
                Bounded::read(list)
            }
        }

        deserializer.deserialize_seq(List(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for RawTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = RawTo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a client id or a list of them")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawTo, E> {
                Ok(RawTo::One(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<RawTo, E> {
                Ok(RawTo::One(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawTo, A::Error> {
                Bounded::read(list).map(|ids| RawTo::Many(ids.kept))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

#[cfg(test)]
mod tests;
