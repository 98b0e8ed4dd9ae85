//! A send repeated with its key is stored once.

use crate::{
    common::{ALL, NOON, Settings, Stand, after, draft, id, keyed, read, texts},
    settings,
};
use broker::{
    error::PublishError,
    message::{Draft, Recipients},
};
use protocol::{cursor::Offset, limits, message::Data};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
    let window = if stand.own_clock { Duration::from_secs(2) } else { limits::IDEMPOTENCY_WINDOW };
    let (broker, _ear) = stand.open(Settings { idempotency_window: window, ..settings() }).await;
    let first = broker.publish(keyed("ada", "one", "k"), NOON).await.unwrap();
    let behind = NOON + window.as_millis() as u64;
    let last = broker.publish(keyed("ada", "one", "k"), behind - 1).await.unwrap();
    assert_eq!(last.offset, first.offset);
    broker.tick(behind);
    let deadline = Instant::now() + 10 * window;
    let fresh = loop {
        let fresh = broker.publish(keyed("ada", "another", "k"), behind).await;
        if !stand.own_clock || fresh.is_ok() || Instant::now() > deadline {
            break fresh.unwrap();
        }
        tokio::time::sleep(window / 20).await;
    };
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
