//! The conformance cases that are the SDKs' to run, against the real server where there is one to ask.

use crate::{
    cases::{data, read, text},
    server::{Server, opened, received},
};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use client::{Client, Error, Item, ItemResult, Notice, NoticeVerifier, SendOptions, SignError, TokenSigner};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What only a language without types can ask for: Rust's minutes are whole and not negative.
fn minutes(given: &Value) -> Result<Option<u32>, serde_json::Error> {
    serde_json::from_value(given["duration_minutes"].clone())
}

fn at(seconds: &Value) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.as_u64().expect("seconds since 1970"))
}

/// Makes one call as a case words it. Nothing if Rust cannot make this mistake.
async fn make_call(client: &Client, name: &str, given: &Value) -> Option<Result<(), Error>> {
    let made = match name {
        "create_channel" => {
            let minutes = minutes(given).ok()?;
            client.create_channel(text(given, "client_id"), minutes).await.map(drop)
        }
        "send" => client.send(text(given, "to"), data(given), SendOptions::default()).await.map(drop),
        "messages" => client.messages(text(given, "client_id"), given["after"].as_str()).await.map(drop),
        "presence" => client.presence().await.map(drop),
        other => panic!("the cases know a call {other} that this test does not"),
    };
    Some(made)
}

#[tokio::test]
async fn a_mistake_has_its_code() {
    let server = Server::start();
    let stranger = Client::new(&server.url(), Some("not-the-key".into())).unwrap();
    let mut impossible = Vec::new();
    let cases = read("errors");
    // A mistake that only raw HTTP can make has no `call`.
    for case in cases.iter().filter(|case| case.get("call").is_some()) {
        let client = if text(&case["request"], "key") == "good" { server.client() } else { stranger.clone() };
        let (call, given) = case["call"].as_object().unwrap().iter().next().unwrap();
        let name = text(case, "name");
        let Some(made) = make_call(&client, call, given).await else {
            impossible.push(name);
            continue;
        };
        let refused = made.expect_err(name);
        let Error::Refused { status, code, detail } = &refused else { panic!("{name}: {refused:?}") };
        assert_eq!(
            (u64::from(*status), code.as_str()),
            (case["status"].as_u64().unwrap(), text(case, "code"))
        );
        assert!(!detail.is_empty() && refused.code() == code, "{name}: {refused:?}");
    }
    assert_eq!(impossible, ["create: duration -1", "create: duration 1.5"]);
}

#[tokio::test]
async fn what_is_sent_arrives_unchanged() {
    let server = Server::start();
    let client = server.client();
    for case in read("sends") {
        let (name, to, data) = (text(&case, "name"), text(&case, "to"), data(&case));
        let channel = client.create_channel(to, None).await.unwrap();
        assert_eq!(channel.client_id, to);
        let mut listener = client.listen(channel.token, None);
        opened(&mut listener).await;
        let sent = client.send(to, data.clone(), SendOptions::default()).await.unwrap();
        let results = client.send_many([Item::new(to, data.clone())]).await.unwrap();
        let [ItemResult::Sent(in_a_batch)] = &results[..] else { panic!("{name}: {results:?}") };
        for _ in 0..2 {
            assert_eq!(received(&mut listener).await, data, "{name}");
        }
        let kept = client.messages(to, Some(&channel.cursor.to_string())).await.unwrap();
        let kept: Vec<_> =
            kept.messages.into_iter().map(|message| (Some(message.id), message.data)).collect();
        assert_eq!(kept, [(sent.id, data.clone()), (in_a_batch.id.clone(), data)], "{name}");
    }
}

#[test]
fn notices_are_judged_as_the_cases_say() {
    for case in read("notices") {
        let name = text(&case, "name");
        let secrets: Vec<&str> =
            case["secrets"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let verifier = NoticeVerifier::new(&secrets.join(",")).unwrap();
        let headers = case["headers"].as_object().unwrap().iter().map(|(name, value)| {
            let value = value.as_str().expect("a header is a text");
            // In another spelling than the cases', since names have none of their own.
            (name.to_uppercase(), value)
        });
        let judged = verifier.verify_at(headers, text(&case, "body").as_bytes(), at(&case["now"]));
        if let Some(code) = case["refused"].as_str() {
            let refused = judged.expect_err(name);
            assert_eq!(refused.code(), code, "{name}");
            let shown = format!("{refused:?} {refused}");
            assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{name}: {shown}");
            continue;
        }
        let expected = &case["notice"];
        let expected = Notice {
            id: text(expected, "id").into(),
            time: at(&expected["time"]),
            client_id: text(expected, "client_id").into(),
            connected: expected["connected"].as_bool().unwrap(),
            generation: expected["generation"].as_u64().unwrap(),
        };
        assert_eq!(judged, Ok(expected), "{name}");
    }
}

/// Signs as a case says. Nothing if Rust cannot ask for it.
fn sign(case: &Value) -> Option<Result<String, SignError>> {
    let (key, minutes) = (text(case, "key"), minutes(case).ok()?);
    let signer = match case["key_id"].as_str() {
        Some(key_id) => TokenSigner::with_key_id(key, key_id),
        None => TokenSigner::new(key),
    };
    Some(signer.and_then(|signer| signer.sign_at(text(case, "client_id"), minutes, at(&case["now"]))))
}

/// Header and claims of a token whose signature is right.
fn parts(token: &str, key: &str) -> (Value, Value) {
    let (content, signature) = token.rsplit_once('.').expect("a token has three parts");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), content.as_bytes());
    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(tag), signature);
    let (header, claims) = content.split_once('.').expect("a token has three parts");
    let value = |part| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (value(header), value(claims))
}

#[test]
fn tokens_say_what_the_cases_say() {
    let cases = read("tokens");
    let mut impossible = Vec::new();
    for case in &cases {
        let (name, key) = (text(case, "name"), text(case, "key"));
        let Some(signed) = sign(case) else {
            assert_eq!(text(case, "refused"), "invalid_duration", "{name}");
            impossible.push(name);
            continue;
        };
        if let Some(code) = case["refused"].as_str() {
            let refused = signed.expect_err(name);
            assert_eq!(refused.code(), code, "{name}");
            assert!(!format!("{refused:?} {refused}").contains(key), "{name}");
            continue;
        }
        let (header, mut claims) = parts(&signed.expect(name), key);
        let jti = std::mem::replace(&mut claims["jti"], case["jti"].clone());
        assert_eq!((&header, &claims), (&case["header"], &case["claims"]), "{name}");
        let jti = jti.as_str().expect("a text");
        assert!(jti.len() == 32 && jti.bytes().all(|b| b.is_ascii_hexdigit()), "{name}: {jti}");
        let (header, claims) = parts(text(case, "token"), key);
        assert_eq!((&header, &claims), (&case["header"], &case["claims"]), "{name}: the case's own token");
    }
    assert_eq!(impossible, ["-1 minutes"]);
}
