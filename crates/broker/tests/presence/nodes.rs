//! Nodes that share a NATS, each with threads of its own.

use crate::{NOON, Node, change, id, nats_server::NatsServer, until, until_so};
use broker::{error::RecordError, nats::presence::Options, presence::PresenceStore};
use protocol::cursor::{Cursor, Epoch, Offset};
use std::time::{Duration, Instant};

/// Within this time the clients of a dead node are disconnected.
const PROMISED: Duration = Duration::from_secs(15);

#[test]
fn first_socket_anywhere_and_last_socket_anywhere() {
    let server = NatsServer::start();
    let (a, b) = (Node::start(&server), Node::start(&server));
    a.record(&[("ada", true)]);
    assert!(a.tell("ada").connected);
    until_so("the other knows", || b.store.is_elsewhere(&id("ada")));
    assert_eq!(b.store.elsewhere(None, 10), [id("ada")]);
    assert_eq!(a.store.elsewhere(None, 10), []);
    b.record(&[("ada", true), ("bob", true)]);
    a.tell("bob");
    a.record(&[("ada", false)]);
    assert!(a.store.is_connected(&id("ada")) && !a.store.is_here(&id("ada")));
    assert_eq!((a.store.standing().waiting, a.store.begin(&id("ada"))), (0, None));
    a.block_on(a.store.news());
    b.record(&[("ada", false)]);
    assert_eq!(b.store.begin(&id("ada")), None, "the older node tells");
    let ids = a.block_on(a.store.news());
    assert!(ids.contains(&id("ada")), "{ids:?}");
    assert!(!a.tell("ada").connected);
    until_so("both agree", || b.store.standing() == a.store.standing());
    let place = Cursor::new(Epoch(1), Offset(2));
    a.block_on(a.store.keep_position(7, place, u64::MAX / 2));
    until_so("a reader goes on at the other", || b.store.position(7) == Some(place));
}

#[test]
fn clients_of_a_dead_node_are_disconnected_once_and_another_goes_on_telling() {
    let server = NatsServer::start();
    let dying = Node::start(&server);
    let survivors = [Node::start(&server), Node::start(&server)];
    dying.record(&[("ada", true), ("both", true), ("returns", true)]);
    survivors[1].record(&[("both", true)]);
    dying.tell("both");
    let of_ada = dying.tell("ada");
    // It had begun to tell, and nobody knows whether it came through.
    let in_the_air = until("it tells", || dying.store.begin(&id("returns")));
    drop(dying);
    let start = Instant::now();
    survivors[0].record(&[("returns", true)]);
    let gone = until("she is found gone", || survivors.iter().find_map(|node| node.store.begin(&id("ada"))));
    assert!(start.elapsed() < PROMISED, "{:?}", start.elapsed());
    assert!(!gone.connected && gone.generation > of_ada.generation);
    until_so("the other found the same", || {
        survivors
            .iter()
            .all(|node| !node.store.is_connected(&id("ada")) && node.store.standing().waiting == 2)
    });
    let tellers: Vec<_> = survivors.iter().filter(|node| node.store.begin(&id("ada")).is_some()).collect();
    assert_eq!(tellers.len(), 1);
    assert_eq!(tellers[0].tell("ada"), gone);
    assert_eq!(tellers[0].tell("returns"), in_the_air, "again, under the same generation");
    for node in &survivors {
        until_so("nothing more waits", || node.store.standing().waiting == 0);
        assert!(["both", "returns"].iter().all(|of| node.store.is_connected(&id(of))));
    }
}

