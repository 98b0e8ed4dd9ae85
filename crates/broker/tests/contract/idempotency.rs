//! A send repeated with its key is stored once.

use crate::{
    common::{ALL, NOON, Stand, after, draft, id, keyed, read, texts},
    settings,
};
use broker::{
    error::PublishError,
    message::{Draft, Recipients},
};
use protocol::{cursor::Offset, message::Data};
use std::sync::Arc;

const WINDOW_MS: u64 = 600_000;

pub(crate) async fn answers_a_repetition_alike(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    let first = broker.publish(keyed("ada", "one", "k"), NOON).await.unwrap();
    assert!(!first.repeated);
    let again = broker.publish(keyed("ada", "one", "k"), NOON + 1).await.unwrap();
    assert_eq!((again.offset, again.repeated), (first.offset, true));
    for other in [
        keyed("ada", "two", "k"),
        Draft { data: Data::Binary(b"one".to_vec().into()), ..keyed("ada", "one", "k") },
        Draft { ttl_seconds: 5, ..keyed("ada", "one", "k") },
    ] {
        assert_eq!(broker.publish(other, NOON).await, Err(PublishError::KeyReused));
    }
    let elsewhere = broker.publish(keyed("bob", "one", "k"), NOON).await.unwrap();
    assert!(!elsewhere.repeated && elsewhere.offset != first.offset, "a key belongs to its channel");
    let many = |text| Draft { to: Recipients::Many(["ada", "bob"].map(id).into()), ..keyed("x", text, "k") };
    let stored = broker.publish(many("all"), NOON).await.unwrap();
    assert!(!stored.repeated);
    assert_eq!(broker.publish(many("all"), NOON).await.unwrap().offset, stored.offset);
    assert_eq!(broker.publish(many("else"), NOON).await, Err(PublishError::KeyReused));
    broker.publish(draft("ada", "one"), NOON).await.unwrap();
    let kept = read(&broker, "ada", after(&broker, Offset(0)), ALL).await;
    assert_eq!(texts(&kept.messages), ["one", "all", "one"]);
}

pub(crate) async fn ends_with_its_window(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    let first = broker.publish(keyed("ada", "one", "k"), NOON).await.unwrap();
    let last = broker.publish(keyed("ada", "one", "k"), NOON + WINDOW_MS - 1).await.unwrap();
    assert_eq!(last.offset, first.offset);
    broker.tick(NOON + WINDOW_MS);
    let fresh = broker.publish(keyed("ada", "another", "k"), NOON + WINDOW_MS).await.unwrap();
    assert!(!fresh.repeated && fresh.offset > first.offset);
}

pub(crate) async fn holds_for_repetitions_at_the_same_moment(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let sends: Vec<_> = (0..16)
        .map(|_| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.publish(keyed("ada", "once", "k"), NOON).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for send in sends {
        answers.push(send.await.unwrap());
    }
    assert!(answers.iter().all(|stored| stored.offset == answers[0].offset));
    assert_eq!(answers.iter().filter(|stored| !stored.repeated).count(), 1);
    broker.publish(draft("ada", "end"), NOON).await.unwrap();
    assert_eq!(texts(&ear.heard(2).await), ["once", "end"]);
}
