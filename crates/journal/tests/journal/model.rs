//! Any sequence of operations, kills and power losses, against a plain model.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{NOON, PowerDisk, Random, key, open_at};
use journal::{After, Entry, Key, Offset, Opened, Options};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// A batch: for each entry its keys and the size of its payload.
    Append(Vec<(Vec<u8>, u16)>),
    Sync,
    Retain(u32),
    Chore,
    Close,
    Kill,
    PowerLoss(u64),
    /// The process is killed while it writes: so many bytes of the next batch make it.
    KillWhileAppending(Vec<(Vec<u8>, u16)>, u16),
}

fn batch() -> impl Strategy<Value = Vec<(Vec<u8>, u16)>> {
    let entry = (prop::collection::vec(0..6_u8, 1..4), 0..700_u16);
    prop::collection::vec(entry, 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => batch().prop_map(Step::Append),
        6 => Just(Step::Sync),
        2 => (0..2_000_000_u32).prop_map(Step::Retain),
        1 => Just(Step::Chore),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerLoss),
        1 => (batch(), 0..3000_u16).prop_map(|(batch, bytes)| Step::KillWhileAppending(batch, bytes)),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    offset: Offset,
    payload: Vec<u8>,
    time_ms: u64,
    keys: Vec<Key>,
}

struct World {
    disk: Arc<PowerDisk>,
    options: Options,
    opened: Option<Opened>,
    now_ms: u64,
    /// All that must be there but for what was trimmed, oldest first.
    stored: Vec<Stored>,
    /// How many of these were synced.
    synced: usize,
    /// No record after a restart may have an offset up to here.
    highest: Offset,
    written: u64,
}

impl World {
    fn new(durable: bool) -> Self {
        let options = Options { durable, retention_bytes: 48 * 1024, ..crate::common::options() };
        let disk = PowerDisk::new();
        let opened = Some(open_at(&disk, &options, NOON).unwrap());
        let (stored, synced, highest, written) = (Vec::new(), 0, Offset(0), 0);
        Self { disk, options, opened, now_ms: NOON, stored, synced, highest, written }
    }

    fn opened(&mut self) -> &mut Opened {
        self.opened.as_mut().expect("it is open between steps")
    }

    fn step(&mut self, step: Step, random: &mut Random) {
        match step {
            Step::Append(batch) => self.append(&batch),
            Step::Sync => {
                self.opened().writer.sync().unwrap();
                self.synced = self.stored.len();
            }
            Step::Retain(later_ms) => {
                self.now_ms += u64::from(later_ms);
                let now_ms = self.now_ms;
                self.opened().writer.retain(now_ms).unwrap();
            }
            Step::Chore => {
                let now_ms = self.now_ms;
                if let Some(chore) = self.opened().writer.take_chore(now_ms) {
                    chore.run().unwrap();
                }
            }
            Step::Close => {
                self.opened.take().expect("it is open").writer.close().unwrap();
                self.disk = self.disk.after_power_loss(random);
                self.reopen(self.stored.len());
            }
            Step::Kill => {
                self.disk = self.disk.after_kill();
                self.reopen(self.stored.len());
            }
            Step::PowerLoss(seed) if self.options.durable => {
                self.disk = self.disk.after_power_loss(&mut Random(seed));
                self.reopen(self.synced);
            }
            Step::PowerLoss(_) => {}
            Step::KillWhileAppending(batch, bytes) => {
                let kept = self.stored.len();
                let fault = (std::io::ErrorKind::Other, usize::from(bytes));
                let segments = self.disk.names(".seg").len();
                self.disk.with(|shared| shared.faults.write = Some(fault));
                let failed = self.try_append(&batch);
                assert!(failed.is_none() || self.disk.names(".seg").len() > segments);
                self.disk = self.disk.after_kill();
                self.disk.with(|shared| shared.faults.write = None);
                self.reopen(kept);
            }
        }
    }

    fn append(&mut self, batch: &[(Vec<u8>, u16)]) {
        self.try_append(batch).expect("there is room");
    }

