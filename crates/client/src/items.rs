//! Many messages in one call: cuts items into bodies of lines, and reads the lines that answer them. No I/O.

use crate::{answers::Sent, call::key_for, error::Error};
use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::{
    limits::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX},
    message::Data,
    token::looks_like_token,
};
use serde::{Deserialize, Serialize};
use std::{fmt, iter::Peekable};

/// To whom an item goes.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum To {
    /// A client id, or a token.
    One(String),
    /// Up to 10,000 client ids: one record for all of them.
    Many(Vec<String>),
}

/// One of many messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// To whom.
    pub to: To,
    /// What.
    pub data: Data,
    /// Seconds after which nobody gets it any more; 0 stores nothing.
    pub ttl: Option<u32>,
    /// Under which it is stored once, however often it is sent; a random one if none is given.
    pub idempotency_key: Option<String>,
}

impl Item {
    /// A message to one client id, kept as long as the server keeps messages.
    #[must_use]
    pub fn new(to: impl Into<String>, data: Data) -> Self {
        Self { to: To::One(to.into()), data, ttl: None, idempotency_key: None }
    }
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ItemResult {
    /// It was refused; the others were not touched by it.
    Refused {
        /// The stable word for what happened.
        code: String,
        /// A sentence that says what to do.
        #[serde(default)]
        detail: String,
    },
    /// It was taken for many client ids.
    SentToMany {
        /// For how many of them it is stored.
        stored: u64,
        /// Their sockets on the node that answered: a hint.
        sockets: u64,
        /// Those for whom it is not.
        #[serde(default)]
        failed: Vec<FailedTarget>,
    },
    /// It was taken.
    Sent(Sent),
}

/// A client id that a message for many did not reach.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct FailedTarget {
    /// The client id.
    pub to: String,
    /// Why.
    pub code: String,
}

impl fmt::Debug for To {
    /// Without tokens, which must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            To::One(target) => f.debug_tuple("One").field(&shown(target)).finish(),
            To::Many(targets) => {
                let shown: Vec<_> = targets.iter().map(|target| shown(target)).collect();
                f.debug_tuple("Many").field(&shown).finish()
            }
        }
    }
}

impl fmt::Debug for FailedTarget {
    /// The target is as it was given, so it may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedTarget").field("to", &shown(&self.to)).field("code", &self.code).finish()
    }
}

/// A target as logs may have it.
fn shown(target: &str) -> &str {
    if looks_like_token(target) { "[token]" } else { target }
}

impl From<&Error> for ItemResult {
    fn from(error: &Error) -> Self {
        ItemResult::Refused { code: error.code().to_owned(), detail: error.to_string() }
    }
}

/// The body of one call.
pub(crate) struct Batch {
    pub(crate) lines: Vec<u8>,
    pub(crate) items: usize,
    /// Whether each item's key protects it: what is not stored cannot be recognised when it comes again.
    pub(crate) repeatable: bool,
}

/// Cuts items into calls that the server takes; they are read only as they are needed.
pub(crate) fn batches(items: impl Iterator<Item = Item>) -> impl Iterator<Item = Batch> {
    let mut encoded = items.map(|item| (encode(&item), item.ttl != Some(0))).peekable();
    std::iter::from_fn(move || next_batch(&mut encoded))
}

fn next_batch(encoded: &mut Peekable<impl Iterator<Item = (Vec<u8>, bool)>>) -> Option<Batch> {
    let (lines, repeatable) = encoded.next()?;
    let mut batch = Batch { lines, items: 1, repeatable };
    // The first is taken whatever its size: the server says why one item alone is too large.
    while batch.items < BATCH_ITEMS_MAX {
        let fits = |(line, _): &(Vec<u8>, bool)| batch.lines.len() + line.len() <= BATCH_BYTES_MAX;
        let Some((line, repeatable)) = encoded.next_if(fits) else { break };
        batch.lines.extend_from_slice(&line);
        batch.items += 1;
        batch.repeatable &= repeatable;
    }
    Some(batch)
}

fn encode(item: &Item) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        to: &'a To,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
    }
    let (data, base64) = match &item.data {
        Data::Text(text) => (Some(text.as_str()), None),
        Data::Binary(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
    };
    let idempotency_key = key_for(item.idempotency_key.as_deref(), item.ttl);
    let line = Line { to: &item.to, data, base64, ttl: item.ttl, idempotency_key };
    let mut line = serde_json::to_vec(&line).expect("strings and numbers are always JSON");
    line.push(b'\n');
    line
}

