//! What is only true of nodes that share a NATS.

use crate::{
    common::{ALL, Ear, NOON, after, draft, id, keyed, publish, read, texts},
    nats_server::NatsServer,
};
use broker::{
    broker::{Announce, Broker, Health},
    error::PublishError,
    local::Durability,
    message::{Draft, Position, Recipients},
    nats::{
        Nats, Options,
        connect::{ConnectTo, Login},
    },
};
use protocol::{
    cursor::{Cursor, Offset},
    frame::GapReason,
    message::Data,
};
use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Options for a node on a server.
pub(crate) fn options(server: &NatsServer) -> Options {
    Options {
        connect: ConnectTo {
            servers: vec![server.url()],
            login: Login::None,
            tls: false,
            tls_ca: None,
            prefix: "downlink".into(),
            replicas: 1,
        },
        durability: Durability::Fsync,
        monitors: vec![server.monitor()],
        assert_synced: false,
        retention: Duration::from_secs(7_200),
        retention_messages: 1_000,
        retention_bytes: 1 << 30,
        idempotency_window: Duration::from_secs(600),
        message_bytes_max: 32 * 1024,
        hash_secret: [7; 16],
    }
}

/// A node with an ear. Each has its own secret, as in real life.
fn node(server: &NatsServer, number: u8) -> (Arc<dyn Broker>, Arc<Ear>) {
    let broker: Arc<dyn Broker> =
        Arc::new(Nats::open(Options { hash_secret: [number; 16], ..options(server) }).unwrap());
    let ear = Arc::new(Ear::default());
    broker.attach(Arc::downgrade(&ear) as Weak<dyn Announce>);
    (broker, ear)
}

/// Waits for a condition.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn run<T: Future<Output = ()>>(test: T) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

#[test]
fn what_one_node_stores_all_announce_in_one_order() {
    run(async {
        let server = NatsServer::start();
        let (a, ear_a) = node(&server, 1);
        let (b, ear_b) = node(&server, 2);
        let mut sends = Vec::new();
        for (name, broker) in [("a", &a), ("b", &b)] {
            let broker = Arc::clone(broker);
            sends.push(tokio::spawn(async move {
                for number in 0..100 {
                    broker.publish(draft("ada", &format!("{name}{number}")), NOON).await.unwrap();
                }
            }));
        }
        for send in sends {
            send.await.unwrap();
        }
        let (heard_a, heard_b) = (ear_a.heard(200).await, ear_b.heard(200).await);
        assert_eq!(texts(&heard_a), texts(&heard_b));
        assert!(heard_a.is_sorted_by(|one, other| one.offset < other.offset));
        let mut previous = Offset(0);
        for message in &heard_b {
            let link = message.link(b.key(&id("ada"))).expect("each node by its own key");
            assert_eq!(std::mem::replace(&mut previous, message.offset), link.previous);
        }
        for broker in [&a, &b] {
            let kept = read(broker, "ada", after(broker, Offset(0)), ALL).await;
            assert_eq!(texts(&kept.messages), texts(&heard_a));
        }
    });
}

#[test]
fn a_key_holds_on_all_nodes() {
    run(async {
        let server = NatsServer::start();
        let ((a, _ear_a), (b, ear_b)) = (node(&server, 1), node(&server, 2));
        let first = a.publish(keyed("ada", "one", "k"), NOON).await.unwrap();
        let again = b.publish(keyed("ada", "one", "k"), NOON + 5).await.unwrap();
        assert_eq!((again.offset, again.repeated), (first.offset, true));
        assert_eq!(b.publish(keyed("ada", "two", "k"), NOON).await, Err(PublishError::KeyReused));
        let many = Draft { to: Recipients::Many(["x", "y"].map(id).into()), ..keyed("x", "all", "k") };
        let first = a.publish(many.clone(), NOON).await.unwrap();
        assert_eq!(b.publish(many, NOON).await.unwrap().offset, first.offset);
        assert_eq!(texts(&ear_b.heard(3).await), ["one", "all", "all"]);
    });
}

#[test]
fn deletions_and_passing_messages_reach_all_nodes() {
    run(async {
        let server = NatsServer::start();
        let ((a, ear_a), (b, ear_b)) = (node(&server, 1), node(&server, 2));
        publish(&a, "ada", "one").await;
        let before = a.end();
        let deletion = a.delete(&id("ada"), a.key(&id("ada")), NOON).await.unwrap();
        assert!(deletion.refuses(Some(before), 0));
        until("the other node learns", async || b.deletion(b.key(&id("ada"))) == Some(deletion)).await;
        until("its sockets end", async || *ear_b.deleted.lock() == [b.key(&id("ada"))]).await;
        assert_eq!(*ear_a.deleted.lock(), [a.key(&id("ada"))], "told once");
        let (late, _ear) = node(&server, 3);
        assert_eq!(late.deletion(late.key(&id("ada"))), Some(deletion), "also to who comes later");
        a.pass(Recipients::One(id("bob")), Data::Text("now".to_owned().into())).await.unwrap();
        until("it is passed", async || !ear_b.passed.lock().is_empty()).await;
        assert_eq!(ear_b.passed.lock()[0].keys.to_vec(), [b.key(&id("bob"))]);
    });
}

