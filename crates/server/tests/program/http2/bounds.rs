//! What a connection of HTTP/2 may cost, and for how long.

use super::raw::{GO_AWAY, INITIAL_WINDOW, Raw, request};
use crate::support::{
    front::Front, http::API_KEY, server::memory, slow::costs_at_most, tls::Authority, until,
};
use protocol::socket::Transport;
use std::time::{Duration, Instant};

#[test]
fn a_connection_with_nothing_to_do_is_told_and_ended() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    server.api().send("ada", "warm");
    let descriptors = server.open_descriptors();
    let begun = Instant::now();
    let mut used = Raw::to(&server, &authority, &[]);
    used.send(&request(1, "GET", "/healthz", &[])).unwrap();
    let mut unused = Raw::to(&server, &authority, &[]);
    for raw in [&mut used, &mut unused] {
        let told = raw.until(GO_AWAY);
        assert_eq!(told.payload[4..8], [0; 4], "NO_ERROR");
        assert!(begun.elapsed() > Duration::from_secs(9), "it was given its time");
        raw.ended(Duration::from_secs(10));
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    until("nothing is left of them", || (server.open_descriptors() <= descriptors).then_some(()));
}

/// CVE-2019-9517.
#[test]
fn answers_that_nobody_takes_are_not_kept_for_ever() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let items: Vec<_> =
        (0..40).map(|_| serde_json::json!({"to": "ada", "data": "x".repeat(32_000)})).collect();
    assert_eq!(api.post("/v1/messages", &serde_json::json!(items)).status, 200);
    let before = server.resident_bytes();
    let bearer = format!("Bearer {API_KEY}");
    let mut raw = Raw::to(&server, &authority, &[(INITIAL_WINDOW, 0)]);
    let page = |number: u32| {
        request(2 * number + 1, "GET", "/v1/channels/ada/messages", &[("authorization", bearer.as_str())])
    };
    let begun = Instant::now();
    raw.send(&(0..50).flat_map(page).collect::<Vec<u8>>()).unwrap();
    raw.ended(Duration::from_secs(60));
    assert!(begun.elapsed() > Duration::from_secs(28), "they were given their time: {:?}", begun.elapsed());
    until("what was kept is given back", || (server.resident_bytes() < before + (16 << 20)).then_some(()));
}

/// Measured: 43 KB for a connection with a socket, 2 KB for each of ninety on one.
#[test]
fn idle_sockets_cost_little_beside_their_connection() {
    const ALONE: usize = 300;
    const TOGETHER: usize = 90;
    const ALONE_BYTES_MAX: u64 = 64_000;
    const TOGETHER_BYTES_MAX: u64 = 6_000;
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("accept", "text/event-stream")];
    let before = server.resident_bytes();
    let alone: Vec<_> = (0..ALONE)
        .map(|_| {
            let mut raw = Raw::to(&server, &authority, &[]);
            raw.send(&request(1, "GET", "/v1/socket", &headers)).unwrap();
            raw
        })
        .collect();
    until("all are open", || (api.sockets("ada") == ALONE).then_some(()));
    costs_at_most(&server, before, alone.len(), ALONE_BYTES_MAX);
    let before = server.resident_bytes();
    let fronts: Vec<_> = (0..8).map(|_| Front::of(&server, &authority)).collect();
    let sockets: Vec<_> = fronts
        .iter()
        .flat_map(|front| (0..TOGETHER).map(|_| front.opening(Transport::Sse, &token).open()))
        .collect();
    costs_at_most(&server, before, sockets.len(), TOGETHER_BYTES_MAX);
}