#[test]
fn a_node_that_was_silent_ends_its_sockets_before_it_comes_back() {
    let server = NatsServer::start();
    let (a, b) = (Node::start(&server), Node::start(&server));
    a.record(&[("ada", true)]);
    a.tell("ada");
    // As a machine that sleeps: all of its threads stand still.
    a.runtime.as_ref().unwrap().spawn(async { std::thread::sleep(Duration::from_secs(12)) });
    let gone = until("she is found gone", || b.store.begin(&id("ada")));
    assert!(!gone.connected);
    a.block_on(a.store.counted_out());
    let recorded = a.block_on(a.store.record(vec![change("ada", true)], NOON));
    assert_eq!(recorded, Err(RecordError::Away), "not before they ended");
    let store = std::sync::Arc::clone(&a.store);
    a.runtime.as_ref().unwrap().spawn(async move { store.counted_out().await });
    until_so("it is back", || a.block_on(a.store.record(vec![change("ada", true)], NOON)).is_ok());
    assert_eq!(b.tell("ada"), gone);
    assert!(b.tell("ada").connected);
    assert!(b.store.is_elsewhere(&id("ada")) && a.store.is_here(&id("ada")));
    assert_eq!(a.store.begin(&id("ada")), None, "the other has become the older one");
}

#[test]
fn who_returns_to_another_node_while_theirs_restarts_never_left() {
    let server = NatsServer::start();
    let (a, b) = (Node::start(&server), Node::start(&server));
    a.record(&[("ada", true), ("bob", true)]);
    for of in ["ada", "bob"] {
        a.tell(of);
    }
    a.block_on(a.store.leave(Duration::from_secs(12)));
    drop(a);
    let start = Instant::now();
    b.record(&[("ada", true)]);
    let again = Node::start(&server);
    assert!(again.store.is_connected(&id("bob")) && !again.store.is_here(&id("bob")));
    let gone = until("he is found gone", || b.store.begin(&id("bob")));
    assert!(!gone.connected && start.elapsed() > Duration::from_secs(9), "he was waited for");
    assert_eq!(b.store.begin(&id("ada")), None);
    assert!(again.store.is_connected(&id("ada")));
}

#[test]
fn while_nats_is_away_nothing_changes_and_afterwards_what_changed_is_recorded() {
    let mut server = NatsServer::start();
    let (a, b) = (Node::start(&server), Node::start(&server));
    a.record(&[("ada", true)]);
    a.tell("ada");
    a.record(&[("carl", true)]);
    assert_eq!(a.store.waiting(), [id("carl")]);
    server.kill();
    let store = std::sync::Arc::clone(&a.store);
    let changes = vec![change("ada", false), change("bob", true)];
    let recording = a.runtime.as_ref().unwrap().spawn(async move { store.record(changes, NOON).await });
    // Nobody tells what another might tell by now.
    until_so("it is noticed", || a.store.waiting().is_empty() && a.store.begin(&id("carl")).is_none());
    std::thread::sleep(Duration::from_secs(11));
    assert!(a.store.is_connected(&id("ada")) && b.store.is_connected(&id("ada")));
    server.go_on();
    a.block_on(recording).unwrap().unwrap();
    assert!(!a.tell("ada").connected);
    assert!(a.tell("bob").connected && a.tell("carl").connected);
    until_so("the other follows", || b.store.is_elsewhere(&id("bob")) && !b.store.is_connected(&id("ada")));
}

#[test]
fn a_log_that_was_lost_begins_anew() {
    let mut server = NatsServer::start();
    let a = Node::start(&server);
    a.record(&[("ada", true)]);
    let before = a.tell("ada");
    server.lose_everything();
    server.go_on();
    // The node does not stand in the new log: it is out, and back when its sockets have ended.
    a.block_on(a.store.counted_out());
    assert!(!a.store.is_connected(&id("ada")));
    let store = std::sync::Arc::clone(&a.store);
    a.runtime.as_ref().unwrap().spawn(async move { store.counted_out().await });
    until_so("it is back", || a.block_on(a.store.record(vec![change("ada", true)], NOON)).is_ok());
    let after = a.tell("ada");
    assert!(after.connected && after.generation > before.generation);
}

