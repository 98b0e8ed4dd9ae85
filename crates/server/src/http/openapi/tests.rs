//! The description as a whole: it is sound, and it is the one that is checked in.

use super::{
    calls,
    document::{TAGS, document},
    text,
};
use serde_json::Value;
use std::collections::HashSet;

/// Every object of a document, with the way to it.
fn walk(value: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}"), visit))
        }
        Value::Array(items) => items.iter().for_each(|value| walk(value, &format!("{path}/-"), visit)),
        _ => {}
    }
}

/// `just openapi` has it written anew.
#[test]
fn the_one_that_is_served_is_this_one() {
    let mut made = serde_json::to_string_pretty(&document()).unwrap();
    made.push('\n');
    if std::env::var("DOWNLINK_OPENAPI").is_ok_and(|wish| wish == "write") {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json"), made).unwrap();
        return;
    }
    assert!(made == text(), "docs/openapi.json is not what the code says; `just openapi` writes it anew");
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_referred_to() {
    let document = document();
    let mut used = HashSet::new();
    walk(&document, "", &mut |path, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{path} refers to {target}");
            used.insert(target.rsplit('/').next().unwrap().to_owned());
        }
    });
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(used.contains(name), "nothing is a {name}");
    }
}

#[test]
fn every_call_says_what_it_is_and_who_may_call_it() {
    let mut ids = HashSet::new();
    for call in calls::all() {
        let name = format!("{} {}", call.method, call.path);
        assert!(ids.insert(call.id), "{name}: an id is one call's");
        assert!(!call.summary.is_empty() && !call.about.is_empty(), "{name}");
        assert!(TAGS.iter().any(|(tag, _)| *tag == call.tag), "{name}");
        assert!(call.answers.iter().any(|(status, _)| *status < 300), "{name}");
        let is_of_the_api = call.path.starts_with("/v1/") && !call.path.starts_with("/v1/socket");
        assert_eq!(call.scope.is_some(), is_of_the_api, "{name}");
        let in_path = call.path.matches('{').count();
        assert_eq!(
            call.parameters.iter().filter(|parameter| parameter["in"] == "path").count(),
            in_path,
            "{name}"
        );
    }
}
