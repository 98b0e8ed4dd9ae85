//! Presence outlives the server.

use super::{application::metric, tells};
use crate::support::{
    PATIENCE,
    application::{Application, TAKEN},
    server::{Setup, on_disk},
    until,
};
use protocol::socket::Transport;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// On disk, and with ten seconds for those who were there to return.
fn kept(durability: &str, app: &Application) -> Setup {
    tells(on_disk(durability), app).env("DOWNLINK_DRAIN_SECONDS", "0")
}

#[test]
fn item_50_who_was_there_when_the_server_was_killed_and_does_not_return_is_gone() {
    for durability in ["fsync", "os"] {
        let app = Application::start();
        let server = kept(durability, &app).start();
        let (stays, goes) = (server.api().token("stays"), server.api().token("goes"));
        let sockets = [&stays, &goes].map(|token| server.opening(Transport::WebSocket, token).open());
        app.hears("stays", &[true]);
        app.hears("goes", &[true]);
        // A kill before that would have the same told again, as it may be.
        until("what was told is written down", || (metric(&server, "notices_waiting") == 0).then_some(()));
        let server = server.restart();
        let start = Instant::now();
        drop(sockets);
        let _back = server.opening(Transport::WebSocket, &stays).open();
        app.hears("goes", &[true, false]);
        let took = app.last_at("goes") - start;
        assert!(took > Duration::from_secs(7) && took < Duration::from_secs(20), "{durability}: {took:?}");
        thread::sleep(Duration::from_secs(2));
        assert_eq!(app.told("stays"), [true], "{durability}: it came back, and never was away");
    }
}

#[test]
fn a_restart_by_the_operator_is_nobodys_leave() {
    let app = Application::start();
    let mut server = kept("fsync", &app).start();
    let token = server.api().token("ada");
    let socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
    server.terminate();
    assert!(server.wait().success());
    drop(socket);
    let server = server.start_again();
    let _back = server.opening(Transport::WebSocket, &token).open();
    thread::sleep(Duration::from_secs(13));
    assert_eq!(app.told("ada"), [true]);
}

#[test]
fn a_notice_that_was_not_taken_is_told_after_a_kill_under_the_same_id() {
    let app = Application::start();
    app.answers(|_| (Duration::ZERO, "500 Broken"));
    let server = kept("fsync", &app).start();
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    until("it is tried", || (!app.tries().is_empty()).then_some(()));
    let before = app.tries()[0].clone();
    let server = server.restart();
    app.answers(|_| TAKEN);
    app.hears("ada", &[true, false]);
    let after: Vec<_> = app.tries().into_iter().filter(|notice| notice.status == 204).collect();
    assert_eq!((&after[0].id, after[0].generation), (&before.id, before.generation));
    assert!(after[1].generation > before.generation, "generations go on rising");
    drop(server);
}

#[test]
fn who_comes_after_the_ledger_was_lost_is_told_with_a_higher_generation() {
    let app = Application::start();
    let mut server = kept("fsync", &app).start();
    let mut last = 0;
    for round in 1..=3 {
        let token = server.api().token("ada");
        let socket = server.opening(Transport::WebSocket, &token).open();
        app.hears("ada", &vec![true; round]);
        let generation = app.tries().last().unwrap().generation;
        assert!(generation > last, "{generation} after {last}");
        last = generation;
        server.kill();
        drop(socket);
        fs::remove_dir_all(server.data_dir().join("presence")).unwrap();
        server = server.start_again();
    }
}

#[test]
fn kills_at_any_moment_leave_the_application_with_the_truth() {
    let app = Application::start();
    let mut server = kept("fsync", &app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0").start();
    let tokens: Vec<String> = (0..20).map(|client| server.api().token(&format!("client {client}"))).collect();
    let mut random = crate::support::Random(7);
    for _ in 0..12 {
        let mut sockets: Vec<_> = tokens.iter().map(|_| None).collect();
        for _ in 0..30 + random.below(60) {
            let client = random.below(20) as usize;
            sockets[client] = match sockets[client].take() {
                Some(_) => None,
                None => Some(server.opening(Transport::Lines, &tokens[client]).open()),
            };
        }
        server = server.restart();
    }
    let _stays: Vec<_> =
        tokens[..10].iter().map(|token| server.opening(Transport::Lines, token).open()).collect();
    for client in 0..20 {
        let id = format!("client {client}");
        let deadline = Instant::now() + PATIENCE;
        while distinct(&app, &id).last().copied().unwrap_or(false) != (client < 10) {
            let tries: Vec<_> = app.tries().into_iter().filter(|notice| notice.client == id).collect();
            let metrics = || server.api().get("/metrics").text();
            assert!(Instant::now() < deadline, "{id}: {tries:#?}\n{}", metrics());
            thread::sleep(Duration::from_millis(20));
        }
        let told = distinct(&app, &id);
        for (index, connected) in told.iter().enumerate() {
            assert_eq!(*connected, index % 2 == 0, "{id}: {told:?}");
        }
    }
}

/// What a client id's notices say to an application that drops repetitions by their id.
fn distinct(app: &Application, client: &str) -> Vec<bool> {
    let mut seen = std::collections::HashSet::new();
    let tries = app.tries();
    let mine = tries.iter().filter(|notice| notice.client == client && notice.status == 204);
    mine.filter(|notice| seen.insert(notice.id.clone())).map(|notice| notice.connected).collect()
}
