//! A journal that was written as it should be, and then damaged in any way.

use crate::input::Input;
use journal::{
    After, AppendError, Disk, Entry, Key, MemoryDisk, Offset, OpenError, Opened, Options, ReadError, Reader,
    open,
};
use std::{sync::Arc, time::Duration};

/// A time to begin with.
pub(crate) const NOON: u64 = 1_800_000_000_000;

/// Whose records these are.
pub(crate) const KEYS: [Key; 3] = [Key(1), Key(1 << 64 | 2), Key(u128::MAX)];

/// Segments of the least size, so that a few records fill several.
fn options(accept_loss: bool) -> Options {
    Options {
        segment_bytes: 4096,
        retention: Duration::from_secs(7200),
        boot_id: "boot".into(),
        fresh_epoch: 7,
        accept_loss,
        ..Options::default()
    }
}

pub(crate) fn open_memory(
    disk: &Arc<MemoryDisk>,
    accept_loss: bool,
    now_ms: u64,
) -> Result<Opened, OpenError> {
    open(Arc::clone(disk) as Arc<dyn Disk>, options(accept_loss), now_ms)
}

/// The payloads of all records of each key that can be read, oldest first. Reading never panics and always ends.
pub(crate) fn histories(reader: &Reader) -> [Vec<Vec<u8>>; 3] {
    KEYS.map(|key| {
        let walk = match reader.walk(key, After::Offset(Offset(0)), Offset(u64::MAX), 10_000) {
            Ok(walk) => walk,
            Err(error) => return complain(&error),
        };
        assert!(walk.offsets.is_sorted_by(|one, next| one < next), "offsets rise: {:?}", walk.offsets);
        let mut payloads = Vec::new();
        for offset in walk.offsets {
            match reader.read(offset, key) {
                Ok(record) => payloads.push(record.payload.to_vec()),
                Err(error) => return complain(&error),
            }
        }
        payloads
    })
}

/// A disk in memory does not fail: what cannot be read is damaged or gone.
fn complain(error: &ReadError) -> Vec<Vec<u8>> {
    assert!(!matches!(error, ReadError::Io(_)), "{error}");
    Vec::new()
}

/// The first half of the input writes, the second half damages. What is read afterwards was written, in that order;
/// and a start that was good is good again, with the same records.
pub fn recovery(data: &[u8]) {
    let mut input = Input::new(data);
    let disk = Arc::new(MemoryDisk::new());
    let written = write(&mut input, &disk);
    let accept_loss = input.byte() & 1 != 0;
    for _ in 0..input.below(8) {
        damage(&mut input, &*disk);
    }
    let found = match open_memory(&disk, accept_loss, NOON) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(matches!(error, OpenError::Corrupt { .. } | OpenError::Version { .. }), "{error}");
            assert!(open_memory(&disk, accept_loss, NOON).is_err(), "refused once, refused again");
            return;
        }
    };
    let kept = histories(&found.reader);
    for (kept, written) in kept.iter().zip(&written) {
        let mut rest = written.iter();
        assert!(kept.iter().all(|payload| rest.any(|one| one == payload)), "{kept:?} out of {written:?}");
    }
    let epoch = found.epoch;
    drop(found);
    let again = open_memory(&disk, false, NOON).expect("a start that was good is good again");
    assert_eq!((again.epoch, histories(&again.reader)), (epoch, kept), "a start changes nothing");
}

/// What was written of each key.
fn write(input: &mut Input<'_>, disk: &Arc<MemoryDisk>) -> [Vec<Vec<u8>>; 3] {
    let mut written: [Vec<Vec<u8>>; 3] = Default::default();
    let mut opened = open_memory(disk, false, NOON).expect("a new journal opens");
    let mut now_ms = NOON;
    for number in 0..input.below(64) {
        match input.byte() % 8 {
            0 => opened.writer.sync().expect("memory syncs"),
            1 => {
                now_ms += 1000 * u64::from(input.byte());
                opened.writer.retain(now_ms).expect("nothing fails in memory");
            }
            2 => {
                let Opened { writer, reader, .. } = opened;
                writer.close().expect("memory closes");
                drop(reader);
                opened = open_memory(disk, false, now_ms).expect("it was left in order");
            }
            which => {
                let mut payload = format!("{number}:").into_bytes();
                payload.resize(payload.len() + input.below(3000), b'.');
                let first = usize::from(which) % KEYS.len();
                let of = first..(first + 1 + input.below(2)).min(KEYS.len());
                let keys = &KEYS[of.clone()];
                let entry = Entry { kind: 1, ttl_seconds: 0, keys, payload: &payload, idempotency: None };
                match opened.writer.append_one(entry, now_ms) {
                    Ok(_) => written[of].iter_mut().for_each(|written| written.push(payload.clone())),
                    Err(error) => assert!(matches!(error, AppendError::Full), "{error}"),
                }
            }
        }
    }
    written
}

/// One piece of damage to one file.
pub(crate) fn damage(input: &mut Input<'_>, disk: &dyn Disk) {
    let names = disk.list().expect("memory lists");
    let Some(name) = names.get(input.below(names.len().max(1))) else { return };
    let file = disk.open(name).expect("it was listed");
    let size = file.size().expect("it has one");
    let at = u64::from(input.short()) % (size + 1);
    match input.byte() % 8 {
        0 => file.set_size(at).expect("memory cuts"),
        1 => file.set_size(size + at).expect("memory grows"),
        2 => disk.remove(name).expect("it was listed"),
        3 => {
            let other = &names[input.below(names.len())];
            disk.rename(name, other).expect("both were listed");
        }
        4 => {
            let zeros = vec![0; input.below(600)];
            file.write_at(at, &zeros).expect("memory writes");
        }
        5 => {
            // What was written elsewhere in the same file.
            let mut bytes = vec![0; input.below(300)];
            let from = u64::from(input.short()) % (size + 1);
            let count = file.read_at(from, &mut bytes).expect("memory reads");
            file.write_at(at, &bytes[..count]).expect("memory writes");
        }
        6 => {
            let mut byte = [0];
            file.read_at(at, &mut byte).expect("memory reads");
            file.write_at(at, &[byte[0] ^ 1 << (input.byte() % 8)]).expect("memory writes");
        }
        _ => {
            let count = usize::from(input.byte() % 16);
            file.write_at(at, input.bytes(count)).expect("memory writes");
        }
    }
}
