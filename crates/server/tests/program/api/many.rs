//! Many messages in one call.

use crate::support::{
    server::memory,
    socket::{Data, Frame},
};
use protocol::socket::Transport;
use serde_json::{Value, json};

const NDJSON: &[(&str, &str)] = &[("Content-Type", "application/x-ndjson")];

#[test]
fn an_array_is_answered_by_an_array_and_a_bad_item_spoils_no_other() {
    let server = memory().start();
    let mut api = server.api();
    let mut socket = server.opening(Transport::WebSocket, &api.token("ada")).open();
    let answer = api.post(
        "/v1/messages",
        &json!([
            {"to": "ada", "data": "one"},
            {"to": "", "data": "x"},
            {"to": "ada", "data": ""},
            {"to": "ada", "base64": "AAEC"},
            {"to": "ada", "base64": "?"},
            {"to": "ada", "data": "x", "base64": "AAEC"},
            {"to": "ada", "data": "x", "ttl": 1.5},
            {"to": "ada", "data": "x".repeat(32_769)},
            {"to": "ada", "data": "x", "idempotency_key": ""},
            {"to": "ada", "data": "x", "unknown": 1},
            {"to": ["ada", "x".repeat(257)], "data": "x"},
            {"to": [], "data": "x"},
            {"to": "ada", "data": "now", "ttl": 0},
            7,
            {"to": "ada", "data": "two"},
        ]),
    );
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let results = answer.json();
    let codes: Vec<&str> =
        results.as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap_or("")).collect();
    assert_eq!(
        codes,
        [
            "",
            "invalid_client_id",
            "empty_message",
            "",
            "invalid_base64",
            "invalid_json",
            "invalid_ttl",
            "message_too_large",
            "invalid_idempotency_key",
            "invalid_json",
            "invalid_client_id",
            "too_many_ids",
            "",
            "invalid_json",
            "",
        ]
    );
    assert!(
        results
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item.get("code").is_none() == item.get("detail").is_none())
    );
    assert_eq!((&results[0]["sockets"], &results[12]["id"]), (&json!(1), &Value::Null));
    let mut stored = [socket.frame(), socket.frame(), socket.frame(), socket.frame()].to_vec();
    // What nobody keeps waits for nothing and may come first.
    stored.retain(|frame| *frame != Frame::Message(None, Data::Text("now".into())));
    let place = |index: usize| results[index]["id"].as_str().map(str::to_owned);
    assert_eq!(
        stored,
        [
            Frame::Message(place(0), Data::Text("one".into())),
            Frame::Message(place(3), Data::Binary(vec![0, 1, 2])),
            Frame::Message(place(14), Data::Text("two".into())),
        ]
    );
}

#[test]
fn lines_are_answered_by_lines_and_a_torn_last_one_does_not_count() {
    let server = memory().start();
    let mut api = server.api();
    let mut call = |body: &str| {
        let answer = api.call("POST", "/v1/messages", NDJSON, body.as_bytes());
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
        let text = answer.text();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let item = r#"{"to": "ada", "data": "x"}"#;
    let results = call(&format!("{item}\n\nnonsense\n{item}\r\n{item}"));
    assert_eq!(results.len(), 4, "a whole last line counts without its line feed");
    assert_eq!(results[1]["code"], "invalid_json");
    assert_eq!(results.iter().filter(|result| result["id"].is_string()).count(), 3);
    assert_eq!(call(&format!("{item}\n{}", &item[..item.len() - 1])).len(), 1, "a torn one does not");
    assert_eq!(api.kept("ada").len(), 4);
    let nothing = api.call("POST", "/v1/messages", NDJSON, &item.as_bytes()[..5]);
    assert_eq!((nothing.status, nothing.code().as_str()), (400, "invalid_json"), "no whole item at all");
}

#[test]
fn a_list_of_ids_is_one_message_with_one_place_for_all() {
    let server = memory().start();
    let mut api = server.api();
    let ids = ["ada", "bob", "eve"];
    let mut sockets: Vec<_> =
        ids.iter().map(|id| server.opening(Transport::Sse, &api.token(id)).open()).collect();
    let answer =
        api.post("/v1/messages", &json!([{"to": ["ada", "bob", "eve", "ada"], "data": "all"}])).json();
    assert_eq!(answer[0]["failed"], json!([]));
    assert!(answer[0]["stored"].as_u64().unwrap() >= 3);
    let place = answer[0]["id"].as_str().unwrap().to_owned();
    for (socket, id) in sockets.iter_mut().zip(ids) {
        assert_eq!(socket.frame(), Frame::Message(Some(place.clone()), Data::Text("all".into())));
        assert_eq!(api.kept(id), ["all"], "once, also for an id that stands twice");
        let next = api.send(id, "next");
        assert_eq!(socket.frame(), Frame::Message(Some(next), Data::Text("next".into())));
    }
}

#[test]
fn the_numbers_of_items_and_ids_are_bounded() {
    let server = memory().start();
    let mut api = server.api();
    let item = json!({"to": "ada", "data": "x", "ttl": 0});
    assert_eq!(
        api.post("/v1/messages", &json!(vec![item.clone(); 10_000])).json().as_array().unwrap().len(),
        10_000
    );
    let answer = api.post("/v1/messages", &json!(vec![item; 10_001]));
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_many_items"));
    let ids: Vec<String> = (0..10_001).map(|number| format!("id{number}")).collect();
    let most = api.post("/v1/messages", &json!([{"to": ids[1..], "data": "x"}])).json();
    assert_eq!(most[0]["stored"], 10_000, "{most}");
    assert_eq!(
        api.post("/v1/messages", &json!([{"to": ids, "data": "x"}])).json()[0]["code"],
        "too_many_ids"
    );
}
