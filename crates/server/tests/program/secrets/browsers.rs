//! What answers tell a browser: to keep nothing, to take nothing for what it is not, to pass on no address.

use super::BODY;
use crate::{
    dev_wire::ask,
    support::{
        http::{Response, read_response, request},
        server::{Server, Setup, memory},
        socket::ALL,
        wire::Wire,
    },
};
use protocol::socket::Transport;
use serde_json::json;

fn dev() -> Server {
    Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").start()
}

fn get(server: &Server, path: &str) -> Response {
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request("GET", path, &[], b"")).unwrap();
    read_response(&mut wire).unwrap()
}

/// The sources that a page's policy allows for one kind of thing.
fn sources<'a>(policy: &'a str, kind: &str) -> Option<Vec<&'a str>> {
    let mut directives = policy.split(';').map(|directive| directive.split_whitespace());
    directives.find_map(|mut words| (words.next() == Some(kind)).then(|| words.collect()))
}

#[test]
fn pages_are_strict() {
    let server = dev();
    for path in ["/", "/demo/chat", "/demo/chat?room=abc", "/demo/tic-tac-toe"] {
        let page = get(&server, path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert_eq!(sources(policy, "default-src"), Some(vec!["'none'"]), "{path}");
        assert_eq!(sources(policy, "script-src"), Some(vec!["'self'"]), "{path}");
        for kind in ["frame-ancestors", "base-uri"] {
            assert_eq!(sources(policy, kind), Some(vec!["'none'"]), "{path}: {kind}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        let text = page.text();
        assert!(
            !text.contains("<script>") && !text.contains(" style=") && !text.contains(" onclick="),
            "{path}"
        );
    }
}

#[test]
fn what_is_not_a_page_is_never_taken_for_one() {
    let server = dev();
    for path in [
        "/demo/assets/chat.js",
        "/demo/assets/icon.svg",
        "/demo/assets/nothing",
        "/demo/start",
        "/demo/nothing",
        "/channel.js",
        "/_ah/channel/jsapi",
        "/downlink.mjs",
        "/downlink.d.ts",
        "/healthz",
        "/metrics",
        "/v1/presence",
        "/v1/nothing",
        "/_ah/channel/dev",
    ] {
        let answer = get(&server, path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}: {}", answer.status);
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(!kind.starts_with("text/html"), "{path}: {kind}");
    }
    // A message that would be a page, as a client of the development wire gets it.
    let token = server.api().token("ada");
    ask(&server, "GET", &format!("command=connect&channel={token}"));
    server.api().send("ada", "<script>alert(1)</script>");
    let (_, answer) = ask(&server, "GET", &format!("command=poll&channel={token}"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn what_is_the_applications_is_kept_by_nobody_and_shown_to_no_page() {
    let server = memory().start();
    let mut api = server.api();
    let answers = [
        ("create", api.post("/v1/channels", &json!({"client_id": "ada"}))),
        ("a wrong create", api.post("/v1/channels", &json!({}))),
        (
            "send",
            api.call("POST", "/v1/messages?to=ada", &[("Origin", "https://page.example")], BODY.as_bytes()),
        ),
        ("send many", api.post("/v1/messages", &json!([{"to": "ada", "data": BODY}]))),
        ("look", api.call("GET", "/v1/channels/ada", &[("Origin", "https://page.example")], b"")),
        ("kept messages", api.get("/v1/channels/ada/messages")),
        ("presence", api.get("/v1/presence")),
        ("healthz", api.get("/healthz")),
        ("metrics", api.get("/metrics")),
    ];
    for (what, answer) in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
    }
    // A page may not even ask.
    for path in ["/v1/channels", "/v1/messages?to=ada", "/v1/presence"] {
        let headers = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "POST")];
        let answer = api.try_call("OPTIONS", path, &headers, b"").unwrap();
        assert!(answer.status >= 400, "{path}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn sockets_are_kept_by_nobody() {
    let server = memory().start();
    let token = server.api().token("ada");
    for transport in ALL {
        let head = server.opening(transport, &token).open().head;
        if transport != Transport::WebSocket {
            assert_eq!(head.header("cache-control"), Some("no-store"), "{transport:?}");
            assert_eq!(head.header("x-content-type-options"), Some("nosniff"), "{transport:?}");
        }
        if let Err(refusal) = server.opening(transport, "nonsense").try_open().unwrap() {
            assert_eq!(refusal.header("cache-control"), Some("no-store"), "{transport:?}");
            assert_eq!(refusal.header("x-content-type-options"), Some("nosniff"), "{transport:?}");
        }
    }
}
