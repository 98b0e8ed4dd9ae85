//! A deleted channel begins anew, and nothing of its past comes back.

use crate::{
    common::{ALL, Ear, NOON, Stand, after, draft, id, publish, read, texts},
    settings,
};
use broker::{
    broker::{Broker, Deletion},
    error::PublishError,
    message::{Page, Position},
};
use protocol::{cursor::Offset, frame::GapReason};
use std::sync::Arc;

async fn delete(broker: &Arc<dyn Broker>, of: &str) -> Deletion {
    broker.delete(&id(of), broker.key(&id(of)), NOON).await.unwrap()
}

pub(crate) async fn hides_what_was_and_lets_come_what_comes(stand: Stand) {
    let (broker, ear): (_, Arc<Ear>) = stand.open(settings()).await;
    let first = publish(&broker, "ada", "one").await;
    publish(&broker, "ada", "two").await;
    publish(&broker, "bob", "his").await;
    let deletion = delete(&broker, "ada").await;
    assert_eq!(*ear.deleted.lock(), [broker.key(&id("ada"))]);
    for (from, missing) in [(Offset(0), true), (first, true), (deletion.at.offset, false)] {
        let history = read(&broker, "ada", after(&broker, from), ALL).await;
        assert_eq!(texts(&history.messages), Vec::<String>::new());
        assert_eq!(history.gap, missing.then_some(GapReason::Trimmed), "after {from}");
    }
    publish(&broker, "ada", "three").await;
    for from in [Offset(0), first, deletion.at.offset] {
        assert_eq!(texts(&read(&broker, "ada", after(&broker, from), ALL).await.messages), ["three"]);
    }
    assert_eq!(texts(&read(&broker, "ada", Position::Since(0), ALL).await.messages), ["three"]);
    assert_eq!(texts(&read(&broker, "bob", after(&broker, Offset(0)), ALL).await.messages), ["his"]);
}

pub(crate) async fn separates_the_tokens_before_from_those_after(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    publish(&broker, "ada", "one").await;
    let key = broker.key(&id("ada"));
    assert_eq!(broker.deletion(key), None);
    let before = broker.end();
    let deletion = delete(&broker, "ada").await;
    let behind = broker.end();
    assert_eq!(broker.deletion(key), Some(deletion));
    assert!(deletion.refuses(Some(before), 0), "nothing was sent between, and yet it is from before");
    assert!(!deletion.refuses(Some(behind), 0));
    assert_eq!(broker.deletion(broker.key(&id("bob"))), None);
}

pub(crate) async fn reaches_readers_in_the_middle(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    for text in ["one", "two", "three"] {
        publish(&broker, "ada", text).await;
    }
    let page = read(&broker, "ada", after(&broker, Offset(0)), Page { messages: 1, ..ALL }).await;
    assert!(page.more);
    delete(&broker, "ada").await;
    publish(&broker, "ada", "four").await;
    let mut from = page.upto;
    let mut found = Vec::new();
    loop {
        let page = read(&broker, "ada", after(&broker, from), Page { messages: 1, ..ALL }).await;
        found.extend(texts(&page.messages));
        from = page.upto;
        if !page.more {
            break;
        }
    }
    assert_eq!(found, ["four"]);
}

pub(crate) async fn outlives_a_restart(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    publish(&broker, "ada", "one").await;
    let deletion = delete(&broker, "ada").await;
    publish(&broker, "ada", "two").await;
    broker.close().await;
    let refused = broker.delete(&id("ada"), broker.key(&id("ada")), NOON).await;
    assert_eq!(refused, Err(PublishError::Stopping));
    drop(broker);
    let (broker, _ear) = stand.open(settings()).await;
    let history = read(&broker, "ada", after(&broker, Offset(0)), ALL).await;
    if stand.keeps {
        assert_eq!(broker.deletion(broker.key(&id("ada"))), Some(deletion));
        assert_eq!(texts(&history.messages), ["two"]);
    } else {
        assert_eq!(texts(&history.messages), Vec::<String>::new());
    }
    broker.publish(draft("ada", "three"), NOON).await.unwrap();
}
