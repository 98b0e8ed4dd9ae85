//! Deep, wide and broken JSON, wherever the server takes JSON.

use crate::{
    alone::together,
    support::{
        http::{API_KEY, Api},
        server::Setup,
    },
};
use serde_json::Value;

const LEVELS: usize = 100_000;

/// Whatever is asked here, the whole program stays below this.
const PEAK_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Bodies that are no good anywhere; `{}` stands for itself.
fn bodies() -> Vec<(&'static str, String)> {
    let closed = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(LEVELS), close.repeat(LEVELS))
    };
    vec![
        ("arrays without end", "[".repeat(LEVELS)),
        ("objects without end", r#"{"a":"#.repeat(LEVELS)),
        ("arrays in arrays", closed("[", "", "]")),
        ("objects in objects", closed(r#"{"to":"#, "1", "}")),
        ("arrays in objects in arrays", closed(r#"[{"to":"#, "1", "}]")),
        ("a deep recipient", format!(r#"[{{"to":{},"data":"x"}}]"#, closed("[", "", "]"))),
        ("a deep value", format!(r#"[{{"to":"ada","data":{}}}]"#, closed("[", "", "]"))),
        ("a deep client id", format!(r#"{{"client_id":{}}}"#, closed("[", "", "]"))),
        ("a deep field that nobody knows", format!(r#"{{"client_id":"ada","x":{}}}"#, closed("[", "", "]"))),
        ("a wide array", format!("[{}0]", "0,".repeat(4_000_000))),
        ("a wide array of arrays", format!("[{}[]]", "[],".repeat(2_000_000))),
        (
            "a wide list of recipients",
            format!(r#"[{{"to":[{}"a"],"data":"x"}}]"#, r#""a","#.repeat(3_000_000)),
        ),
        ("a wide list of no recipients", format!(r#"[{{"to":[{}0],"data":"x"}}]"#, "0,".repeat(4_000_000))),
        ("a wide object", format!(r#"{{{}"z":0}}"#, r#""a":0,"#.repeat(2_000_000))),
        ("wide lines", "0\n".repeat(4_000_000)),
        ("empty lines", "\n".repeat(8_000_000)),
        ("a long number", format!("[{}]", "9".repeat(8_000_000))),
        ("a long exponent", format!("[1e{}]", "9".repeat(100_000))),
        ("a long text", format!(r#"["{}"]"#, "x".repeat(8_000_000))),
        ("a long text of escapes", format!(r#"["{}"]"#, "\\u0000".repeat(1_000_000))),
        ("half a surrogate", r#"[{"to":"ada","data":"\ud800"}]"#.into()),
        ("a text that ends in an escape", r#"["\"#.into()),
        ("zeros", "\0".repeat(1000)),
        ("spaces", " ".repeat(8_000_000)),
    ]
}

const PATHS: [&str; 7] = [
    "/v1/channels",
    "/v1/messages",
    "/v1/socket/nobody",
    "/demo/chat/join",
    "/demo/chat/say",
    "/demo/tic-tac-toe/join",
    "/demo/tic-tac-toe/move",
];

/// Refused: by the status, or item by item.
fn refused(status: u16, text: &str) -> bool {
    if (400..500).contains(&status) {
        return true;
    }
    let good = |value: &Value| value["code"].is_string() && value.get("id").is_none();
    let array = serde_json::from_str::<Vec<Value>>(text);
    let lines = || text.lines().all(|line| serde_json::from_str(line).is_ok_and(|value| good(&value)));
    status == 200 && array.map_or_else(|_| lines(), |items| items.iter().all(good))
}

#[test]
fn deep_and_wide_json_is_refused_everywhere() {
    let _together = together();
    let server = Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").start();
    let key = format!("Bearer {API_KEY}");
    let headers = [("Authorization", key.as_str()), ("Content-Type", "application/json")];
    let mut wrong = Vec::new();
    for (name, body) in bodies() {
        for path in PATHS {
            let answer = Api::new(server.address).try_call("POST", path, &headers, body.as_bytes());
            match answer {
                Ok(answer) if refused(answer.status, &answer.text()) => {}
                Ok(answer) => {
                    let text: String = answer.text().chars().take(200).collect();
                    wrong.push(format!("{path}, {name}: {} {text}", answer.status));
                }
                // Refused while it was still written, and too fast to be heard.
                Err(error) if path != "/v1/messages" => drop(error),
                Err(error) => wrong.push(format!("{path}, {name}: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(server.api().get("/healthz").status, 200);
    assert!(server.api().kept("ada").is_empty(), "nothing of it was taken");
    let peak = server.peak_bytes();
    println!("deep and wide JSON: at most {} MB", peak >> 20);
    assert!(peak < PEAK_BYTES_MAX, "{} MB at the peak", peak >> 20);
}

/// A token is JSON too, read before its signature can be looked at.
#[test]
fn deep_tokens_are_refused() {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let _together = together();
    let server = Setup::new("serve").env("DOWNLINK_DURABILITY", "memory").start();
    let part = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    for (name, header) in [
        ("arrays", "[".repeat(2900)),
        ("objects", r#"{"alg":"#.repeat(480)),
        ("an algorithm", format!(r#"{{"alg":{}{}}}"#, "[".repeat(1400), "]".repeat(1400))),
        ("numbers", format!(r#"{{"alg":"HS256","typ":{}}}"#, "9".repeat(2800))),
        ("a long key id", format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(2800))),
    ] {
        for claims in ["e30".to_owned(), part("[".repeat(60))] {
            let token = format!("{}.{claims}.AAAA", part(header.clone()));
            let path = format!("/v1/socket?token={token}");
            let answer = Api::new(server.address).try_call("GET", &path, &[], b"").unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"), "{name}");
        }
    }
}
