//! Who is connected, on several nodes together: real processes, a real nats-server, a real application.

use crate::{
    cluster::nats_server::NatsServer,
    support::{
        application::{Application, SECRET, TAKEN},
        server::{Server, Setup},
        socket::Frame,
        until,
    },
};
use protocol::socket::Transport;
use std::{
    thread,
    time::{Duration, Instant},
};

fn node(nats: &NatsServer, app: &Application) -> Server {
    Setup::new("serve")
        .env("DOWNLINK_BROKER", "nats")
        .env("DOWNLINK_NATS_SERVERS", &nats.url())
        .env("DOWNLINK_NATS_MONITORS", &nats.monitor())
        .env("DOWNLINK_PRESENCE_URL", &app.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "1")
        .env("DOWNLINK_DRAIN_SECONDS", "0")
        .start()
}

/// The client ids that a node names.
fn present(node: &Server) -> Vec<String> {
    let ids = node.api().get("/v1/presence").json()["client_ids"].clone();
    serde_json::from_value(ids).unwrap()
}

fn is_connected(node: &Server, id: &str) -> bool {
    node.api().get(&format!("/v1/channels/{id}")).json()["connected"] == true
}

#[test]
fn the_first_socket_anywhere_and_the_last_one_anywhere() {
    let (nats, app) = (NatsServer::start(), Application::start());
    let (a, b) = (node(&nats, &app), node(&nats, &app));
    let token = a.api().token("ada");
    let on_a = a.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
    until("the other node knows", || is_connected(&b, "ada").then_some(()));
    let on_b = b.opening(Transport::Sse, &token).open();
    let bob = b.opening(Transport::Lines, &b.api().token("bob")).open();
    app.hears("bob", &[true]);
    for node in [&a, &b] {
        until("both name both", || (present(node) == ["ada", "bob"]).then_some(()));
    }
    drop(on_a);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(app.told("ada"), [true]);
    assert!(is_connected(&a, "ada"));
    drop(on_b);
    app.hears("ada", &[true, false]);
    until("both forget her", || (!is_connected(&a, "ada") && !is_connected(&b, "ada")).then_some(()));
    // From one node to the other within the grace.
    drop(bob);
    let _bob = a.opening(Transport::Lines, &b.api().token("bob")).open();
    thread::sleep(Duration::from_secs(2));
    assert_eq!(app.told("bob"), [true]);
}

#[test]
fn a_node_that_is_killed_while_it_tells_is_followed_by_another_and_its_clients_are_gone() {
    let (nats, app) = (NatsServer::start(), Application::start());
    let (mut a, b) = (node(&nats, &app), node(&nats, &app));
    let c = node(&nats, &app);
    let sockets = ["stays", "goes"].map(|id| {
        let socket = a.opening(Transport::WebSocket, &a.api().token(id)).open();
        app.hears(id, &[true]);
        socket
    });
    // What comes now waits: the node that tells dies with it.
    app.answers(|_| (Duration::ZERO, "500 Broken"));
    let _late = b.opening(Transport::Sse, &b.api().token("late")).open();
    let tried = until("it is tried", || app.tries().into_iter().find(|notice| notice.client == "late"));
    a.kill();
    let killed = Instant::now();
    drop(sockets);
    app.answers(|_| TAKEN);
    let _stays = c.opening(Transport::WebSocket, &c.api().token("stays")).open();
    app.hears("goes", &[true, false]);
    let took = app.last_at("goes") - killed;
    assert!(took < Duration::from_secs(15), "{took:?}");
    app.hears("late", &[true]);
    let told = app.tries().into_iter().rev().find(|notice| notice.client == "late").unwrap();
    assert_eq!((told.id, told.generation), (tried.id, tried.generation), "under the same id");
    let a = a.start_again();
    until("it knows them when it is back", || (present(&a) == ["late", "stays"]).then_some(()));
    // In order, one after the other, and nobody who returns is gone.
    let mut back = Vec::new();
    for mut stops in [b, c] {
        stops.terminate();
        assert!(stops.wait().success());
        back.push(["late", "stays"].map(|id| a.opening(Transport::Lines, &a.api().token(id)).open()));
        thread::sleep(Duration::from_secs(2));
    }
    assert_eq!((app.told("stays"), app.told("goes")), (vec![true], vec![true, false]));
}

#[test]
fn a_node_that_others_count_as_gone_sends_its_sockets_away_before_it_counts_again() {
    let (nats, app) = (NatsServer::start(), Application::start());
    let (a, b) = (node(&nats, &app), node(&nats, &app));
    let streams = [Transport::WebSocket, Transport::Sse, Transport::Lines];
    let mut sockets = streams.map(|transport| a.opening(transport, &a.api().token("ada")).open());
    let on_b = b.opening(Transport::WebSocket, &b.api().token("bob")).open();
    app.hears("ada", &[true]);
    a.freeze(true);
    let frozen = Instant::now();
    // A notice that it was about to settle comes again, under its id.
    let heard = |id: &str| {
        let mut notices = app.tries();
        notices.retain(|notice| notice.client == id);
        notices.dedup_by(|one, other| one.id == other.id);
        notices.iter().map(|notice| notice.connected).collect::<Vec<_>>()
    };
    until("she counts as gone", || (heard("ada") == [true, false]).then_some(()));
    let took = frozen.elapsed();
    assert!(took > Duration::from_secs(6) && took < Duration::from_secs(15), "{took:?}");
    assert!(!is_connected(&b, "ada"));
    a.freeze(false);
    for socket in &mut sockets {
        let Frame::Close { code: 1012, retry_after_ms: Some(_), .. } = socket.frame() else {
            panic!("{:?}: it goes on with a socket that counts nowhere", socket.transport)
        };
    }
    assert_eq!(heard("ada"), [true, false], "what it says before it counts again is void");
    // It counts again, with whoever comes back to it.
    let _back = a.opening(Transport::WebSocket, &a.api().token("ada")).open();
    until("she is back", || (heard("ada") == [true, false, true]).then_some(()));
    for node in [&a, &b] {
        until("both name both", || (present(node) == ["ada", "bob"]).then_some(()));
    }
    assert_eq!(heard("bob"), [true], "those of other nodes notice nothing");
    drop(on_b);
}

#[test]
fn nats_may_be_started_again() {
    let (mut nats, app) = (NatsServer::start(), Application::start());
    let (a, b) = (node(&nats, &app), node(&nats, &app));
    let ada = a.opening(Transport::WebSocket, &a.api().token("ada")).open();
    let _bob = b.opening(Transport::WebSocket, &b.api().token("bob")).open();
    app.hears("ada", &[true]);
    app.hears("bob", &[true]);
    nats.kill();
    drop(ada);
    thread::sleep(Duration::from_secs(3));
    nats.go_on();
    app.hears("ada", &[true, false]);
    assert_eq!(app.told("bob"), [true]);
    // The application may hear of it before the other node has read it.
    until("both know", || (is_connected(&a, "bob") && !is_connected(&b, "ada")).then_some(()));
}
