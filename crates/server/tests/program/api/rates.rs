//! Limits of how often: refused is what is beyond, with the word when to come back; and nobody else is touched.

use crate::support::{
    http::{API_KEY, Api, Response, read_response, request},
    server::{Server, memory},
    wire::Wire,
};
use std::{io::Write, time::Instant};
use tempfile::NamedTempFile;

fn count(server: &Server, limit: &str) -> u64 {
    let metrics = server.api().get("/metrics").text();
    let line = format!("downlink_limited_total{{limit=\"{limit}\"}} ");
    metrics.lines().find_map(|found| found.strip_prefix(&line)).unwrap().parse().unwrap()
}

/// Calls until it is refused; the refusal, and how many were taken before it.
#[track_caller]
fn until_refused(mut call: impl FnMut() -> Response) -> (Response, usize) {
    for taken in 0..1000 {
        let answer = call();
        if answer.status == 429 {
            return (answer, taken);
        }
        assert!(answer.status < 300, "{}", answer.text());
    }
    panic!("nothing was refused");
}

#[track_caller]
fn says(refusal: &Response, limit: &str, rate: u32) {
    assert_eq!(refusal.code(), "too_many_requests");
    assert_eq!(refusal.header("retry-after"), Some("1"));
    assert_eq!(refusal.header("ratelimit-policy"), Some(format!("\"{limit}\";q={rate};w=1").as_str()));
    assert_eq!(refusal.header("ratelimit"), Some(format!("\"{limit}\";r=0;t=1").as_str()));
    assert!(refusal.json()["detail"].as_str().unwrap().contains(limit));
}

fn send(api: &mut Api, path: &str, key: &str) -> Response {
    let key = format!("Bearer {key}");
    api.try_call("POST", path, &[("Authorization", &key), ("Content-Type", "text/plain")], b"x").unwrap()
}

#[test]
fn a_client_id_gets_so_many_and_another_one_its_own() {
    let server = memory().env("DOWNLINK_CLIENT_SENDS_PER_SECOND", "20").start();
    let mut api = server.api();
    for path in ["/v1/channels/ada/messages", "/v1/messages?to=bob"] {
        let began = Instant::now();
        let (refusal, taken) = until_refused(|| send(&mut api, path, API_KEY));
        says(&refusal, "client_sends_per_second", 20);
        let most = 21.0 + began.elapsed().as_secs_f64() * 20.0;
        assert!(taken >= 20 && (taken as f64) <= most, "{taken} of at most {most}");
    }
    assert_eq!(send(&mut api, "/v1/channels/carl/messages", API_KEY).status, 201);
    // In a batch each has its own answer.
    let items: Vec<_> = (0..40).map(|_| r#"{"to": "dora", "data": "x"}"#).collect();
    let body = format!("[{}, {{\"to\": \"emil\", \"data\": \"x\"}}]", items.join(","));
    let answer = api.call("POST", "/v1/messages", &[("Content-Type", "application/json")], body.as_bytes());
    let results = answer.json();
    assert_eq!((answer.status, results[0]["code"].as_str()), (200, None));
    assert_eq!(results[39]["code"], "too_many_requests");
    assert!(results[40]["id"].is_string(), "another one is not touched: {results}");
    assert!(count(&server, "client_sends_per_second") >= 3);
    assert_eq!(count(&server, "key_sends_per_second"), 0);
}

#[test]
fn a_key_has_its_own_numbers() {
    let mut file = NamedTempFile::new().unwrap();
    let keys = format!(
        "[api]\nkeys = [\"{API_KEY}\", {{ name = \"shop\", secret = \"the-key-of-the-shop\", sends_per_second = 10, tokens_per_second = 5 }}]\n"
    );
    file.write_all(keys.as_bytes()).unwrap();
    let setup = memory().env("DOWNLINK_API_KEY", "").arg("--config").arg(file.path().to_str().unwrap());
    let server = setup.start();
    let mut api = server.api();
    let (refusal, taken) =
        until_refused(|| send(&mut api, "/v1/channels/ada/messages", "the-key-of-the-shop"));
    says(&refusal, "key_sends_per_second", 10);
    assert!(taken >= 10, "{taken}");
    assert_eq!(
        send(&mut api, "/v1/channels/ada/messages", API_KEY).status,
        201,
        "the other key has no limit"
    );
    let create = |api: &mut Api| {
        let headers = [("Authorization", "Bearer the-key-of-the-shop")];
        api.try_call("POST", "/v1/channels", &headers, br#"{"client_id": "ada"}"#).unwrap()
    };
    let (refusal, taken) = until_refused(|| create(&mut api));
    says(&refusal, "key_tokens_per_second", 5);
    assert!(taken >= 5, "{taken}");
}

#[test]
fn an_address_opens_so_many_connections() {
    let server = memory().env("DOWNLINK_ADDRESS_CONNECTIONS_PER_SECOND", "5").start();
    let answered = |_| {
        let mut wire = Wire::connect(server.address).ok()?;
        wire.send(&request("GET", "/healthz", &[], b"")).ok()?;
        read_response(&mut wire).ok().map(|answer| answer.status)
    };
    let answers: Vec<Option<u16>> = (0..50).map(answered).collect();
    let taken = answers.iter().filter(|answer| **answer == Some(200)).count();
    assert!((5..50).contains(&taken), "{answers:?}");
}

#[test]
fn an_address_that_guesses_tokens_is_not_heard_for_a_while() {
    let server = memory().env("DOWNLINK_ADDRESS_REFUSED_TOKENS_PER_SECOND", "3").start();
    let mut api = server.api();
    let good = format!("Bearer {}", api.token("ada"));
    let mut open = |token: &str| {
        let headers = [("Accept", "application/json"), ("Authorization", token)];
        api.try_call("GET", "/v1/socket", &headers, b"").unwrap()
    };
    assert_eq!(open(&good).status, 200);
    let codes: Vec<String> = (0..20).map(|_| open("Bearer eyJ.not.atoken").code()).collect();
    assert_eq!(codes[..3], ["invalid_token", "invalid_token", "invalid_token"]);
    assert!(codes.iter().any(|code| code == "too_many_requests"), "{codes:?}");
    assert!(count(&server, "address_refused_tokens_per_second") > 0);
}