    fn try_append(&mut self, batch: &[(Vec<u8>, u16)]) -> Option<()> {
        let number = self.written;
        self.written += batch.len() as u64;
        let payloads: Vec<Vec<u8>> =
            (number..).zip(batch).map(|(number, (_, size))| vec![number as u8; usize::from(*size)]).collect();
        let keys: Vec<Vec<Key>> =
            batch.iter().map(|(keys, _)| keys.iter().map(|one| key(u128::from(*one))).collect()).collect();
        let entries: Vec<Entry<'_>> =
            keys.iter().zip(&payloads).map(|(keys, payload)| crate::common::entry(keys, payload)).collect();
        let now_ms = self.now_ms;
        let appended = self.opened().writer.append(&entries, now_ms).ok()?;
        for ((appended, payload), mut keys) in appended.into_iter().zip(payloads).zip(keys) {
            assert!(appended.offset > self.highest, "no offset is used twice");
            self.highest = appended.offset;
            keys.sort();
            keys.dedup();
            let (offset, time_ms) = (appended.offset, appended.time_ms);
            self.stored.push(Stored { offset, payload, time_ms, keys });
        }
        Some(())
    }

    /// Opens what is left, in which at least the first `sure` records must be.
    fn reopen(&mut self, sure: usize) {
        let opened = open_at(&self.disk, &self.options, self.now_ms).unwrap();
        let end = opened.reader.end();
        let kept = self.stored.iter().filter(|stored| stored.offset <= end).count();
        // A batch that was being written may be there in part, but it was never told of.
        let untold = self.stored.last().map_or(Offset(0), |last| last.offset) < end;
        assert!(kept >= sure, "{kept} of {sure} records are left");
        self.opened = Some(opened);
        self.stored.truncate(kept);
        if untold {
            self.learn(end);
        }
        self.synced = self.stored.len();
    }

    /// Takes over records of a batch whose outcome nobody was told.
    fn learn(&mut self, end: Offset) {
        let reader = self.opened().reader.clone();
        let known = self.stored.last().map_or(Offset(0), |last| last.offset);
        let mut found: BTreeMap<Offset, Stored> = BTreeMap::new();
        for one in (0..6).map(key) {
            for offset in reader.walk(one, After::Offset(known), end, u64::MAX).unwrap().offsets {
                let record = reader.read(offset, one).unwrap();
                let stored = Stored {
                    offset,
                    payload: record.payload.to_vec(),
                    time_ms: record.time_ms,
                    keys: Vec::new(),
                };
                found.entry(offset).or_insert(stored).keys.push(one);
            }
        }
        for mut stored in found.into_values() {
            stored.keys.sort();
            assert!(stored.offset > self.highest);
            self.highest = stored.offset;
            self.stored.push(stored);
        }
    }

    /// Every key reads as the model says.
    fn check(&mut self) {
        let reader = self.opened().reader.clone();
        let start = reader.start();
        assert_eq!(reader.end(), self.stored.last().map_or(Offset(0), |last| last.offset));
        for one in (0..6).map(key) {
            let all: Vec<&Stored> = self.stored.iter().filter(|stored| stored.keys.contains(&one)).collect();
            let kept: Vec<&&Stored> = all.iter().filter(|stored| stored.offset > start.offset).collect();
            let walk = reader.walk(one, After::Offset(Offset(0)), reader.end(), u64::MAX).unwrap();
            assert_eq!(walk.offsets, kept.iter().map(|stored| stored.offset).collect::<Vec<_>>());
            let newest = all.last().map(|last| (last.offset, all.len() as u64));
            assert_eq!(walk.newest.map(|place| (place.offset, place.ordinal)), newest);
            let gone = all.len() - kept.len();
            let before = gone.checked_sub(1).map_or(Offset(0), |last| all[last].offset);
            assert_eq!(walk.oldest_previous, if kept.is_empty() { Offset(0) } else { before });
            for (stored, ordinal) in kept.iter().zip(gone as u64 + 1..) {
                let record = reader.read(stored.offset, one).unwrap();
                assert_eq!(record.payload, stored.payload);
                assert_eq!((record.time_ms, record.link.ordinal), (stored.time_ms, ordinal));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(
        steps in prop::collection::vec(step(), 1..60),
        durable in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(durable);
        let mut random = Random(seed);
        for step in steps {
            world.step(step, &mut random);
            world.check();
        }
    }
}
