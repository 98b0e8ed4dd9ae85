//! Reading what is kept.

use crate::{
    common::{ALL, NOON, Stand, after, draft, id, publish, read, texts},
    settings,
};
use broker::message::{Draft, Page, Position, Recipients};
use protocol::{cursor::Offset, message::Data};
use std::time::Duration;

pub(crate) async fn is_there_when_the_answer_is(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let ada = id("ada");
    assert_eq!(broker.newest(&ada, broker.key(&ada)).await.unwrap(), Offset(0));
    for number in 0..50 {
        let offset = publish(&broker, "ada", &number.to_string()).await;
        assert!(broker.end().offset >= offset);
        assert_eq!(broker.newest(&ada, broker.key(&ada)).await.unwrap(), offset);
        let history = read(&broker, "ada", after(&broker, Offset(offset.0 - 1)), ALL).await;
        assert_eq!(texts(&history.messages), [number.to_string()]);
        assert_eq!((history.messages[0].offset, history.gap), (offset, None));
        ear.heard(number + 1).await;
    }
}

pub(crate) async fn comes_in_pages(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    for number in 0..20 {
        publish(&broker, "ada", &format!("{number:02}")).await;
        publish(&broker, "bob", "between").await;
    }
    for page in [
        Page { messages: 7, bytes: usize::MAX },
        Page { messages: usize::MAX, bytes: 8 },
        // Always one at least.
        Page { messages: 1, bytes: 1 },
    ] {
        let (mut from, mut all, mut pages) = (Offset(0), Vec::new(), 0);
        loop {
            let history = read(&broker, "ada", after(&broker, from), page).await;
            assert_eq!(history.gap, None);
            assert!(!history.messages.is_empty() || !history.more);
            assert!(history.messages.len() <= page.messages);
            all.extend(texts(&history.messages));
            assert!(history.upto >= from);
            from = history.upto;
            pages += 1;
            if !history.more {
                break;
            }
        }
        let expected: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
        assert_eq!(all, expected);
        assert!(pages > 2);
        assert_eq!(from, broker.end().offset, "a reader who has all of it stands at the end");
    }
}

pub(crate) async fn holds_texts_and_bytes_unchanged(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let all = [
        Data::Text("é\0\r\n".to_owned().into()),
        Data::Binary(vec![0, 255, 10].into()),
        Data::Binary(b"as text".to_vec().into()),
        Data::Text("x".repeat(32_768).into()),
    ];
    for data in &all {
        broker.publish(Draft { data: data.clone(), ..draft("ada", "") }, NOON).await.unwrap();
    }
    let history = read(&broker, "ada", after(&broker, Offset(0)), ALL).await;
    let kept: Vec<&Data> = history.messages.iter().map(|message| &message.data).collect();
    assert_eq!(kept, all.iter().collect::<Vec<_>>());
    let heard = ear.heard(all.len()).await;
    assert_eq!(heard.iter().map(|message| &message.data).collect::<Vec<_>>(), kept);
    assert!(history.messages.iter().all(|message| message.time_ms >= NOON));
}

pub(crate) async fn passes_over_what_has_timed_out(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    let short = Draft { ttl_seconds: 5, ..draft("ada", "short") };
    publish(&broker, "ada", "one").await;
    broker.publish(short.clone(), NOON).await.unwrap();
    publish(&broker, "ada", "two").await;
    let last = broker.publish(short, NOON).await.unwrap().offset;
    let ada = id("ada");
    let at = async |now_ms| {
        let position = after(&broker, Offset(0));
        broker.history(&ada, broker.key(&ada), position, ALL, now_ms).await.unwrap()
    };
    assert_eq!(texts(&at(NOON + 4_999).await.messages), ["one", "short", "two", "short"]);
    let later = at(NOON + 5_000).await;
    assert_eq!(
        (texts(&later.messages), later.gap, later.more),
        (vec!["one".into(), "two".into()], None, false)
    );
    assert!(later.upto >= last, "and are not asked for again");
}

pub(crate) async fn of_many_recipients(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    let before = publish(&broker, "bob", "before").await;
    let ids = ["ada", "bob", "eve", "bob"];
    let many = Draft { to: Recipients::Many(ids.map(id).into()), ..draft("x", "all") };
    let stored = broker.publish(many, NOON).await.unwrap();
    assert!(stored.failed.is_empty());
    for (to, expected) in [("ada", vec!["all"]), ("bob", vec!["before", "all"]), ("eve", vec!["all"])] {
        let history = read(&broker, to, after(&broker, Offset(0)), ALL).await;
        assert_eq!(texts(&history.messages), expected, "once, also for an id that stands twice");
    }
    let of_bob = read(&broker, "bob", after(&broker, before), ALL).await;
    let link = of_bob.messages[0].link(broker.key(&id("bob"))).unwrap();
    assert_eq!(link.previous, before);
    assert!(read(&broker, "zoe", after(&broker, Offset(0)), ALL).await.messages.is_empty());
}

pub(crate) async fn since_a_time(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    for (text, second) in [("one", 0), ("two", 10), ("three", 20)] {
        let now = NOON + Duration::from_secs(second).as_millis() as u64;
        broker.publish(draft("ada", text), now).await.unwrap();
    }
    for (since, expected) in
        [(0, vec!["one", "two", "three"]), (NOON + 5_000, vec!["two", "three"]), (NOON + 60_000, vec![])]
    {
        let history = read(&broker, "ada", Position::Since(since), ALL).await;
        assert_eq!(
            (texts(&history.messages), history.gap),
            (expected.iter().map(ToString::to_string).collect(), None)
        );
    }
}

pub(crate) async fn knows_nothing_of_what_was_passed(stand: Stand) {
    let (broker, ear) = stand.open(settings()).await;
    let end = broker.end();
    let to = Recipients::Many(["ada", "bob"].map(id).into());
    broker.pass(to, Data::Text("now".to_owned().into())).await.unwrap();
    assert_eq!(broker.end(), end);
    assert!(read(&broker, "ada", Position::Since(0), ALL).await.messages.is_empty());
    for _ in 0..1_000 {
        if !ear.passed.lock().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let passed = ear.passed.lock();
    let mut keys: Vec<_> = passed.iter().flat_map(|message| message.keys.clone()).collect();
    let mut expected = ["ada", "bob"].map(|name| broker.key(&id(name)));
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert!(ear.messages.lock().is_empty(), "not announced as one that is kept");
}
