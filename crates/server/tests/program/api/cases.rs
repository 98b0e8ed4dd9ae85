//! `conformance/cases`: what every part of Downlink agrees on, asked of the program.

use crate::support::{
    conformance::{cases, content, expand},
    http::{API_KEY, escape},
    server::memory,
    socket::{ALL, Data, Frame},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

#[test]
fn wrong_requests_are_answered_as_the_cases_say() {
    let server = memory().start();
    let mut api = server.api();
    for case in cases(include_str!("../../../../../conformance/cases/errors.json")) {
        let name = case["name"].as_str().unwrap();
        let ask = expand(&case["request"]);
        let text = |name: &str| ask[name].as_str().map(str::to_owned);
        let (mut headers, mut body) = (Vec::new(), Vec::new());
        match ask["key"].as_str().unwrap() {
            "good" => headers.push(("Authorization".to_owned(), format!("Bearer {API_KEY}"))),
            "wrong" => {
                headers.push(("Authorization".to_owned(), "Bearer not-a-key-of-this-server".to_owned()))
            }
            _ => {}
        }
        match &ask["body"] {
            Value::Null => {}
            body_is if body_is.get("json").is_some() => body = body_is["json"].to_string().into_bytes(),
            body_is if body_is.get("text").is_some() => body = body_is["text"].as_str().unwrap().into(),
            body_is => body = BASE64_STANDARD.decode(body_is["base64"].as_str().unwrap()).unwrap(),
        }
        headers.extend(text("type").map(|kind| ("Content-Type".to_owned(), kind)));
        for (name, value) in case["headers"].as_object().into_iter().flatten() {
            headers.push((name.clone(), value.as_str().unwrap().to_owned()));
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = api.try_call(&text("method").unwrap(), &text("path").unwrap(), &headers, &body);
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(u64::from(answer.status), case["status"].as_u64().unwrap(), "{name}: {}", answer.text());
        assert_eq!(answer.code(), case["code"].as_str().unwrap(), "{name}");
        assert!(!answer.text().contains(API_KEY) && !answer.text().contains("not-a-key"), "{name}");
    }
}

#[test]
fn what_is_sent_arrives_unchanged_on_every_transport() {
    let server = memory().start();
    let mut api = server.api();
    for case in cases(include_str!("../../../../../conformance/cases/sends.json")) {
        let (name, case) = (case["name"].as_str().unwrap().to_owned(), expand(&case));
        let id = case["to"].as_str().unwrap();
        let token = api.token(id);
        let (kind, bytes, data) = content(&case);
        let target = format!("/v1/messages?to={}", escape(id));
        let sent = api.call("POST", &target, &[("Content-Type", kind)], &bytes);
        assert_eq!(sent.status, 201, "{name}: {}", sent.text());
        let cursor = Some(sent.json()["id"].as_str().unwrap().to_owned());
        let mut places = vec![cursor];
        if !matches!(id, "." | "..") {
            let path = format!("/v1/channels/{}/messages", escape(id));
            let sent = api.call("POST", &path, &[("Content-Type", kind)], &bytes);
            assert_eq!(sent.status, 201, "{name}: {}", sent.text());
            places.push(Some(sent.json()["id"].as_str().unwrap().to_owned()));
        }
        let member = if matches!(data, Data::Text(_)) { "data" } else { "base64" };
        let value = if member == "data" { &case["text"] } else { &case["base64"] };
        let many = api.post("/v1/messages", &json!([{ "to": id, member: value }]));
        places.push(Some(many.json()[0]["id"].as_str().unwrap().to_owned()));
        for transport in ALL {
            let mut socket = server.opening(transport, &token).open();
            for place in &places {
                assert_eq!(
                    socket.frame(),
                    Frame::Message(place.clone(), data.clone()),
                    "{name}, {transport:?}"
                );
            }
        }
    }
}

#[test]
fn cursors_are_taken_and_refused_as_the_cases_say() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("cursors");
    for case in cases(include_str!("../../../../../conformance/cases/cursors.json")) {
        let text = case["text"].as_str().unwrap();
        let answer = api.get(&format!("/v1/channels/cursors/messages?after={}", escape(text)));
        let good = case["valid"].as_bool().unwrap();
        assert_eq!(answer.status, if good { 200 } else { 400 }, "{text:?}: {}", answer.text());
        for transport in ALL {
            let opening = server.opening(transport, &token).after(text);
            if good {
                // Another epoch, unless by a miracle: a gap, not an error.
                assert_eq!(opening.open().gap(), "epoch", "{text:?}, {transport:?}");
            } else {
                let (code, words) = opening.refused();
                let expected = if code == 4400 { "Invalid cursor." } else { "invalid_cursor" };
                assert!(matches!(code, 400 | 4400), "{code}");
                assert_eq!(words, expected, "{text:?}, {transport:?}");
            }
        }
    }
}
