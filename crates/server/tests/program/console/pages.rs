//! What a browser loads, and who may ask for more.

use crate::support::{
    PATIENCE,
    http::Api,
    server::{downlink, memory, read_lines},
};
use serde_json::json;
use std::process::Stdio;

const CALLS: [(&str, &str); 6] = [
    ("GET", "/v1/console/stats"),
    ("GET", "/v1/console/clients"),
    ("GET", "/v1/console/client?client_id=ada"),
    ("GET", "/v1/console/messages?client_id=ada"),
    ("GET", "/v1/console/message?client_id=ada&id=a.1"),
    ("DELETE", "/v1/console/sockets?client_id=ada"),
];

#[test]
fn pages_are_public_hold_nothing_and_let_nothing_in() {
    let server = memory().start();
    let mut api = server.api();
    for path in ["/console", "/console/test"] {
        let page = api.try_call("GET", path, &[], b"").unwrap();
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{part} is not in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(page.header(name), Some(value), "{path}: {name}");
        }
        let text = page.text();
        assert!(!text.contains("style=") && !text.contains("onclick="), "{path} has something inline");
        let files = text.split('"').filter(|part| part.starts_with("/console/assets/"));
        assert!(files.clone().count() >= 3, "{path}");
        for file in files {
            let answer = api.try_call("GET", file, &[], b"").unwrap();
            assert_eq!(answer.status, 200, "{file}");
            assert!(answer.header("content-security-policy").is_some(), "{file}");
        }
    }
    assert_eq!(api.try_call("GET", "/console/assets/nothing.js", &[], b"").unwrap().status, 404);
}

#[test]
fn every_module_that_a_module_wants_is_there() {
    let server = memory().start();
    let mut api = server.api();
    let mut wanted = vec!["/console/assets/console.js".to_owned(), "/console/assets/test.js".to_owned()];
    let mut seen = Vec::new();
    while let Some(path) = wanted.pop() {
        if seen.contains(&path) {
            continue;
        }
        let answer = api.try_call("GET", &path, &[], b"").unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with("text/javascript"), "{path}");
        let text = answer.text();
        let imports = text.lines().filter(|line| line.starts_with("import "));
        wanted.extend(imports.filter_map(|line| line.split('"').nth(1)).map(|name| {
            name.strip_prefix("./").map_or_else(|| name.to_owned(), |name| format!("/console/assets/{name}"))
        }));
        seen.push(path);
    }
    assert!(seen.len() >= 10, "{seen:?}");
}

#[test]
fn every_call_wants_a_key_and_knows_its_parameters() {
    let server = memory().start();
    let mut api = server.api();
    for (method, path) in CALLS {
        for headers in [&[][..], &[("Authorization", "Bearer not-a-key-of-this-server")]] {
            let answer = api.try_call(method, path, headers, b"").unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_api_key"), "{method} {path}");
        }
        let unknown = format!("{path}{}unknown=1", if path.contains('?') { '&' } else { '?' });
        let answer = api.call(method, &unknown, &[], b"");
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_parameter"), "{method} {unknown}");
    }
    for (path, code) in [
        ("/v1/console/client", "invalid_parameter"),
        ("/v1/console/client?client_id=", "invalid_client_id"),
        ("/v1/console/messages?client_id=ada&after=nowhere", "invalid_cursor"),
        ("/v1/console/message?client_id=ada&id=nowhere", "invalid_cursor"),
        ("/v1/console/stats?since=yesterday", "invalid_parameter"),
    ] {
        assert_eq!(api.get(path).code(), code, "{path}");
    }
    let long = format!("/v1/console/clients?search={}", "x".repeat(257));
    assert_eq!(api.get(&long).code(), "invalid_parameter");
    let none = api.get("/v1/console/message?client_id=ada&id=a.1");
    assert_eq!((none.status, none.code().as_str()), (404, "message_not_kept"));
}

#[test]
fn dev_prints_a_link_that_brings_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = downlink();
    command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = read_lines(child.stdout.take().unwrap());
    let line = loop {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        if let Some(link) = line.trim().strip_prefix("console: ") {
            break link.to_owned();
        }
    };
    while !lines.recv_timeout(PATIENCE).unwrap().starts_with("listening on ") {}
    let (page, key) = line.split_once("#key=").unwrap();
    let address = page.strip_prefix("http://").unwrap().strip_suffix("/console").unwrap();
    let bearer = format!("Bearer {key}");
    let mut api = Api::new(address.parse().unwrap());
    let answer = api.try_call("GET", "/v1/console/stats", &[("Authorization", &bearer)], b"").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((answer.status, &answer.json()["node"]["notices"]), (200, &json!("off")));
}
