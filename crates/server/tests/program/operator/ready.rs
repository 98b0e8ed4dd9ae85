//! `/readyz`: what the canary found out, and that nobody else sees it.

use crate::support::{
    application::{Application, SECRET},
    http::{Api, Response, read_response, request},
    server::{Setup, memory, on_disk},
    socket::ALL,
    until,
    wire::Wire,
};
use std::time::Duration;

/// A metric's value.
fn metric(api: &mut Api, name: &str) -> f64 {
    let text = api.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

fn ready(answer: &Response) -> (bool, bool) {
    let json = answer.json();
    (json["sockets"]["ready"].as_bool().unwrap(), json["sends"]["ready"].as_bool().unwrap())
}

#[test]
fn a_server_that_has_just_started_is_ready_for_both_and_says_how_long_it_took() {
    for setup in [memory(), on_disk("os"), on_disk("fsync").env("DOWNLINK_EDGE_THREADS", "3")] {
        let server = setup.start();
        // Without a key: probes have none.
        let answer = server.api().try_call("GET", "/readyz", &[], b"").unwrap();
        assert_eq!((answer.status, ready(&answer)), (200, (true, true)), "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for what in ["sockets", "sends"] {
            let found = &answer.json()[what];
            assert!(found["round_trip_ms"].as_f64().unwrap() > 0.0, "{found}");
            assert!(found["age_ms"].as_u64().unwrap() < 5_000, "{found}");
            assert!(found.get("reason").is_none(), "{found}");
            assert_eq!(server.api().get(&format!("/readyz?for={what}")).status, 200);
        }
        assert_eq!(server.api().get("/readyz?for=lunch").code(), "invalid_parameter");
        assert_eq!(server.api().call("POST", "/readyz", &[], b"").status, 405);
    }
}

#[test]
fn the_canary_is_seen_by_nobody() {
    let application = Application::start();
    let setup: Setup = memory()
        .env("DOWNLINK_PRESENCE_URL", &application.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0")
        // One from this address, and the canary is not it.
        .env("DOWNLINK_SOCKETS_PER_ADDRESS", "1");
    let server = setup.start();
    let mut api = server.api();
    assert_eq!(api.get("/readyz").status, 200);
    assert!(metric(&mut api, "downlink_canary_seconds_count{for=\"sends\"}") >= 1.0);
    for transport in ALL {
        let label = format!("{{transport=\"{}\"}}", transport.as_str());
        assert_eq!(metric(&mut api, &format!("downlink_sockets_open{label}")), 0.0);
        assert_eq!(metric(&mut api, &format!("downlink_sockets_opened_total{label}")), 0.0);
    }
    for name in
        ["downlink_channels_open", "downlink_deliveries_total", "downlink_messages_total{result=\"stored\"}"]
    {
        assert_eq!(metric(&mut api, name), 0.0, "{name}");
    }
    assert_eq!(api.get("/v1/presence").json()["client_ids"], serde_json::json!([]));
    // Its channel has no name that an application could say.
    for path in ["/v1/channels?client_id=", "/v1/channels/"] {
        assert!([400, 404].contains(&api.get(path).status), "{path}");
    }
    assert_eq!(api.call("POST", "/v1/messages?to=", &[], b"x").code(), "invalid_client_id");
    let _socket = server.opening(ALL[0], &api.token("ada")).open();
    application.hears("ada", &[true]);
    assert_eq!(api.get("/v1/presence").json()["client_ids"], serde_json::json!(["ada"]));
    let told = application.tries();
    assert!(told.iter().all(|notice| notice.client == "ada"), "{told:?}");
}

#[test]
fn a_disk_that_nobody_asks_about_is_left_alone() {
    let server = on_disk("fsync").start();
    let mut api = server.api();
    let mut end =
        || api.post("/v1/channels", &serde_json::json!({"client_id": "ada"})).json()["cursor"].clone();
    let before = end();
    let mut other = server.api();
    until("it has flown for sockets", || {
        (metric(&mut other, "downlink_canary_seconds_count{for=\"sockets\"}") >= 3.0).then_some(())
    });
    assert_eq!(end(), before, "nothing was stored");
    assert_eq!(other.get("/readyz").status, 200);
    assert_ne!(end(), before, "the canary was");
}

#[test]
fn a_server_that_stops_is_not_ready_for_sockets() {
    let mut server = memory().start();
    assert_eq!(server.api().get("/readyz").status, 200);
    let mut probe = Wire::connect(server.address).unwrap();
    server.terminate();
    // It answers for a moment, until nothing is under way.
    let refused = loop {
        probe.send(&request("GET", "/readyz?for=sockets", &[], b"")).unwrap();
        let answer = read_response(&mut probe).unwrap();
        if answer.status != 200 {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(refused.status, 503);
    let json = refused.json();
    let stops = json["sockets"]["ready"] == false || json["code"] == "stopping";
    assert!(stops, "{json}");
    assert_eq!(server.wait().code(), Some(0));
}
