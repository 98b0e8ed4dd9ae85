//! Reads the conformance cases: behaviour as data, the same for every part of Downlink.

use base64::{Engine, prelude::BASE64_STANDARD};
use client::Data;
use serde_json::Value;
use std::{collections::HashSet, fs};

/// The cases of one file, with all repetitions written out.
pub(crate) fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/../../conformance/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).expect("a case file is JSON");
    let cases: Vec<_> = file["cases"].as_array().expect("with cases").iter().map(written_out).collect();
    let names: HashSet<_> = cases.iter().map(|case| text(case, "name")).collect();
    assert!(!cases.is_empty() && names.len() == cases.len(), "{name}.json: each case has a name of its own");
    cases
}

/// A member that has to be there.
pub(crate) fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_else(|| panic!("{member} is a text in {case}"))
}

/// What a case sends.
pub(crate) fn data(case: &Value) -> Data {
    match case.get("base64") {
        Some(_) => Data::Binary(BASE64_STANDARD.decode(text(case, "base64")).unwrap().into()),
        None => Data::Text(text(case, "text").to_owned().into()),
    }
}

fn written_out(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(written_out).collect(),
        Value::Object(members) => match members.get("repeat") {
            Some(Value::Array(repeat)) => {
                let times = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
                repeat[0].as_str().unwrap().repeat(times).into()
            }
            _ => members.iter().map(|(name, value)| (name.clone(), written_out(value))).collect(),
        },
        _ => value.clone(),
    }
}
