//! Reading what is kept of a channel, and saying when something may be missing.
//!
//! A stream drops the oldest first, by number in a channel, by age and by size, and nothing else. So if a record of the
//! channel lies at or before the reader's place, nothing behind the place is gone; nor if this node has read all that lies
//! behind, and nothing of the channel was in it. If not: the stream keeps one record more
//! than is given to anybody, and with that many the first is the witness that there was more; and what lies before the
//! stream's own first record may be gone.

use super::{
    Shared,
    read::{self, Stretch},
    record::{Kind, Record},
};
use crate::{
    error::ReadError,
    key::ChannelKey,
    message::{History, Link, Message, Page, Position},
};
use futures_util::TryStreamExt;
use protocol::{
    cursor::{Cursor, Offset},
    frame::GapReason,
    id::ClientId,
};
use std::time::Duration;

/// A reader that comes from another node may be ahead of this one, for so long at most.
const AHEAD_FOR: Duration = Duration::from_secs(2);

/// A leader may be a moment behind what the one before has told; a place that it still does not know then, nobody has told.
const LOOKS_AGAIN: u32 = 4;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// Records that are read at once while a time is looked for.
const LOOK_AT_ONCE: usize = 256;

/// Who reads what.
struct Reading<'a> {
    shared: &'a Shared,
    subject: String,
    key: ChannelKey,
    page: Page,
    now_ms: u64,
}

/// From where, and what was said before.
struct Start {
    from: Offset,
    gap: Option<GapReason>,
}

/// What the leader says of a channel and its stream.
struct Look {
    /// Records of the channel.
    kept: u64,
    /// The stream's first record: everything before it is gone.
    first: Offset,
    /// When that was stored, in milliseconds since 1970.
    first_ms: u64,
    /// The stream's last record.
    last: Offset,
}

pub(super) async fn read(
    shared: &Shared,
    id: &ClientId,
    key: ChannelKey,
    position: Position,
    page: Page,
    now_ms: u64,
) -> Result<History, ReadError> {
    let reading = Reading { shared, subject: shared.subject(id), key, page, now_ms };
    let end = reading.end_for(position).await?;
    let start = match position {
        Position::After(cursor) if cursor.epoch == end.epoch && cursor.offset <= end.offset => {
            reading.after(cursor.offset, end).await?
        }
        Position::After(_) => {
            let start = reading.after(Offset(0), end).await?;
            Start { gap: Some(GapReason::Epoch), ..start }
        }
        Position::Since(time_ms) => reading.since(time_ms, end).await?,
    };
    reading.fill(start, end).await
}