#[test]
fn ten_thousand_that_leave_at_once_are_a_few_words() {
    let server = NatsServer::start();
    let (a, b) = (Node::start(&server), Node::start(&server));
    let names: Vec<String> = (0..10_000).map(|number| format!("client number {number:020}")).collect();
    for connected in [true, false] {
        let changes = names.iter().map(|name| change(name, connected)).collect();
        let start = Instant::now();
        a.block_on(a.store.record(changes, NOON)).unwrap();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        let connected = if connected { names.len() } else { 0 };
        until_so("the other follows", || b.store.standing().connected == connected);
    }
}

/// Whoever makes consumers may be gone while the log goes on.
#[test]
fn the_log_is_read_without_a_consumer() {
    let server = NatsServer::with(
        "jetstream { store_dir: \"$STORE\", sync_interval: always }\nno_auth_user: node\nauthorization { users: [\n\
         { user: node, password: x, permissions { publish { deny: \"$JS.API.CONSUMER.>\" } } }\n] }",
    );
    let a = Node::start(&server);
    // Each in a batch of its own, and more of them than are read at a time.
    (0..510).for_each(|number| a.record(&[(&format!("client {number}")[..], true)]));
    assert!(log(&server).len() > 510);
    let late = Node::start(&server);
    assert_eq!(late.store.standing(), a.store.standing());
}

/// What was said late, since the log could not be reached, is one sign of life and not several in a moment: the others, who could
/// not reach it either, must have their time.
#[test]
fn signs_of_life_are_far_apart_also_after_a_pause() {
    let server = NatsServer::start();
    let _node = Node::start(&server);
    std::thread::sleep(Duration::from_secs(3));
    server.freeze();
    std::thread::sleep(Duration::from_secs(7));
    server.thaw();
    std::thread::sleep(Duration::from_secs(5));
    let mut signs: Vec<(Vec<u8>, i128)> = log(&server);
    // What was said again is the same sign.
    signs.dedup_by(|later, earlier| later.0 == earlier.0);
    let apart: Vec<i128> = signs.windows(2).map(|pair| (pair[1].1 - pair[0].1) / 1_000_000).collect();
    assert!(apart.len() >= 3 && apart.iter().any(|ms| *ms > 4_000), "{apart:?}");
    assert!(apart.iter().all(|ms| *ms > 1_000), "{apart:?}");
}

/// The stream of the log, as it is now.
async fn stream(server: &NatsServer) -> async_nats::jetstream::stream::Stream {
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).get_stream("downlink-presence-log").await.unwrap()
}

/// What the log holds, and when each was stored, in nanoseconds.
fn log(server: &NatsServer) -> Vec<(Vec<u8>, i128)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = stream(server).await;
        let state = stream.cached_info().state.clone();
        let mut batches = Vec::new();
        for place in state.first_sequence..=state.last_sequence {
            let message = stream.get_raw_message(place).await.unwrap();
            batches.push((message.payload.to_vec(), message.time.unix_timestamp_nanos()));
        }
        batches
    })
}

#[test]
fn a_snapshot_takes_the_place_of_the_log() {
    let server = NatsServer::start();
    let a = Node::with(&server, Options { tells: true, snapshot_every: 10 });
    let large: Vec<String> = (0..5_000).map(|number| format!("{number:0100}")).collect();
    a.record(&large.iter().map(|name| (&name[..], true)).collect::<Vec<_>>());
    for number in 0..40 {
        a.record(&[("ada", number % 2 == 0), (&format!("client {number}")[..], true)]);
    }
    let first = || a.block_on(async { stream(&server).await.cached_info().state.first_sequence });
    until_so("the log is shortened", || first() > 10);
    let late = Node::start(&server);
    assert_eq!(late.store.standing(), a.store.standing());
    assert!(!late.store.is_connected(&id("ada")) && late.store.is_elsewhere(&id("client 3")));
    a.record(&[("ada", true)]);
    until_so("it follows", || late.store.is_elsewhere(&id("ada")));
    let notice = until("it is told", || a.store.begin(&id(&large[7])));
    a.block_on(a.store.leave(Duration::from_secs(60)));
    assert_eq!(until("the other tells", || late.store.begin(&id(&large[7]))), notice);
}
