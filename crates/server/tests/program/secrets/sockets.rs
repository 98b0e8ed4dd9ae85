//! Everything that clients and applications do, good and bad, on all transports and durabilities.

use super::{BODY, Secrets, Talkative, WRONG_KEY};
use crate::{
    dev_wire::{ask, poll},
    support::{
        application::{Application, SECRET},
        http::Api,
        opening::Place,
        server::{Server, memory, on_disk},
        socket::{ALL, Frame, STREAMS},
        token::{self, TOKEN_KEY},
        until,
    },
};
use protocol::socket::Transport;
use serde_json::json;

/// What the tokens of a run are, all of them secret.
struct Tokens {
    good: String,
    renewed: String,
    expired: String,
    forged: String,
    unsigned: String,
}

impl Tokens {
    fn make(api: &mut Api, secrets: &mut Secrets) -> Self {
        let old = json!({"aud": "downlink", "sub": "ada", "iat": 5, "exp": 6});
        let tokens = Self {
            good: api.token("ada"),
            renewed: api.token("ada"),
            expired: token::sign(&old, TOKEN_KEY),
            forged: token::sign(&token::claims("ada"), "another-secret-of-at-least-32-bytes!!"),
            unsigned: token::sign_with(&json!({"alg": "none"}), &token::claims("ada"), ""),
        };
        secrets.add("the secret of notices", SECRET);
        for (what, token) in [
            ("a token", &tokens.good),
            ("a token for renewal", &tokens.renewed),
            ("a token whose time is over", &tokens.expired),
            ("a forged token", &tokens.forged),
            ("a token without a signature", &tokens.unsigned),
        ] {
            secrets.add_token(what, token);
        }
        tokens
    }

    fn bad(&self) -> [&str; 3] {
        [&self.expired, &self.forged, &self.unsigned]
    }
}

#[test]
fn nothing_that_clients_and_applications_do_is_logged_with_its_secrets() {
    for durability in ["fsync", "os", "memory"] {
        let application = Application::start();
        let setup = if durability == "memory" { memory() } else { on_disk(durability) };
        let setup = setup
            .env("DOWNLINK_RETENTION_MESSAGES", "2")
            .env("DOWNLINK_PRESENCE_URL", &application.url())
            .env("DOWNLINK_PRESENCE_SECRET", SECRET)
            .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0");
        let talkative = Talkative::start(setup);
        let server = &talkative.server;
        let mut secrets = Secrets::new();
        let mut api = server.api();
        let tokens = Tokens::make(&mut api, &mut secrets);
        open_everything(server, &mut api, &tokens, &mut secrets);
        say_everything(server, &mut api, &tokens);
        send_everything(&mut api, &tokens, &mut secrets);
        speak_the_development_wire(server, &tokens);
        until("the application was told", || application.told("ada").contains(&false).then_some(()));
        delete(server, &mut api, &tokens);
        for path in ["/metrics", "/healthz", "/v1/presence", "/v1/channels/ada"] {
            secrets.are_not_in(path, &api.get(path).text());
        }
        talkative.said_none_of(&secrets);
    }
}

/// A gap, a message and a refusal on each transport, with the token in each place.
fn open_everything(server: &Server, api: &mut Api, tokens: &Tokens, secrets: &mut Secrets) {
    (0..4).for_each(|_| drop(api.send("ada", BODY)));
    for transport in ALL {
        for place in [Place::Header, Place::Query, Place::Protocol] {
            if place == Place::Protocol && transport != Transport::WebSocket {
                continue;
            }
            let mut socket = server.opening(transport, &tokens.good).place(place).open();
            assert!(matches!(socket.frame(), Frame::Gap { .. }));
            assert_eq!(socket.text(), BODY);
            secrets.add("a socket's name", &socket.name);
            for bad in tokens.bad() {
                server.opening(transport, bad).place(place).refused();
            }
        }
        server.opening(transport, &tokens.good).after("no-cursor").refused();
        server.opening(transport, "").place(Place::Nowhere).refused();
    }
}

