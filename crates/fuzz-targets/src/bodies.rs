//! What applications and polls say over HTTP: items of `POST /v1/messages`, and queries.

use crate::input::Input;
use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::{
    item::{self, Item, To},
    limits::{BATCH_ITEMS_MAX, MESSAGE_BYTES_MAX, WAIT_SECONDS_MAX},
    message::Data,
    query,
};
use serde_json::Value;

/// The first byte says whether a body or a query follows.
pub fn bodies(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte();
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    if kind & 1 == 0 { body(text) } else { queries(text) }
}

/// What is taken says, to any other reader of JSON, what it was taken for.
fn body(text: &str) {
    let items = match item::split(text) {
        Ok((_, items)) => items,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(items.len() <= BATCH_ITEMS_MAX);
    for text in items {
        match Item::parse(text, MESSAGE_BYTES_MAX) {
            Ok(item) => agree(&item, &serde_json::from_str(text).expect("an item is JSON")),
            Err(error) => assert!(error.to_string().len() < 200, "an error does not repeat a message"),
        }
    }
}

fn agree(item: &Item, value: &Value) {
    match &item.to {
        To::One(id) => assert_eq!(value["to"], *id),
        To::Many(ids) => {
            assert!((1..=BATCH_ITEMS_MAX).contains(&ids.len()));
            let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
            assert_eq!(value["to"], Value::from(ids));
        }
    }
    assert!((1..=MESSAGE_BYTES_MAX).contains(&item.data.bytes().len()));
    match &item.data {
        Data::Text(text) => assert_eq!(value["data"], text.as_str()),
        Data::Binary(bytes) => assert_eq!(value["base64"], BASE64_STANDARD.encode(bytes)),
    }
    assert_eq!(value["ttl"].as_u64(), item.ttl_seconds.map(u64::from));
    assert_eq!(value["idempotency_key"].as_str(), item.idempotency_key.as_deref());
}

fn queries(text: &str) {
    if let Ok(Some(to)) = query::recipient(text, false) {
        assert_eq!(query::value(text, "to"), Some(to));
        assert!(query::recipient(text, true).is_err(), "a send has one recipient");
    }
    if let Ok(seconds) = query::wait_seconds(text) {
        assert!(seconds <= WAIT_SECONDS_MAX);
    }
    for name in ["token", "after", "socket", "channel", "command"] {
        if let Some(value) = query::value(text, name) {
            assert!(value.len() <= text.len(), "decoding never lengthens");
        }
    }
}
