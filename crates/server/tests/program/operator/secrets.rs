//! Nothing secret reaches a log, also at its most talkative.

use crate::support::{
    http::API_KEY,
    opening::Place,
    server::on_disk,
    socket::{ALL, STREAMS},
    token::{self, TOKEN_KEY},
};
use protocol::socket::Transport;
use serde_json::json;
use std::fs;

#[test]
fn no_key_token_or_message_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    let setup = on_disk("fsync").env("DOWNLINK_LOG", "trace").env("DOWNLINK_RETENTION_MESSAGES", "2");
    let mut server = setup.log_to(&file).start();
    let mut api = server.api();
    let token = api.token("ada");
    let renewed = api.token("ada");
    let expired = token::sign(&json!({"aud": "downlink", "sub": "ada", "iat": 5, "exp": 6}), TOKEN_KEY);
    let forged = token::sign(&token::claims("ada"), "another-secret-of-at-least-32-bytes!!");
    const BODY: &str = "the-body-of-a-message-that-nobody-else-reads";
    (0..4).for_each(|_| drop(api.send("ada", BODY)));
    for transport in ALL {
        for place in [Place::Header, Place::Query] {
            let mut socket = server.opening(transport, &token).place(place).open();
            assert!(matches!(socket.frame(), crate::support::socket::Frame::Gap { .. }));
            assert_eq!(socket.text(), BODY);
            for bad in [&expired, &forged] {
                server.opening(transport, bad).place(place).refused();
            }
        }
    }
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    socket.say(&format!(r#"{{"token":"{renewed}"}}"#));
    for transport in STREAMS {
        let socket = server.opening(transport, &token).open();
        for word in [format!(r#"{{"token":"{renewed}"}}"#), format!(r#"{{"token":"{forged}"}}"#)] {
            api.try_call("POST", &format!("/v1/socket/{}", socket.name), &[], word.as_bytes()).unwrap();
        }
    }
    api.call(
        "POST",
        &format!("/v1/messages?to={token}"),
        &[("Idempotency-Key", "a-key-of-a-send")],
        BODY.as_bytes(),
    );
    api.post("/v1/messages", &json!([{"to": "ada", "data": BODY}, {"to": "", "data": BODY}, {"data": BODY}]));
    for key in ["Bearer wrong-key-0123456789", "nonsense"] {
        api.try_call("GET", "/v1/presence", &[("Authorization", key)], b"").unwrap();
    }
    api.call("POST", "/v1/channels", &[], format!("{{\"client_id\": \"{BODY}\"").as_bytes());
    server.terminate();
    assert!(server.wait().success());
    let log = fs::read_to_string(&file).unwrap() + &server.printed().join("\n");
    assert!(
        log.contains("TRACE") && log.lines().count() > 50,
        "it was talkative: {} lines",
        log.lines().count()
    );
    for secret in
        [API_KEY, TOKEN_KEY, &token, &renewed, &expired, &forged, BODY, "wrong-key-0123456789", &socket.name]
    {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "a secret is in the log");
    }
    // Nor a part of a token that could be used: its signature.
    let signature = token.rsplit_once('.').unwrap().1;
    assert!(!log.contains(signature));
}