/// Renewals and words, good and bad.
fn say_everything(server: &Server, api: &mut Api, tokens: &Tokens) {
    for token in [&tokens.renewed, &tokens.forged, &tokens.expired] {
        let mut socket = server.opening(Transport::WebSocket, &tokens.good).open();
        socket.say(&format!(r#"{{"token":"{token}"}}"#));
        for transport in STREAMS {
            let socket = server.opening(transport, &tokens.good).open();
            let word = format!(r#"{{"token":"{token}"}}"#);
            api.try_call("POST", &format!("/v1/socket/{}", socket.name), &[], word.as_bytes()).unwrap();
        }
    }
    let mut socket = server.opening(Transport::WebSocket, &tokens.good).open();
    socket.say(&format!(r#"{{"say":"{BODY}"}}"#));
    let word = format!(r#"{{"token":"{}","say":"{BODY}"}}"#, tokens.good);
    api.try_call("POST", "/v1/socket/nobody", &[], word.as_bytes()).unwrap();
}

/// Sends in every form, taken and refused.
fn send_everything(api: &mut Api, tokens: &Tokens, secrets: &mut Secrets) {
    let key = "an-idempotency-key-that-tells-something";
    secrets.add("an Idempotency-Key", key);
    for to in [&tokens.good, &tokens.expired, &tokens.forged] {
        let path = format!("/v1/messages?to={to}");
        for body in [BODY, &format!("{BODY} again")] {
            api.call("POST", &path, &[("Idempotency-Key", key)], body.as_bytes());
        }
        api.call("POST", &path, &[("Downlink-TTL", "0")], BODY.as_bytes());
        api.call("POST", &path, &[("Content-Type", "image/png")], &[BODY.as_bytes(), b"\xff"].concat());
        api.call("POST", &path, &[("Content-Type", "text/plain")], &[BODY.as_bytes(), b"\xff"].concat());
    }
    api.post(
        "/v1/messages",
        &json!([
            {"to": "ada", "data": BODY, "idempotency_key": key},
            {"to": tokens.good, "data": BODY},
            {"to": [tokens.good, "bob"], "data": BODY},
            {"to": "", "data": BODY},
            {"data": BODY},
            BODY
        ]),
    );
    let lines = format!("{{\"to\":\"ada\",\"data\":\"{BODY}\"}}\n{BODY}\n{{\"to\":\"ada\",\"data\":\"{BODY}");
    api.call("POST", "/v1/messages", &[], lines.as_bytes());
    for key in [format!("Bearer {WRONG_KEY}"), format!("Basic {WRONG_KEY}"), WRONG_KEY.to_owned()] {
        for (method, path) in
            [("GET", "/v1/presence"), ("POST", "/v1/messages?to=ada"), ("POST", "/v1/channels")]
        {
            let answer = api.try_call(method, path, &[("Authorization", &key)], BODY.as_bytes()).unwrap();
            assert_eq!(answer.status, 401);
        }
    }
    api.call("POST", "/v1/channels", &[], format!("{{\"client_id\": \"{BODY}\"").as_bytes());
}

fn speak_the_development_wire(server: &Server, tokens: &Tokens) {
    let token = &tokens.good;
    ask(server, "GET", &format!("command=connect&channel={token}"));
    while poll(server, token).is_some() {}
    for bad in tokens.bad() {
        ask(server, "GET", &format!("command=poll&channel={bad}"));
    }
    ask(server, "GET", &format!("command={BODY}&channel={token}"));
    ask(server, "POST", &format!("command=disconnect&channel={token}"));
}

fn delete(server: &Server, api: &mut Api, tokens: &Tokens) {
    let mut socket = server.opening(Transport::Lines, &tokens.good).open();
    assert_eq!(api.call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
    while !matches!(socket.frame(), Frame::Close { code: 4410, .. }) {}
    for transport in ALL {
        server.opening(transport, &tokens.good).refused();
    }
}
