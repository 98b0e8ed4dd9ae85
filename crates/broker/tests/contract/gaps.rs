//! What is lost is said, and nothing else.

use crate::{
    common::{ALL, NOON, Settings, Stand, after, draft, publish, read, texts},
    settings,
};
use broker::message::Position;
use protocol::{
    cursor::{Cursor, Epoch, Offset},
    frame::GapReason,
};

pub(crate) async fn are_said_when_the_oldest_were_dropped(stand: Stand) {
    let (broker, _ear) = stand.open(Settings { retention_messages: 3, ..settings() }).await;
    let mut offsets = Vec::new();
    for number in 0..7 {
        offsets.push(publish(&broker, "ada", &number.to_string()).await);
        publish(&broker, "bob", "others do not count").await;
    }
    for (index, offset) in [Offset(0)].iter().chain(&offsets).enumerate() {
        let history = read(&broker, "ada", after(&broker, *offset), ALL).await;
        // With the fourth message in hand the next is the oldest that is kept.
        let missing = index < 4;
        assert_eq!(history.gap, missing.then_some(GapReason::Trimmed), "after message {index}");
        let first = if missing { 4 } else { index };
        let expected: Vec<String> = (first..7).map(|number| number.to_string()).collect();
        assert_eq!(texts(&history.messages), expected, "after message {index}");
        if missing {
            assert_eq!(history.from, offsets[3], "goes on behind the last that is gone");
        }
    }
    let end = broker.end();
    let none = read(&broker, "ada", Position::After(end), ALL).await;
    assert_eq!((none.gap, none.messages.len()), (None, 0), "whoever has all misses nothing");
    let unknown = read(&broker, "zoe", after(&broker, Offset(0)), ALL).await;
    assert_eq!(unknown.gap, None, "nothing was dropped from the log, so nothing is missing there");
}

pub(crate) async fn are_said_for_another_life(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    publish(&broker, "ada", "first").await;
    let end = broker.end();
    for cursor in [
        Cursor::new(Epoch(end.epoch.0 ^ 1), end.offset),
        Cursor::new(Epoch(end.epoch.0 ^ 1), Offset(0)),
        Cursor::new(end.epoch, Offset(end.offset.0 + 1_000)),
    ] {
        let history = read(&broker, "ada", Position::After(cursor), ALL).await;
        assert_eq!(history.gap, Some(GapReason::Epoch), "{cursor}");
        assert_eq!(texts(&history.messages), ["first"], "{cursor}: goes on with the first of this life");
        let empty = read(&broker, "zoe", Position::After(cursor), ALL).await;
        assert_eq!((empty.gap, empty.messages.len()), (Some(GapReason::Epoch), 0), "{cursor}");
    }
}

/// A channel that was silent for more than a day is forgotten, and its next message is numbered like a first one. Whoever
/// comes back from before that day must hear that something may be gone.
pub(crate) async fn are_said_for_what_was_forgotten(stand: Stand) {
    let (broker, _ear) = stand.open(settings()).await;
    let asleep = after(&broker, publish(&broker, "zed", "the last that a page had").await);
    publish(&broker, "ada", "lost").await;
    let next_day = NOON + 25 * 3_600_000;
    // Forgetting takes a few rounds.
    (0..64).for_each(|_| broker.tick(next_day));
    let awake = after(&broker, broker.end().offset);
    for id in ["ada", "eve"] {
        broker.publish(draft(id, "new"), next_day).await.unwrap();
    }
    let history = read(&broker, "ada", asleep, ALL).await;
    if stand.own_clock {
        // For this one no day has passed.
        assert_eq!(
            (history.gap, texts(&history.messages)),
            (None, vec!["lost".to_owned(), "new".to_owned()])
        );
        return;
    }
    assert_eq!((history.gap, texts(&history.messages)), (Some(GapReason::Trimmed), vec!["new".to_owned()]));
    let again = read(&broker, "ada", after(&broker, history.from), ALL).await;
    assert_eq!((again.gap, texts(&again.messages)), (None, vec!["new".to_owned()]), "a gap is said once");
    for id in ["ada", "eve"] {
        let history = read(&broker, id, awake, ALL).await;
        assert_eq!((history.gap, history.messages.len()), (None, 1), "{id}: nothing lies between");
    }
}