impl Reading<'_> {
    /// What this node has announced; for a reader who had more, on another node, when it has come as far.
    async fn end_for(&self, position: Position) -> Result<Cursor, ReadError> {
        let end = self.shared.end();
        let Position::After(cursor) = position else { return Ok(end) };
        if cursor.epoch != end.epoch || cursor.offset <= end.offset {
            return Ok(end);
        }
        let mut looks = 0;
        while self.look().await?.last < cursor.offset {
            if looks == LOOKS_AGAIN {
                return Ok(self.shared.end());
            }
            looks += 1;
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        self.shared.waiting.announced(self.shared, cursor.offset, AHEAD_FOR).await;
        let end = self.shared.end();
        if end.epoch == cursor.epoch && end.offset < cursor.offset {
            return Err(read::failed(&"this node has not read as far as the client has; it will"));
        }
        Ok(end)
    }

    /// Where a reader goes on who stands at `at`.
    async fn after(&self, at: Offset, end: Cursor) -> Result<Start, ReadError> {
        let (base, mut missing) = self.undeleted(at, end);
        if base >= self.shared.index.floor() && self.shared.index.newest(self.key).is_none() {
            // All that lies behind is known here, and nothing of this channel is in it.
            return Ok(Start { from: base.max(end.offset), gap: missing.then_some(GapReason::Trimmed) });
        }
        let mut oldest = self.oldest().await?;
        if oldest.is_some_and(|oldest| oldest <= base) {
            return Ok(Start { from: base, gap: missing.then_some(GapReason::Trimmed) });
        }
        let look = self.look().await?;
        if oldest.is_none()
            && let Some(newest) = self.shared.index.newest(self.key)
        {
            if newest > look.last {
                return Err(behind());
            }
            // The leader may have come as far only after it was asked.
            oldest = self.oldest().await?;
        }
        let mut from = base;
        match oldest {
            Some(witness) if look.kept > self.kept_max() => {
                missing = true;
                from = witness;
            }
            _ if base.0 + 1 < look.first.0 => {
                missing = true;
                from = Offset(look.first.0 - 1);
            }
            _ => {}
        }
        if oldest.is_none() {
            // Nothing is kept.
            from = from.max(end.offset);
        }
        Ok(Start { from, gap: missing.then_some(GapReason::Trimmed) })
    }

    /// The channel's first record.
    async fn oldest(&self) -> Result<Option<Offset>, ReadError> {
        let oldest = read::first(self.shared, &self.subject, Offset(1)).await?;
        Ok(oldest.map(|record| record.offset))
    }

    /// Where a reader goes on who was promised everything from a time on.
    async fn since(&self, time_ms: u64, end: Cursor) -> Result<Start, ReadError> {
        let (base, _) = self.undeleted(Offset(0), end);
        let look = self.look().await?;
        let mut from = base;
        // What was dropped from the stream is as old as its first record or older.
        let mut missing = look.first.0 > base.0 + 1 && look.first_ms >= time_ms;
        let mut witness = look.kept > self.kept_max();
        loop {
            let stretch = read::stretch(self.shared, &self.subject, from, LOOK_AT_ONCE).await?;
            let stretch = self.whole(stretch).await?;
            for record in &stretch.records {
                if record.head.time_ms >= time_ms && !witness {
                    return Ok(Start { from, gap: missing.then_some(GapReason::Trimmed) });
                }
                missing |= witness && record.head.time_ms >= time_ms;
                witness = false;
                from = record.offset;
            }
            from = from.max(stretch.upto);
            if !stretch.more {
                let gap = missing.then_some(GapReason::Trimmed);
                return Ok(Start { from: from.max(end.offset), gap });
            }
        }
    }

    /// Up to where the channel was deleted, if that lies behind `at`, and whether there was anything between.
    fn undeleted(&self, at: Offset, end: Cursor) -> (Offset, bool) {
        let known = self.shared.deletions.of(self.key);
        match known.filter(|known| known.deletion.at.epoch == end.epoch && known.deletion.at.offset > at) {
            Some(known) => (known.deletion.at.offset, known.previous > at),
            None => (at, false),
        }
    }

    /// Reads a page behind its start.
    async fn fill(&self, start: Start, end: Cursor) -> Result<History, ReadError> {
        let Start { from, gap } = start;
        let mut history = History { gap, from, messages: Vec::new(), upto: from, more: true };
        let mut bytes = 0;
        let mut previous = from;
        while history.more && history.messages.is_empty() {
            let max = self.page.messages.max(1);
            let stretch = read::stretch(self.shared, &self.subject, history.upto, max).await?;
            let stretch = self.whole(stretch).await?;
            history.more = stretch.more;
            for record in stretch.records {
                let full = !history.messages.is_empty()
                    && (history.messages.len() >= self.page.messages || bytes >= self.page.bytes);
                if full {
                    history.more = true;
                    return Ok(history);
                }
                history.upto = record.offset;
                let link = Link { key: self.key, previous, ordinal: 0 };
                previous = record.offset;
                if let Some(message) = message(&record, link).filter(|message| !message.expired(self.now_ms))
                {
                    bytes += message.data.bytes().len();
                    history.messages.push(message);
                }
            }
            history.upto = history.upto.max(stretch.upto);
        }
        if !history.more {
            history.upto = history.upto.max(end.offset);
        }
        Ok(history)
    }

    /// A stretch that ends with the channel must reach as far as this node has read. If not, the server that gave it was
    /// behind, and the leader is asked for the rest. Also if the newest is not announced yet: others that are may lie before
    /// it, and only it is remembered.
    async fn whole(&self, mut stretch: Stretch) -> Result<Stretch, ReadError> {
        let newest = self.shared.index.newest(self.key);
        let Some(newest) = newest.filter(|newest| !stretch.more && *newest > stretch.upto) else {
            return Ok(stretch);
        };
        let mut leader_is_there = false;
        while stretch.upto < newest {
            let next = read::next_at_leader(self.shared, &self.subject, stretch.upto).await?;
            let Some((offset, record)) = next else {
                if leader_is_there {
                    // It was dropped meanwhile; the next reader is told.
                    return Ok(stretch);
                }
                if self.look().await?.last < newest {
                    return Err(behind());
                }
                // It may have come as far only after it was asked: a server whose feed we hear may be ahead of it.
                leader_is_there = true;
                continue;
            };
            stretch.upto = offset;
            stretch.records.extend(record);
        }
        Ok(stretch)
    }

    async fn look(&self) -> Result<Look, ReadError> {
        let stream =
            self.shared.connection.jetstream.get_stream_no_info(self.shared.connection.names.stream());
        let stream = stream.await.map_err(|error| read::failed(&error))?;
        let looked = stream.info_with_subjects(&self.subject).await.map_err(|error| read::failed(&error))?;
        let state = looked.info.state.clone();
        let subjects: Vec<(String, usize)> =
            looked.try_collect().await.map_err(|error| read::failed(&error))?;
        let first_ms = state.first_timestamp.unix_timestamp_nanos() / 1_000_000;
        Ok(Look {
            kept: subjects.iter().map(|(_, count)| *count as u64).sum(),
            first: Offset(state.first_sequence),
            first_ms: u64::try_from(first_ms).unwrap_or(0),
            last: Offset(state.last_sequence),
        })
    }

    fn kept_max(&self) -> u64 {
        u64::from(self.shared.options.retention_messages)
    }
}

/// A new leader may be a moment behind what the one before has told; nobody must take that for the end of a channel.
fn behind() -> ReadError {
    read::failed(&"the leader of the stream has not come as far as this node yet; it will")
}

fn message(record: &Record, link: Link) -> Option<Message> {
    if record.head.kind == Kind::Deletion {
        return None;
    }
    Some(Message {
        offset: record.offset,
        time_ms: record.head.time_ms,
        ttl_seconds: record.head.ttl_seconds,
        data: record.data()?,
        links: smallvec::smallvec![link],
        origin: Default::default(),
    })
}
