//! The journal's append, in memory and on a real file.

use crate::{codec, measure::Meter};
use journal::{Disk, Entry, FileDisk, Idempotency, Key, MemoryDisk, Options, Writer};
use std::{hint::black_box, sync::Arc};

/// Keys that are known before anything is measured.
const KEYS: u64 = 1000;

/// Appends of a piece of work.
const APPENDS: u64 = 200;

const NOW_MS: u64 = codec::NOW * 1000;

/// Measures all of it.
pub(crate) fn run(meter: &mut Meter) {
    let mut memory = open(Arc::new(MemoryDisk::new()), Options::in_memory());
    one(meter, "journal.memory.append", &mut memory, false);
    one(meter, "journal.memory.append_with_key", &mut memory, true);
    ten(meter, &mut memory);
    let directory = tempfile::tempdir().expect("a directory for the journal");
    let disk = FileDisk::new(directory.path()).expect("a new directory opens");
    one(meter, "journal.file.append", &mut open(Arc::new(disk), Options::default()), false);
}

/// A journal with a record of each key.
fn open(disk: Arc<dyn Disk>, options: Options) -> Writer {
    let options = Options { fresh_epoch: 1, ..options };
    let mut writer = journal::open(disk, options, NOW_MS).expect("an empty disk opens").writer;
    let data = codec::text();
    for number in 0..KEYS {
        let keys = [key(number)];
        writer.append_one(entry(&keys, data.bytes(), None), NOW_MS).expect("there is room");
    }
    writer
}

/// Spread as hashes are.
fn key(number: u64) -> Key {
    Key(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn entry<'a>(keys: &'a [Key], payload: &'a [u8], idempotency: Option<Idempotency>) -> Entry<'a> {
    Entry { kind: 1, ttl_seconds: 0, keys, payload, idempotency }
}

fn one(meter: &mut Meter, name: &'static str, writer: &mut Writer, with_key: bool) {
    let data = codec::text();
    for _ in 0..3 {
        meter.measure(name, APPENDS, || {
            for number in 0..APPENDS {
                let keys = [key(number)];
                let idempotency = with_key.then_some(Idempotency { key: number.into(), body: 1 });
                let entry = entry(&keys, data.bytes(), idempotency);
                black_box(writer.append_one(entry, NOW_MS)).expect("there is room");
            }
        });
    }
}

fn ten(meter: &mut Meter, writer: &mut Writer) {
    let data = codec::text();
    for _ in 0..3 {
        meter.measure("journal.memory.append_of_ten", APPENDS, || {
            for batch in 0..APPENDS / 10 {
                let keys: [[Key; 1]; 10] = std::array::from_fn(|number| [key(batch * 10 + number as u64)]);
                let entries = keys.each_ref().map(|keys| entry(keys, data.bytes(), None));
                black_box(writer.append(&entries, NOW_MS)).expect("there is room");
            }
        });
    }
}
