//! One order for a channel: of answers, of announcements, and of what is kept.

use crate::{
    common::{ALL, NOON, Stand, after, draft, id, read, texts},
    settings,
};
use broker::error::PublishError;
use protocol::cursor::Offset;
use std::{collections::HashSet, sync::Arc};

const PUBLISHERS: usize = 8;
const EACH: usize = 60;
const CHANNELS: [&str; 3] = ["ada", "bob", "eve"];

pub(crate) async fn of_a_channel_under_many_publishers(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move {
                let mut last = Offset(0);
                for number in 0..EACH {
                    let to = CHANNELS[number % CHANNELS.len()];
                    let text = format!("{publisher} {number}");
                    let stored = broker.publish(draft(to, &text), NOON).await.unwrap();
                    assert!(stored.offset > last, "what is answered first lies first");
                    assert!(!stored.repeated && stored.failed.is_empty());
                    last = stored.offset;
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let announced = ear.heard(PUBLISHERS * EACH).await;
    for channel in CHANNELS {
        let key = broker.key(&id(channel));
        let history = read(&broker, channel, after(&broker, Offset(0)), ALL).await;
        assert_eq!((history.gap, history.more), (None, false));
        assert_eq!(history.messages.len(), PUBLISHERS * EACH / CHANNELS.len());
        assert!(history.messages.is_sorted_by(|a, b| a.offset < b.offset));
        let heard: Vec<Offset> = announced
            .iter()
            .filter(|message| message.link(key).is_some())
            .map(|message| message.offset)
            .collect();
        let kept: Vec<Offset> = history.messages.iter().map(|message| message.offset).collect();
        assert_eq!(heard, kept, "announced as they are kept");
        for publisher in 0..PUBLISHERS {
            let own = |text: &&String| text.starts_with(&format!("{publisher} "));
            let numbers: Vec<usize> = texts(&history.messages)
                .iter()
                .filter(own)
                .map(|text| text.split_once(' ').unwrap().1.parse().unwrap())
                .collect();
            assert!(numbers.is_sorted(), "each publisher's own order is kept");
        }
    }
}

pub(crate) async fn is_that_of_announcements(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move {
                for _ in 0..EACH {
                    broker.publish(draft("ada", "x"), NOON).await.unwrap();
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let heard = ear.heard(PUBLISHERS * EACH).await;
    let offsets: HashSet<Offset> = heard.iter().map(|message| message.offset).collect();
    assert_eq!((heard.len(), offsets.len()), (PUBLISHERS * EACH, PUBLISHERS * EACH), "each exactly once");
    assert!(heard.is_sorted_by(|a, b| a.offset < b.offset), "in the order of offsets");
    let mut previous = Offset(0);
    for (index, message) in heard.iter().enumerate() {
        let link = message.link(broker.key(&id("ada"))).unwrap();
        assert_eq!(link.previous, previous, "each names the one before it in its channel");
        assert_eq!(link.ordinal, heard[0].links[0].ordinal + index as u64);
        previous = message.offset;
    }
    assert_eq!(broker.end().offset, previous, "the end is the last that was announced");
}

pub(crate) async fn of_many_in_one_call(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let keyed = |text: &str| crate::common::keyed("ada", text, "one key");
    let drafts = vec![draft("ada", "one"), keyed("two"), keyed("other"), draft("bob", "three"), keyed("two")];
    let results = broker.publish_many(drafts, NOON).await;
    let offset = |index: usize| results[index].as_ref().unwrap().offset;
    assert!(offset(0) < offset(1) && offset(1) < offset(3), "stored in the order given");
    assert_eq!(results[2], Err(PublishError::KeyReused), "one that fails spoils no other");
    assert_eq!((offset(4), results[4].as_ref().unwrap().repeated), (offset(1), true));
    assert_eq!(texts(&ear.heard(3).await), ["one", "two", "three"]);
    assert!(broker.publish_many(Vec::new(), NOON).await.is_empty());
}