#[test]
fn a_reader_of_another_node_misses_nothing() {
    run(async {
        let server = NatsServer::start();
        let ((a, _ear_a), (b, _ear_b)) = (node(&server, 1), node(&server, 2));
        for number in 0..50 {
            let offset = publish(&a, "ada", &number.to_string()).await;
            let position = Position::After(Cursor::new(a.end().epoch, Offset(offset.0 - 1)));
            let history = read(&b, "ada", position, ALL).await;
            assert_eq!((texts(&history.messages), history.gap), (vec![number.to_string()], None));
            // Ahead of what this node has read, perhaps.
            let behind = read(&b, "ada", Position::After(a.end()), ALL).await;
            assert_eq!((behind.messages.len(), behind.gap), (0, None), "never another life");
        }
        let (late, _ear) = node(&server, 3);
        assert_eq!(late.end(), a.end());
        assert_eq!(late.newest(&id("ada"), late.key(&id("ada"))).await.unwrap(), a.end().offset);
    });
}

#[test]
fn while_nats_is_away_sends_are_refused_and_afterwards_all_goes_on() {
    run(async {
        let mut server = NatsServer::start();
        let (a, ear) = node(&server, 1);
        let first = publish(&a, "ada", "before").await;
        server.kill();
        until("it is noticed", async || a.health() == Health::Refusing(PublishError::Away)).await;
        assert_eq!(a.publish(draft("ada", "lost"), NOON).await, Err(PublishError::Away));
        let passed = a.pass(Recipients::One(id("ada")), Data::Text("x".to_owned().into())).await;
        assert_eq!(passed, Err(PublishError::Away));
        server.go_on();
        until("it is back", async || a.publish(draft("ada", "after"), NOON).await.is_ok()).await;
        assert_eq!(a.health(), Health::Good);
        assert_eq!(texts(&ear.heard(2).await), ["before", "after"]);
        let kept = read(&a, "ada", after(&a, first), ALL).await;
        assert_eq!((texts(&kept.messages), kept.gap), (vec!["after".into()], None));
        assert_eq!(*ear.epochs.lock(), 0, "nothing was lost, so no new life");
    });
}

#[test]
fn a_stream_that_was_lost_is_a_new_epoch_on_all_nodes() {
    run(async {
        let mut server = NatsServer::start();
        let ((a, ear_a), (b, ear_b)) = (node(&server, 1), node(&server, 2));
        publish(&a, "ada", "old").await;
        let old = a.end();
        ear_b.heard(1).await;
        server.lose_everything();
        server.go_on();
        until("both begin anew", async || [&ear_a, &ear_b].iter().all(|ear| *ear.epochs.lock() == 1)).await;
        assert_ne!(a.end().epoch, old.epoch);
        assert_eq!(a.end().epoch, b.end().epoch, "the same for all");
        until("sends are taken", async || a.publish(draft("ada", "new"), NOON).await.is_ok()).await;
        let history = read(&b, "ada", Position::After(old), ALL).await;
        assert_eq!((texts(&history.messages), history.gap), (vec!["new".into()], Some(GapReason::Epoch)));
        assert_eq!(texts(&ear_b.heard(2).await), ["old", "new"]);
    });
}

#[test]
fn a_start_says_what_is_wrong() {
    let refused =
        |options: Options| Nats::open(options).err().map(|error| error.to_string()).unwrap_or_default();
    let lazy = NatsServer::with("jetstream { store_dir: \"$STORE\" }");
    let sentence = refused(options(&lazy));
    assert!(sentence.contains("sync_interval: always"), "{sentence}");
    let sentence = refused(Options { monitors: Vec::new(), ..options(&lazy) });
    assert!(sentence.contains("broker.assert_synced"), "{sentence}");
    assert_eq!(refused(Options { durability: Durability::Os, ..options(&lazy) }), "");
    let sentence = refused(Options { message_bytes_max: 1 << 20, ..options(&lazy) });
    assert!(sentence.contains("max_payload"), "{sentence}");

    let bare = NatsServer::with("");
    let sentence = refused(options(&bare));
    assert!(sentence.contains("JetStream"), "{sentence}");

    let mut away = NatsServer::start();
    let options_away = options(&away);
    away.kill();
    let sentence = refused(options_away);
    assert!(sentence.contains("cannot be reached") && sentence.contains("127.0.0.1"), "{sentence}");

    let locked = NatsServer::with(
        "jetstream { store_dir: \"$STORE\", sync_interval: always }\nauthorization { user: ada, password: secret-word }",
    );
    let mut wrong = options(&locked);
    wrong.connect.login = Login::User { user: "ada".into(), password: "wrong-word".into() };
    let sentence = refused(wrong.clone());
    assert!(sentence.contains("does not let this node in") && !sentence.contains("wrong-word"), "{sentence}");
    wrong.connect.login = Login::User { user: "ada".into(), password: "secret-word".into() };
    assert_eq!(refused(wrong), "");
}
