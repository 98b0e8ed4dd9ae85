//! `/readyz`: what the canary found out, and that nobody else sees it.

use crate::support::{
    application::{Application, SECRET},
    http::{Api, Response, read_response, request},
    server::{Server, Setup, memory, on_disk},
    shim::Shim,
    socket::ALL,
    until,
    wire::Wire,
};
use std::{net::SocketAddr, time::Duration};

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

const NOTHING_HANGS: i64 = 0;
const EDGE_1_HANGS: i64 = 1;
const SYNCS_HANG: i64 = 2;

fn hanging() -> Shim {
    Shim::new(include_str!("../../support/hang_shim.c"))
}

/// Where edge 0 alone takes connections.
fn of_operators(server: &Server) -> SocketAddr {
    let said = until("where operators are served", || server.printed().pop());
    said.strip_prefix("operators are served on http://").unwrap().parse().unwrap()
}

#[test]
fn an_edge_that_hangs_is_seen_and_named_and_so_is_its_return() {
    let shim = hanging();
    let setup = memory().env("DOWNLINK_EDGE_THREADS", "2").env("DOWNLINK_ADMIN_LISTEN", "127.0.0.1:0");
    let server = shim.before(setup).start();
    let mut api = Api::new(of_operators(&server));
    assert_eq!(ready(&api.get("/readyz")), (true, true));
    shim.tell(EDGE_1_HANGS);
    let seen = until("it is seen", || Some(api.get("/readyz")).filter(|answer| answer.status == 503));
    let sockets = &seen.json()["sockets"];
    assert_eq!(sockets["ready"], false, "{sockets}");
    let reason = sockets["reason"].as_str().unwrap();
    assert!(reason.contains("did not reach the sockets of edge 1 "), "{reason}");
    // A send has its answer, and whoever is at the other edge has the message.
    assert_eq!(api.get("/readyz?for=sends").status, 200);
    assert_eq!(api.get("/readyz?for=sockets").status, 503);
    assert_eq!(metric(&mut api, "downlink_ready{for=\"sockets\"}"), 0.0);
    shim.tell(NOTHING_HANGS);
    until("it is well again", || (api.get("/readyz").status == 200).then_some(()));
}

#[test]
fn a_disk_that_hangs_is_seen_while_sockets_are_ready() {
    let shim = hanging();
    let server = shim.before(on_disk("fsync")).start();
    let mut api = server.api();
    assert_eq!(ready(&api.get("/readyz")), (true, true));
    shim.tell(SYNCS_HANG);
    let seen = until("it is seen", || Some(api.get("/readyz")).filter(|answer| answer.status == 503));
    assert_eq!(ready(&seen), (true, false), "{}", seen.text());
    assert!(seen.json()["sends"]["reason"].as_str().is_some(), "{}", seen.text());
    shim.tell(NOTHING_HANGS);
    until("it is well again", || (api.get("/readyz").status == 200).then_some(()));
}