/// Reads the answer to a batch: a line an item, in their order. Nothing if it is no such answer.
pub(crate) fn read_results(body: &[u8], items: usize) -> Option<Vec<ItemResult>> {
    let lines = body.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let results = lines.map(serde_json::from_slice).collect::<Result<Vec<_>, _>>().ok()?;
    (results.len() == items).then_some(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn text(data: &str) -> Data {
        Data::Text(data.to_owned().into())
    }

    fn only_line(item: Item) -> serde_json::Value {
        let batch = batches(std::iter::once(item)).next().unwrap();
        serde_json::from_slice(batch.lines.strip_suffix(b"\n").unwrap()).unwrap()
    }

    #[test]
    fn an_item_is_a_line_with_a_key() {
        let line = only_line(Item::new("ada", text("two\nlines")));
        assert_eq!((&line["to"], &line["data"]), (&"ada".into(), &"two\nlines".into()));
        assert_eq!(line["idempotency_key"].as_str().unwrap().len(), 32);
        assert!(line.get("ttl").is_none() && line.get("base64").is_none());
    }

    #[test]
    fn bytes_ids_and_times_have_their_place() {
        let line = only_line(Item {
            to: To::Many(vec!["ada".into(), "bob".into()]),
            data: Data::Binary(Bytes::from_static(b"\0\x01\x02")),
            ttl: Some(0),
            idempotency_key: None,
        });
        assert_eq!(line, serde_json::json!({"to": ["ada", "bob"], "base64": "AAEC", "ttl": 0}));
    }

    #[test]
    fn tokens_are_not_shown() {
        let token = "eyJ.the.secret";
        let many = Item { to: To::Many(vec!["ada".into(), token.into()]), ..Item::new("", text("x")) };
        let failed = FailedTarget { to: token.into(), code: "any".into() };
        let shown = format!("{:?} {many:?} {failed:?}", Item::new(token, text("x")));
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("One(\"[token]\")") && shown.contains("[\"ada\", \"[token]\"]"), "{shown}");
    }

    #[test]
    fn calls_are_cut_where_the_server_would_refuse_them() {
        let many = (0..BATCH_ITEMS_MAX + 1).map(|_| Item::new("a", text("x")));
        assert_eq!(batches(many).map(|b| b.items).collect::<Vec<_>>(), [BATCH_ITEMS_MAX, 1]);
        let large = (0..3).map(|_| Item::new("a", text(&"x".repeat(BATCH_BYTES_MAX / 2 - 100))));
        assert_eq!(batches(large).map(|b| b.items).collect::<Vec<_>>(), [2, 1]);
        let larger = (0..2).map(|_| Item::new("a", text(&"x".repeat(BATCH_BYTES_MAX + 1))));
        assert_eq!(batches(larger).map(|b| b.items).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn one_item_that_is_not_stored_makes_the_call_unrepeatable() {
        let volatile = Item { ttl: Some(0), ..Item::new("a", text("x")) };
        let items = [Item::new("a", text("x")), volatile];
        assert!(!batches(items.into_iter()).next().unwrap().repeatable);
        assert!(batches(std::iter::once(Item::new("a", text("x")))).next().unwrap().repeatable);
    }

    #[test]
    fn each_kind_of_answer_is_told_apart() {
        let body = br#"{"id":"k3f.1","sockets":1}
{"stored":1,"sockets":0,"failed":[{"to":"","code":"invalid_client_id"}]}
{"code":"empty_message","detail":"Nothing in it."}
{"id":null,"sockets":3}
"#;
        let failed = FailedTarget { to: String::new(), code: "invalid_client_id".into() };
        assert_eq!(
            read_results(body, 4).unwrap(),
            [
                ItemResult::Sent(Sent { id: Some("k3f.1".into()), sockets: 1 }),
                ItemResult::SentToMany { stored: 1, sockets: 0, failed: vec![failed] },
                ItemResult::Refused { code: "empty_message".into(), detail: "Nothing in it.".into() },
                ItemResult::Sent(Sent { id: None, sockets: 3 }),
            ]
        );
    }

    #[test]
    fn another_number_of_answers_is_no_answer() {
        assert!(read_results(b"{\"id\":\"k3f.1\",\"sockets\":1}\n", 2).is_none());
        assert!(read_results(b"<html>", 1).is_none());
    }
}
