//! Refusals: whoever sees an answer, or a proxy's log of it, does not learn from it what was sent.

use super::{BODY, Secrets, Talkative, WRONG_KEY};
use crate::support::{
    http::{API_KEY, Api, Response, escape, read_response, request},
    opening::Place,
    server::{Server, memory},
    socket::ALL,
    token,
    wire::Wire,
};
use protocol::{limits::HEAD_BYTES_MAX, socket::Transport};
use serde_json::json;

/// An answer as a whole: its head and its body.
fn whole(answer: &Response) -> String {
    let headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{}\n{}\n{}", answer.status, headers.join("\n"), answer.text())
}

#[track_caller]
fn refused(secrets: &Secrets, what: &str, answer: &Response) {
    assert!((400..500).contains(&answer.status), "{what}: {}", answer.status);
    secrets.are_not_in(what, &whole(answer));
}

#[test]
fn no_refusal_repeats_what_it_was_sent() {
    let talkative = Talkative::start(memory());
    let server = &talkative.server;
    let mut secrets = Secrets::new();
    let forged = token::sign(&token::claims("ada"), "another-secret-of-at-least-32-bytes!!");
    secrets.add_token("a forged token", &forged);
    let mut api = server.api();
    refused_bodies(&mut api, &secrets, &forged);
    refused_targets(&mut api, &secrets, &forged);
    refused_headers(server, &secrets);
    for transport in ALL {
        for place in [Place::Header, Place::Query] {
            let opening = server.opening(transport, &forged).place(place);
            match opening.try_open().unwrap() {
                Err(answer) => refused(&secrets, "a refused socket", &answer),
                Ok(mut socket) => {
                    assert_eq!(transport, Transport::WebSocket);
                    let frame = format!("{:?}", socket.next().unwrap());
                    secrets.are_not_in("a close frame", &frame);
                }
            }
        }
    }
    talkative.said_none_of(&secrets);
}

fn refused_bodies(api: &mut Api, secrets: &Secrets, forged: &str) {
    for (path, body) in [
        ("/v1/channels", format!("\"{BODY}\"")),
        ("/v1/channels", BODY.to_owned()),
        ("/v1/channels", json!({"client_id": "ada", BODY: 1}).to_string()),
        ("/v1/channels", json!({"client_id": [BODY]}).to_string()),
        ("/v1/channels", json!({"client_id": "ada", "duration_minutes": BODY}).to_string()),
        ("/v1/channels", json!({"client_id": format!("{BODY}{}", "x".repeat(256))}).to_string()),
        ("/v1/messages", BODY.to_owned()),
        ("/v1/messages", format!("[\"{BODY}\", {BODY}]")),
        ("/v1/messages?to=", BODY.to_owned()),
        ("/v1/messages?to=ada", format!("{BODY}{}", "x".repeat(32 * 1024))),
    ] {
        refused(secrets, path, &api.call("POST", path, &[], body.as_bytes()));
    }
    // Each item is refused by itself.
    let items = json!([
        BODY,
        {"to": "ada", "data": [BODY]},
        {"to": "ada", "data": BODY, BODY: 1},
        {"to": {"group": BODY}, "data": "x"},
        {"to": "ada", "base64": BODY},
        {"to": "ada", "data": BODY, "ttl": -1},
        {"to": "ada", "data": BODY, "idempotency_key": format!("{BODY}é")},
        {"to": [forged, ""], "data": BODY},
    ]);
    let answer = api.post("/v1/messages", &items);
    let answers = answer.json();
    let answers = answers.as_array().unwrap();
    assert!(answers.len() == 8 && answers.iter().all(|item| item["code"].is_string()), "{answers:?}");
    secrets.are_not_in("the answers to items", &whole(&answer));
    for word in [json!({"token": forged}), json!({"say": BODY}), json!(BODY)] {
        let answer = api.try_call("POST", "/v1/socket/nobody", &[], word.to_string().as_bytes()).unwrap();
        refused(secrets, "a word's refusal", &answer);
    }
}

fn refused_targets(api: &mut Api, secrets: &Secrets, forged: &str) {
    let escaped = escape(forged);
    for path in [
        format!("/v1/{forged}"),
        format!("/{forged}"),
        format!("/v1/channels/ada/{forged}"),
        format!("/v1/channels?{escaped}"),
        format!("/v1/channels?{escaped}=x"),
        format!("/v1/channels/ada/messages?after={escaped}"),
        format!("/v1/channels/ada/messages?limit={escaped}"),
        format!("/v1/presence?token={escaped}"),
        format!("/v1/presence?{escaped}"),
    ] {
        refused(secrets, &path, &api.get(&path));
    }
    for path in [format!("/v1/messages?{escaped}"), format!("/v1/messages?to=ada&{escaped}=1")] {
        refused(secrets, &path, &api.call("POST", &path, &[], BODY.as_bytes()));
    }
    for method in ["PUT", "PATCH", "DELETE"] {
        refused(secrets, method, &api.call(method, "/v1/presence", &[], BODY.as_bytes()));
    }
}

fn refused_headers(server: &Server, secrets: &Secrets) {
    let mut api = server.api();
    for headers in [
        [("Downlink-TTL", BODY), ("Accept", "*/*")],
        [("Idempotency-Key", &format!("{BODY}é")), ("Accept", "*/*")],
        [("Content-Type", "text/plain"), ("Downlink-TTL", BODY)],
    ] {
        refused(
            secrets,
            "a header's refusal",
            &api.call("POST", "/v1/messages?to=ada", &headers, BODY.as_bytes()),
        );
    }
    let answer = api.try_call("GET", "/v1/presence", &[("Authorization", WRONG_KEY)], b"").unwrap();
    refused(secrets, "a wrong key's refusal", &answer);
    // Not HTTP, and more of it than is read.
    let key = format!("Bearer {API_KEY}");
    let long = "x".repeat(HEAD_BYTES_MAX);
    for bytes in [
        format!("{BODY}\r\n{API_KEY}\r\n\r\n").into_bytes(),
        request("GET", "/v1/presence", &[("Authorization", &key), ("X-Long", &long)], b""),
        request("POST", "/v1/messages?to=ada", &[("Authorization", &key), ("Content-Length", BODY)], b""),
    ] {
        let mut wire = Wire::connect(server.address).unwrap();
        wire.send(&bytes).unwrap();
        refused(secrets, "the answer to no request", &read_response(&mut wire).unwrap());
    }
}
