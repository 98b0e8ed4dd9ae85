//! Keys that may do a part: each call with each of them, by every way that leads to it.

use crate::support::{
    http::{API_KEY, Api, Response},
    server::{Server, Setup, memory},
};
use std::io::Write;
use tempfile::NamedTempFile;

const SCOPES: [&str; 4] = ["send", "create", "read", "admin"];

/// The key that has this scope alone.
fn key(scope: &str) -> String {
    format!("the-key-of-tests-for-{scope}")
}

fn configuration() -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "[api]\nkeys = [\n  \"{API_KEY}\",").unwrap();
    for scope in SCOPES {
        writeln!(file, "  {{ name = \"{scope}\", secret = \"{}\", scopes = [\"{scope}\"] }},", key(scope))
            .unwrap();
    }
    writeln!(
        file,
        "  {{ name = \"shop\", secret = \"the-key-of-the-shop\", scopes = [\"send\", \"create\"] }},\n]"
    )
    .unwrap();
    file
}

fn start(file: &NamedTempFile) -> Server {
    let setup: Setup = memory().env("DOWNLINK_API_KEY", "").arg("--config");
    setup.arg(file.path().to_str().unwrap()).start()
}

fn call(api: &mut Api, key: &str, (method, path, body): (&str, &str, &str)) -> Response {
    let headers = [("Authorization", format!("Bearer {key}"))];
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if body.starts_with('{') {
        headers.push(("Content-Type", "application/json"));
    }
    api.try_call(method, path, &headers, body.as_bytes()).unwrap()
}

#[test]
fn every_call_needs_its_scope() {
    let file = configuration();
    let server = start(&file);
    let mut api = server.api();
    for (scope, request) in [
        ("send", ("POST", "/v1/channels/ada/messages", "plain")),
        ("send", ("POST", "/v1/channels/ada/messages?", "not plain")),
        ("send", ("POST", "/v1/messages?to=ada", "by query")),
        ("send", ("POST", "/v1/messages", r#"[{"to": "ada", "data": "many"}]"#)),
        ("create", ("POST", "/v1/channels", r#"{"client_id": "ada"}"#)),
        ("read", ("GET", "/v1/channels/ada", "")),
        ("read", ("GET", "/v1/channels?client_id=ada", "")),
        ("read", ("GET", "/v1/channels/ada/messages", "")),
        ("read", ("GET", "/v1/presence", "")),
        ("admin", ("DELETE", "/v1/channels/ada", "")),
        ("admin", ("DELETE", "/v1/channels?client_id=ada", "")),
        ("admin", ("GET", "/v1/console/stats", "")),
        ("admin", ("GET", "/v1/console/clients", "")),
        ("admin", ("GET", "/v1/console/client?client_id=ada", "")),
        ("admin", ("GET", "/v1/console/messages?client_id=ada", "")),
        ("admin", ("DELETE", "/v1/console/sockets?client_id=ada", "")),
    ] {
        for has in SCOPES {
            let answer = call(&mut api, &key(has), request);
            if has == scope {
                assert!(answer.status < 300, "{request:?} with {has}: {}", answer.text());
                continue;
            }
            assert_eq!(
                (answer.status, answer.code()),
                (403, "missing_scope".into()),
                "{request:?} with {has}"
            );
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(&format!("\"{scope}\"")), "it says which: {detail}");
            assert!(!detail.contains(&key(has)), "{detail}");
        }
        assert!(call(&mut api, API_KEY, request).status < 300, "a plain key may do all: {request:?}");
        assert_eq!(call(&mut api, "the-key-of-nobody", request).code(), "invalid_api_key");
    }
    assert_eq!(api.kept("ada"), [] as [&str; 0], "deleted");
}

#[test]
fn a_key_may_have_several_scopes() {
    let file = configuration();
    let server = start(&file);
    let mut api = server.api();
    let shop = "the-key-of-the-shop";
    assert_eq!(call(&mut api, shop, ("POST", "/v1/channels/ada/messages", "x")).status, 201);
    assert_eq!(call(&mut api, shop, ("POST", "/v1/channels", r#"{"client_id": "ada"}"#)).status, 201);
    assert_eq!(call(&mut api, shop, ("GET", "/v1/presence", "")).code(), "missing_scope");
    assert_eq!(call(&mut api, shop, ("DELETE", "/v1/channels/ada", "")).code(), "missing_scope");
    assert_eq!(api.kept("ada"), ["x"]);
}
