//! The cases that server, browser library and SDKs share.

use serde_json::Value;

/// The cases of one file of `conformance/cases`.
pub(crate) fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
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
