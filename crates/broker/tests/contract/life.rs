//! From opening to closing, and the next life.

use crate::{
    common::{ALL, NOON, Stand, after, draft, id, keyed, publish, read, texts},
    settings,
};
use broker::{broker::Health, error::PublishError, message::Position};
use protocol::{cursor::Offset, frame::GapReason};

pub(crate) async fn goes_on_after_it_was_closed(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    let first = publish(&broker, "ada", "one").await;
    let keyed_offset = broker.publish(keyed("ada", "two", "k"), NOON).await.unwrap().offset;
    let end = broker.end();
    broker.close().await;
    drop(broker);
    let (broker, _ear) = stand.open(settings()).await;
    if !stand.keeps {
        assert_ne!(broker.end().epoch, end.epoch, "what keeps nothing begins a new life");
        let history = read(&broker, "ada", Position::After(end), ALL).await;
        assert_eq!((history.gap, history.messages.len()), (Some(GapReason::Epoch), 0));
        return;
    }
    assert_eq!(broker.end(), end);
    let history = read(&broker, "ada", after(&broker, Offset(0)), ALL).await;
    assert_eq!((texts(&history.messages), history.gap), (vec!["one".into(), "two".into()], None));
    assert_eq!(history.messages[0].offset, first);
    let again = broker.publish(keyed("ada", "two", "k"), NOON + 1).await.unwrap();
    assert_eq!((again.offset, again.repeated), (keyed_offset, true), "keys outlive a close");
    let next = publish(&broker, "ada", "three").await;
    assert!(next > end.offset);
    let history = read(&broker, "ada", Position::After(end), ALL).await;
    assert_eq!((texts(&history.messages), history.gap), (vec!["three".into()], None));
    assert_eq!(history.messages[0].link(broker.key(&id("ada"))).unwrap().previous, keyed_offset);
}

pub(crate) async fn ends_with_close(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    publish(&broker, "ada", "one").await;
    assert_eq!(broker.health(), Health::Good);
    broker.close().await;
    assert_eq!(broker.publish(draft("ada", "two"), NOON).await, Err(PublishError::Stopping));
    let many = broker.publish_many(vec![draft("ada", "two")], NOON).await;
    assert_eq!(many, [Err(PublishError::Stopping)]);
    let history = read(&broker, "ada", after(&broker, Offset(0)), ALL).await;
    assert_eq!(texts(&history.messages), ["one"], "what is kept is still read");
    broker.close().await;
}

pub(crate) async fn moves_newest_and_end(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let (ada, bob) = (id("ada"), id("bob"));
    let keys = (broker.key(&ada), broker.key(&bob));
    assert_ne!(keys.0, keys.1);
    broker.follow(&ada, keys.0);
    let first = publish(&broker, "ada", "one").await;
    let second = publish(&broker, "bob", "two").await;
    assert!(second > first);
    assert_eq!(broker.newest(&ada, keys.0).await.unwrap(), first);
    assert_eq!(broker.newest(&bob, keys.1).await.unwrap(), second);
    assert_eq!(broker.end().offset, second);
    assert!(broker.start().offset <= first);
    let heard = ear.heard(2).await;
    assert_eq!(heard.iter().map(|message| message.offset).collect::<Vec<_>>(), [first, second]);
    broker.tick(NOON + 1_000);
    assert!(broker.kept_bytes() > 0);
    broker.unfollow(&ada, keys.0);
    assert_eq!(texts(&read(&broker, "ada", after(&broker, Offset(0)), ALL).await.messages), ["one"]);
}
