//! Reading what is kept of a channel, and saying exactly when something may be missing.

use super::{
    Shared,
    commit::{KIND_BINARY, KIND_DELETION, KIND_TEXT},
};
use crate::{
    error::ReadError,
    key::ChannelKey,
    message::{History, Link, Message, Origin, Page, Position},
};
use journal::{After, Key, ReadError as JournalError, Record, Walk};
use protocol::{
    cursor::Offset,
    frame::GapReason,
    message::{Data, Text},
};

/// A read that races the dropping of its segment starts anew; a few times is enough, since segments are dropped
/// once a second at most.
const TRIES: usize = 5;

pub(super) fn read(
    shared: &Shared,
    key: ChannelKey,
    position: Position,
    page: Page,
    now_ms: u64,
) -> Result<History, ReadError> {
    for _ in 0..TRIES {
        match try_read(shared, Key(key.0), position, page, now_ms) {
            Ok(history) => return Ok(history),
            Err(JournalError::Trimmed) => {}
            Err(error) => return Err(ReadError(error.to_string())),
        }
    }
    Err(ReadError("messages are trimmed faster than they can be read".into()))
}

fn try_read(
    shared: &Shared,
    key: Key,
    position: Position,
    page: Page,
    now_ms: u64,
) -> Result<History, JournalError> {
    let end = shared.readable();
    if let Position::After(cursor) = position
        && cursor.epoch == shared.epoch
        && let Some(plan) = shared.plans.take(key, journal::Offset(cursor.offset.0), now_ms)
    {
        let history = History {
            gap: None,
            from: cursor.offset,
            messages: Vec::new(),
            upto: cursor.offset,
            more: false,
        };
        // What came since the plan was made is behind its last address.
        let more = |history: History| History { more: true, ..history };
        return fill(shared, key, history, &plan, page, now_ms).map(more);
    }
    let (after, other_epoch) = match position {
        Position::After(cursor) if cursor.epoch != shared.epoch || cursor.offset > end => {
            (After::Offset(journal::Offset(0)), true)
        }
        Position::After(cursor) => (After::Offset(journal::Offset(cursor.offset.0)), false),
        Position::Since(time_ms) => (After::TimeMs(time_ms), false),
    };
    let kept_max = u64::from(shared.options.retention_messages);
    let mut walk = shared.reader.walk(key, after, journal::Offset(end.0), kept_max)?;
    let mut missing = missing(shared, key, after, &walk);
    if let Some(at) = deleted_up_to(shared, key) {
        let deleted = walk.offsets.partition_point(|offset| *offset <= at);
        if deleted > 0 {
            // One of them is the mark of the deletion itself.
            missing |= deleted > 1;
            walk.offsets.drain(..deleted);
            walk.oldest_previous = at;
        }
    }
    let mut from = from(after, &walk, end);
    if missing && walk.oldest_previous.0 == 0 && !walk.offsets.is_empty() {
        // What is gone lay before what was forgotten.
        from = from.max(Offset(shared.reader.forgotten().0));
    }
    let history = History {
        gap: match (other_epoch, missing) {
            (true, _) => Some(GapReason::Epoch),
            (false, true) => Some(GapReason::Trimmed),
            (false, false) => None,
        },
        from,
        messages: Vec::new(),
        upto: from,
        more: false,
    };
    let mut history = fill(shared, key, history, &walk.offsets, page, now_ms)?;
    if !history.more {
        history.upto = end.max(history.upto);
    }
    Ok(history)
}

/// Up to where a channel was deleted in this life of the log.
fn deleted_up_to(shared: &Shared, key: Key) -> Option<journal::Offset> {
    let deletion = shared.book.deletion(ChannelKey(key.0))?;
    (deletion.at.epoch == shared.epoch).then_some(journal::Offset(deletion.at.offset.0))
}

/// Reads a page's messages, and keeps the addresses that are left.
fn fill(
    shared: &Shared,
    key: Key,
    mut history: History,
    offsets: &[journal::Offset],
    page: Page,
    now_ms: u64,
) -> Result<History, JournalError> {
    let mut bytes = 0;
    // A plan may be from before a deletion.
    let offsets =
        &offsets[deleted_up_to(shared, key).map_or(0, |at| offsets.partition_point(|o| *o <= at))..];
    for (index, offset) in offsets.iter().enumerate() {
        if history.messages.len() >= page.messages || bytes >= page.bytes {
            history.more = true;
            shared.plans.keep(key, journal::Offset(history.upto.0), &offsets[index..], now_ms);
            return Ok(history);
        }
        let record = shared.reader.read(*offset, key)?;
        history.upto = Offset(offset.0);
        if record.kind == KIND_DELETION {
            continue;
        }
        let message = message(record, key)?;
        if !message.expired(now_ms) {
            bytes += message.data.bytes().len();
            history.messages.push(message);
        }
    }
    Ok(history)
}

/// Whether a message of this channel after the position may be gone (design: "When a gap is said").
fn missing(shared: &Shared, key: Key, after: After, walk: &Walk) -> bool {
    let start = shared.reader.start();
    let before_start = match after {
        After::Offset(offset) => offset < start.offset,
        // The last record that was trimmed is as young as the position or younger.
        After::TimeMs(time_ms) => start.offset.0 != 0 && start.time_ms >= time_ms,
    };
    let beyond = |previous: journal::Offset| match after {
        After::Offset(offset) => previous > offset,
        After::TimeMs(time_ms) => match shared.reader.read(previous, key) {
            Ok(record) => record.time_ms >= time_ms,
            Err(_) => before_start,
        },
    };
    match (&walk.offsets[..], &walk.newest) {
        ([], None) => before_start,
        ([], Some(newest)) => beyond(newest.offset),
        // The chain begins here: with the channel's first message, or because all before it was forgotten.
        _ if walk.oldest_previous.0 == 0 => {
            matches!(after, After::Offset(offset) if offset < shared.reader.forgotten())
        }
        _ => beyond(walk.oldest_previous),
    }
}

/// The place from which the messages go on.
fn from(after: After, walk: &Walk, end: Offset) -> Offset {
    match (&walk.offsets[..], after) {
        ([], After::Offset(offset)) => Offset(offset.0).max(end),
        ([], After::TimeMs(_)) => end,
        (_, After::Offset(offset)) => Offset(offset.0).max(Offset(walk.oldest_previous.0)),
        (_, After::TimeMs(_)) => Offset(walk.oldest_previous.0),
    }
}

fn message(record: Record, key: Key) -> Result<Message, JournalError> {
    let data = match record.kind {
        KIND_TEXT => Text::new(record.payload).ok().map(Data::Text),
        KIND_BINARY => Some(Data::Binary(record.payload)),
        _ => None,
    };
    let data = data.ok_or(JournalError::Unknown)?;
    let link = Link {
        key: ChannelKey(key.0),
        previous: Offset(record.link.previous.0),
        ordinal: record.link.ordinal,
    };
    Ok(Message {
        offset: Offset(record.offset.0),
        time_ms: record.time_ms,
        ttl_seconds: record.ttl_seconds,
        data,
        links: smallvec::smallvec![link],
        origin: Origin::default(),
    })
}
