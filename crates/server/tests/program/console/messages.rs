//! What is kept: listed without a word of it, and told when it is asked for.

use crate::support::server::memory;
use serde_json::json;

#[test]
fn bodies_are_told_only_when_they_are_asked_for() {
    let server = memory().start();
    let mut api = server.api();
    let secret = "a word that is not for every eye";
    let text = api.send("ada", secret);
    let headers = [("Content-Type", "application/octet-stream"), ("Downlink-TTL", "600")];
    let binary = api.call("POST", "/v1/channels/ada/messages", &headers, &[0, 1, 2, 255]).json();
    let list = api.get("/v1/console/messages?client_id=ada");
    assert!(!list.text().contains("word"), "{}", list.text());
    let list = list.json();
    assert_eq!(list["next"], json!(null));
    let messages = list["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[0]["id"], &messages[0]["kind"]), (&json!(text), &json!("text")));
    assert_eq!((&messages[0]["bytes"], &messages[0]["ttl_seconds"]), (&json!(secret.len()), &json!(null)));
    assert_eq!((&messages[1]["id"], &messages[1]["kind"]), (&binary["id"], &json!("binary")));
    assert_eq!((&messages[1]["bytes"], &messages[1]["ttl_seconds"]), (&json!(4), &json!(600)));
    let after = list["cursor"].as_str().unwrap();
    let more = api.get(&format!("/v1/console/messages?client_id=ada&after={after}")).json();
    assert_eq!(more["messages"], json!([]));

    let mut one = |id: &str, place: &str| api.get(&format!("/v1/console/message?client_id={id}&id={place}"));
    assert_eq!(one("ada", &text).json(), json!({"id": text, "data": secret}));
    let place = binary["id"].as_str().unwrap();
    assert_eq!(one("ada", place).json(), json!({"id": place, "base64": "AAEC/w=="}));
    assert_eq!(one("bob", &text).code(), "message_not_kept", "it is of another client id");
    let (epoch, _) = text.split_once('.').unwrap();
    assert_eq!(one("ada", &format!("{epoch}.999999")).code(), "message_not_kept");
    assert_eq!(one("ada", &format!("{epoch}x.16")).code(), "message_not_kept", "of another life of the log");
}

#[test]
fn many_come_in_pages() {
    let server = memory().start();
    let mut api = server.api();
    let items: Vec<_> = (0..300).map(|number| json!({"to": "ada", "data": format!("{number}")})).collect();
    api.post("/v1/messages", &json!(items));
    let page = api.get("/v1/console/messages?client_id=ada").json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 256);
    let (mut count, mut next) = (256, page["next"].clone());
    while let Some(after) = next.as_str() {
        let page = api.get(&format!("/v1/console/messages?client_id=ada&after={after}")).json();
        count += page["messages"].as_array().unwrap().len();
        next = page["next"].clone();
    }
    assert_eq!(count, 300);
}
