//! The cases that server, browser library and SDKs share.

use super::socket::Data;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// The cases of one file of `conformance/cases`.
pub(crate) fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

/// What a case sends: its type, its bytes, and what must arrive.
pub(crate) fn content(case: &Value) -> (&'static str, Vec<u8>, Data) {
    match case["text"].as_str() {
        Some(text) => ("text/plain", text.as_bytes().to_vec(), Data::Text(text.into())),
        None => {
            let bytes = BASE64_STANDARD.decode(case["base64"].as_str().unwrap()).unwrap();
            ("application/octet-stream", bytes.clone(), Data::Binary(bytes))
        }
    }
}

/// A text, or what `{"repeat": ["é", 128]}` stands for; anything else as it is.
pub(crate) fn expand(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("repeat") => {
            let (text, count) = (map["repeat"][0].as_str().unwrap(), map["repeat"][1].as_u64().unwrap());
            Value::String(text.repeat(count as usize))
        }
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), expand(value))).collect(),
        Value::Array(items) => items.iter().map(expand).collect(),
        plain => plain.clone(),
    }
}
