//! What the tests of the journal share: a journal with small segments, and short words for its verbs.

#[allow(dead_code, reason = "the suites use different parts of it")]
mod power_disk;

use std::sync::Arc;
use std::time::Duration;

use journal::{After, Appended, Disk, Entry, Key, Offset, OpenError, Opened, Options, Reader, open};
pub(crate) use power_disk::{Failing, Faults, PowerDisk, Random, Shared};

/// A time to begin with.
pub(crate) const NOON: u64 = 1_800_000_000_000;

pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 4096,
        retention_bytes: 1 << 30,
        retention: Duration::from_secs(7200),
        boot_id: "boot-1".to_owned(),
        fresh_epoch: 7,
        ..Options::default()
    }
}

pub(crate) fn open_at(
    disk: &Arc<impl Disk + 'static>,
    options: &Options,
    now_ms: u64,
) -> Result<Opened, OpenError> {
    open(Arc::clone(disk) as Arc<dyn Disk>, options.clone(), now_ms)
}

pub(crate) fn reopen(disk: &Arc<impl Disk + 'static>) -> Opened {
    open_at(disk, &options(), NOON).expect("the journal opens")
}

pub(crate) fn entry<'a>(keys: &'a [Key], payload: &'a [u8]) -> Entry<'a> {
    Entry { kind: 1, ttl_seconds: 0, keys, payload, idempotency: None }
}

pub(crate) fn key(number: u128) -> Key {
    Key(number << 64 | (number + 1))
}

pub(crate) fn send(opened: &mut Opened, to: Key, payload: &[u8]) -> Appended {
    opened.writer.append_one(entry(&[to], payload), NOON).expect("there is room")
}

pub(crate) fn send_synced(opened: &mut Opened, to: Key, payload: &[u8]) -> Appended {
    let appended = send(opened, to, payload);
    opened.writer.sync().expect("it syncs");
    appended
}

/// The payloads of all kept records of a key, checked to be chained and numbered as they must.
pub(crate) fn history(reader: &Reader, of: Key) -> Vec<Vec<u8>> {
    let walk = reader.walk(of, After::Offset(Offset(0)), Offset(u64::MAX), u64::MAX).expect("it walks");
    let mut previous = walk.oldest_previous;
    let mut ordinal = walk.newest.map_or(0, |newest| newest.ordinal) - walk.offsets.len() as u64;
    let mut payloads = Vec::new();
    for offset in walk.offsets {
        ordinal += 1;
        let record = reader.read(offset, of).expect("it reads");
        assert_eq!((record.link.previous, record.link.ordinal), (previous, ordinal), "the chain holds");
        previous = offset;
        payloads.push(record.payload.to_vec());
    }
    payloads
}
