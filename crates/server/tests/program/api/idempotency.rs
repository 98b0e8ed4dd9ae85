//! A send repeated with its Idempotency-Key is stored once and answered alike.

use crate::support::{
    http::{Api, Response},
    server::on_disk,
};
use serde_json::json;

fn send(api: &mut Api, key: &str, text: &str) -> Response {
    api.call("POST", "/v1/channels/ada/messages", &[("Idempotency-Key", key)], text.as_bytes())
}

#[test]
fn a_repetition_is_answered_alike_and_another_body_refused() {
    for durability in ["memory", "os", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let first = send(&mut api, "one", "a");
        assert_eq!(first.status, 201);
        assert_eq!(send(&mut api, "one", "a").json()["id"], first.json()["id"]);
        let other = send(&mut api, "one", "b");
        assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
        assert_ne!(send(&mut api, "two", "a").json()["id"], first.json()["id"], "another key");
        let elsewhere = api.call("POST", "/v1/channels/bob/messages", &[("Idempotency-Key", "one")], b"a");
        assert_ne!(elsewhere.json()["id"], first.json()["id"], "another channel is another scope");
        let item = json!({"to": "ada", "data": "in a batch", "idempotency_key": "three"});
        let results = api.post("/v1/messages", &json!([item, item])).json();
        assert_eq!(results[0]["id"], results[1]["id"]);
        assert_eq!(api.post("/v1/messages", &json!([item])).json()[0]["id"], results[0]["id"]);
        assert_eq!(api.kept("ada"), ["a", "a", "in a batch"], "{durability}");
    }
}

#[test]
fn repetitions_at_the_same_moment_have_one_answer() {
    let server = on_disk("fsync").start();
    let answers: Vec<_> = (0..8)
        .map(|_| {
            let mut api = server.api();
            std::thread::spawn(move || send(&mut api, "the same", "once").json()["id"].clone())
        })
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(answers.iter().all(|id| id.is_string() && *id == answers[0]), "{answers:?}");
    assert_eq!(server.api().kept("ada"), ["once"]);
}

#[test]
fn keys_survive_a_kill() {
    for durability in ["os", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let first = send(&mut api, "one", "a").json()["id"].clone();
        let list = json!([{"to": ["ada", "bob"], "data": "list", "idempotency_key": "list"}]);
        let many = api.post("/v1/messages", &list).json()[0]["id"].clone();
        let server = server.restart();
        let mut api = server.api();
        assert_eq!(send(&mut api, "one", "a").json()["id"], first, "{durability}");
        assert_eq!(send(&mut api, "one", "b").status, 422, "{durability}");
        assert_eq!(api.post("/v1/messages", &list).json()[0]["id"], many, "{durability}");
        assert_eq!(api.kept("ada"), ["a", "list"], "{durability}");
    }
}
