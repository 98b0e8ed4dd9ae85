//! Applications that are slow, broken, away, or want no more.

use super::telling;
use crate::support::{
    application::{Application, TAKEN},
    server::Server,
    until,
};
use protocol::socket::Transport;
use std::{
    thread,
    time::{Duration, Instant},
};

/// A number of the metrics.
pub(super) fn metric(server: &Server, name: &str) -> u64 {
    let text = server.api().get("/metrics").text();
    let line = text.lines().find(|line| line.starts_with(&format!("downlink_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_was_not_taken_is_tried_again_with_the_same_id() {
    let app = Application::start();
    let mut left = ["500 Broken", "503 Busy", "429 Too Many Requests"].into_iter();
    app.answers(move |_| left.next().map_or(TAKEN, |status| (Duration::ZERO, status)));
    let server = telling(&app).start();
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
    let tries = app.tries();
    assert_eq!(tries.len(), 4);
    assert!(tries.iter().all(|one| one.id == tries[0].id && one.generation == tries[0].generation));
    let pauses: Vec<_> = tries.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(pauses[2] > pauses[0], "with more patience each time: {pauses:?}");
    assert_eq!(metric(&server, r#"notices_total{result="failed"}"#), 3);
    until("it is told", || (metric(&server, r#"notices_total{result="told"}"#) == 1).then_some(()));
    until("it is settled", || (metric(&server, "notices_waiting") == 0).then_some(()));
}

#[test]
fn a_redirect_is_not_followed() {
    let (app, elsewhere) = (Application::start(), Application::start());
    let target: &'static str =
        Box::leak(format!("307 Elsewhere\r\nLocation: {}/x", elsewhere.url()).into_boxed_str());
    app.answers(move |_| (Duration::ZERO, target));
    let server = telling(&app).start();
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    until("it is tried again", || (app.tries().len() >= 2).then_some(()));
    assert!(elsewhere.tries().is_empty());
}

#[test]
fn gone_stops_all_notices_until_the_next_start() {
    let app = Application::start();
    app.answers(|_| (Duration::ZERO, "410 Gone"));
    let server = telling(&app).start();
    let mut sockets = Vec::new();
    for id in ["ada", "bob", "eve"] {
        let token = server.api().token(id);
        sockets.push(server.opening(Transport::WebSocket, &token).open());
        until("the first is tried", || (!app.tries().is_empty()).then_some(()));
        until("it has stopped", || (metric(&server, "notices_stopped") == 1).then_some(()));
    }
    drop(sockets);
    until("all are dropped", || {
        (metric(&server, "notices_waiting") == 0 && metric(&server, "presence_connected") == 0).then_some(())
    });
    assert_eq!(app.tries().len(), 1);
    let server = server.restart();
    app.answers(|_| TAKEN);
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
}

#[test]
fn item_53_a_handler_that_hangs_for_one_holds_up_nobody_else() {
    let app = Application::start();
    app.answers(|notice| {
        if notice.client.starts_with("hangs") { (Duration::from_secs(60), "200 Late") } else { TAKEN }
    });
    let server = telling(&app).start();
    let mut sockets = Vec::new();
    for client in 0..40 {
        let token = server.api().token(&format!("hangs {client}"));
        sockets.push(server.opening(Transport::Lines, &token).open());
    }
    until("all of them hang", || (app.tries().len() == 40).then_some(()));
    for client in 0..20 {
        let id = format!("well {client}");
        let token = server.api().token(&id);
        let start = Instant::now();
        let mut socket = server.opening(Transport::WebSocket, &token).open();
        app.hears(&id, &[true]);
        server.api().send(&id, "delivered");
        assert_eq!(socket.text(), "delivered");
        assert!(start.elapsed() < Duration::from_secs(3), "{id}: {:?}", start.elapsed());
    }
}

#[test]
fn item_53_an_application_that_is_away_costs_bounded_memory_and_hears_the_last_state() {
    let app = Application::start();
    app.answers(|_| (Duration::ZERO, "503 Away"));
    let server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0").start();
    const CLIENTS: usize = 100;
    let tokens: Vec<String> =
        (0..CLIENTS).map(|client| server.api().token(&format!("client {client}"))).collect();
    for _ in 0..20 {
        let sockets: Vec<_> =
            tokens.iter().map(|token| server.opening(Transport::Lines, token).open()).collect();
        drop(sockets);
    }
    // Odd ones stay.
    let staying: Vec<_> = tokens
        .iter()
        .skip(1)
        .step_by(2)
        .map(|token| server.opening(Transport::Lines, token).open())
        .collect();
    let waiting = metric(&server, "notices_waiting");
    assert!(waiting > 0 && waiting <= 2 * CLIENTS as u64, "{waiting} wait after 20 rounds");
    thread::sleep(Duration::from_secs(1));
    app.answers(|_| TAKEN);
    until("all are told", || (metric(&server, "notices_waiting") == 0).then_some(()));
    for client in 0..CLIENTS {
        let told = app.told(&format!("client {client}"));
        let stays = client % 2 == 1;
        assert!(told.last().copied().unwrap_or(false) == stays, "client {client}: {told:?}");
        assert!(told.len() <= 6, "pairs that nobody heard of were dropped: {told:?}");
        for (index, connected) in told.iter().enumerate() {
            assert_eq!(*connected, index % 2 == 0, "client {client}: {told:?}");
        }
    }
    drop(staying);
}
