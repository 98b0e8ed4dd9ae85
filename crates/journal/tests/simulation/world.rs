//! One run: a disk, a journal on it, and random steps.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use journal::{After, Chore, Key, Offset, Opened, Options, Reader};

use crate::model::Model;
use crate::power_disk::{Failing, PowerDisk, Random};
use crate::seeds::Trace;

/// A time to begin with.
const NOON: u64 = 1_800_000_000_000;

/// Keys that most records are for.
const KEYS: u64 = 7;

/// What may happen in a run at all. Not all in every run: some accidents hide others.
pub(crate) struct Profile {
    /// Changes of the disk fail now and then.
    pub(crate) fails: bool,
    /// The disk fills up, and gets room again.
    pub(crate) fills: bool,
    /// Bits are changed and files cut behind the journal's back.
    pub(crate) rots: bool,
    /// The durability is another one after some starts.
    pub(crate) switches: bool,
    /// Chores are done late or never.
    pub(crate) delays: bool,
    /// The clock jumps back.
    pub(crate) jumps: bool,
}

/// What is to go wrong within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Armed {
    Nothing,
    /// A change of the disk fails.
    Fails(ErrorKind),
    /// From some change on, the process or the power is gone.
    Stops,
}

/// Whether the state file says that a power loss takes what was answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Says {
    No,
    Perhaps,
    Yes,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) trace: Trace,
    pub(crate) profile: Profile,
    pub(crate) disk: Arc<PowerDisk>,
    pub(crate) options: Options,
    pub(crate) opened: Option<Opened>,
    /// Work that was taken and not done yet.
    pub(crate) held: Option<Chore>,
    pub(crate) now_ms: u64,
    /// The latest time that the journal was ever told.
    pub(crate) latest_ms: u64,
    pub(crate) model: Model,
    pub(crate) epochs: Vec<u64>,
    /// Whether the journal would begin a new epoch after a power loss.
    pub(crate) says_lost: Says,
    /// Whether it has to now.
    pub(crate) new_epoch: Says,
    /// Whether something was appended since the journal was opened.
    pub(crate) is_marked: bool,
    /// Whether something was appended that was not synced.
    pub(crate) unsynced: bool,
    /// The name of the segment that was written last.
    pub(crate) active: String,
    pub(crate) is_poisoned: bool,
    /// How far the start may have come by a retention that was cut off.
    pub(crate) start_max: Offset,
    pub(crate) serial: u32,
    pub(crate) boots: u32,
    pub(crate) armed: Armed,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, trace: Trace) {
    let mut world = World::new(seed, trace);
    let steps = 200 + world.random.below(800);
    world.open_again(false, false);
    for _ in 0..steps {
        world.step();
        world.probe();
    }
    world.trace.step(|| "the end: power loss".to_owned());
    world.crash(true);
}

impl World {
    fn new(seed: u64, trace: Trace) -> Self {
        let mut random = Random(seed);
        let mut one_of = |count: u64| random.below(count) == 0;
        let profile = Profile {
            fails: one_of(2),
            fills: one_of(3),
            rots: one_of(3),
            switches: one_of(4),
            delays: one_of(4),
            jumps: one_of(4),
        };
        let (durable, keys_files, is_short) = (!one_of(4), !one_of(12), one_of(3));
        let segment_bytes = 4096 << random.below(3);
        let minute = Duration::from_secs(60);
        let options = Options {
            segment_bytes,
            retention_bytes: segment_bytes * (8 + random.below(8)),
            retention: minute * (30 + random.below(180) as u32),
            index_retention: minute * (120 + random.below(1200) as u32),
            idempotency_window: 10 * minute,
            durable,
            boot_id: "boot-0".to_owned(),
            keys_files,
            ..Options::default()
        };
        let disk = PowerDisk::new();
        disk.with(|shared| shared.faults.is_short = is_short);
        trace.note(|| format!("{options:?}"));
        Self {
            random,
            trace,
            profile,
            disk,
            options,
            opened: None,
            held: None,
            now_ms: NOON,
            latest_ms: NOON,
            model: Model::new(None, !keys_files),
            epochs: Vec::new(),
            says_lost: Says::No,
            new_epoch: Says::Yes,
            is_marked: false,
            unsynced: false,
            active: String::new(),
            is_poisoned: false,
            start_max: Offset(0),
            serial: 0,
            boots: 0,
            armed: Armed::Nothing,
        }
    }

    fn step(&mut self) {
        self.now_ms += self.random.below(20_000);
        match self.random.below(100) {
            0..=44 => self.faulty("append", Self::append),
            45..=59 => self.faulty("sync", Self::sync),
            60..=67 => self.faulty("retain", Self::retain),
            68..=74 => self.faulty("chore", Self::chore),
            75..=77 => self.faulty("close", Self::close),
            78..=80 => {
                self.trace.step(|| "kill".to_owned());
                self.crash(false);
            }
            81..=85 => {
                self.trace.step(|| "power loss".to_owned());
                self.crash(true);
            }
            86..=88 if self.profile.fills => self.fill_or_free(),
            89..=91 => {
                let jump_ms = self.random.below(3_000_000);
                let is_back = self.profile.jumps && self.random.below(2) == 0;
                self.now_ms = if is_back { self.now_ms - jump_ms / 4 } else { self.now_ms + jump_ms };
                self.trace.step(|| format!("the clock jumps by {jump_ms} ms, back: {is_back}"));
            }
            _ => {}
        }
    }

    /// Does something in the midst of which the disk may fail, or the process or the power may go.
    fn faulty(&mut self, name: &str, work: fn(&mut Self)) {
        let kind = if self.random.below(3) == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        self.armed = match self.random.below(24) {
            0 | 1 if self.profile.fails => Armed::Fails(kind),
            2 => Armed::Stops,
            _ => Armed::Nothing,
        };
        let (later, chance) = (self.random.below(6), self.random.next());
        let armed = self.armed;
        self.disk.with(|shared| match armed {
            Armed::Nothing => {}
            Armed::Fails(kind) => {
                shared.faults.failing = Some(Failing { change: shared.changes + 1 + later, kind, chance });
            }
            Armed::Stops => shared.faults.stop_at = Some(shared.changes + later),
        });
        self.trace.step(|| match armed {
            Armed::Nothing => name.to_owned(),
            _ => format!("{name}, {armed:?} at change {later}"),
        });
        work(self);
        self.disk.with(|shared| shared.faults.failing = None);
        self.armed = Armed::Nothing;
        if matches!(armed, Armed::Fails(_)) {
            self.model.is_doubtful |= self.model.is_unsynced;
        }
        if armed == Armed::Stops && self.opened.is_some() {
            let is_power_loss = self.random.below(2) == 0;
            self.trace.note(|| format!("and it stops there; power loss: {is_power_loss}"));
            self.crash(is_power_loss);
        }
    }

    /// Whether the disk may refuse what is asked of it now.
    pub(crate) fn may_fail(&self) -> bool {
        self.armed != Armed::Nothing || self.disk.with(|shared| shared.faults.capacity.is_some())
    }

    fn fill_or_free(&mut self) {
        let used = self.disk.used_bytes();
        let more = self.random.below(2 * self.options.segment_bytes);
        let is_full = self.disk.with(|shared| shared.faults.capacity.is_some());
        let capacity = (!is_full).then_some(used + more);
        self.disk.with(|shared| shared.faults.capacity = capacity);
        self.trace.step(|| format!("the disk has room for {capacity:?} bytes"));
    }

    pub(crate) fn opened(&mut self) -> &mut Opened {
        self.opened.as_mut().expect("it is open between steps")
    }

    pub(crate) fn reader(&self) -> Reader {
        self.opened.as_ref().expect("it is open between steps").reader.clone()
    }

    /// A key, mostly one of a few.
    pub(crate) fn key(&mut self) -> Key {
        let number = self.random.below(if self.random.0.is_multiple_of(16) { 60 } else { KEYS });
        Key(u128::from(number) << 64 | u128::from(number + 1))
    }

    /// Keys whose newest record is older than this may be forgotten.
    pub(crate) fn forgotten_ms(&self) -> u64 {
        let kept = self.options.index_retention.max(self.options.retention);
        self.latest_ms.saturating_sub(kept.as_millis() as u64)
    }

    /// The address that the log ends at.
    pub(crate) fn end_address(&self) -> u64 {
        self.model.records.last().map_or(0, |record| record.end())
    }

    /// Asks a reader a few questions.
    fn probe(&mut self) {
        let reader = self.reader();
        assert_eq!(reader.end(), self.model.end(), "the end");
        assert_eq!(reader.start().offset, self.model.start, "the start");
        let key = self.key();
        let (from, to) = (self.some_offset(), self.some_offset());
        let after = match self.random.below(3) {
            0 => After::Offset(from),
            1 => After::TimeMs(self.now_ms.saturating_sub(self.random.below(8_000_000))),
            _ => After::Offset(Offset(0)),
        };
        let up_to = if self.random.below(2) == 0 { Offset(u64::MAX) } else { to };
        let newest_max = if self.random.below(2) == 0 { u64::MAX } else { self.random.below(5) };
        self.model.check_walk(&reader, key, (after, up_to, newest_max), self.forgotten_ms());
        let count = self.model.records.len() as u64;
        if count > 0 {
            let record = &self.model.records[self.random.below(count) as usize];
            self.model.check_read(&reader, record, false);
        }
        // No record but at the offsets that were told.
        let nowhere = Offset(from.0 + 8 * self.random.below(4));
        let is_known = self.model.records.iter().any(|record| record.offset == nowhere);
        assert!(is_known || reader.read(nowhere, key).is_err(), "there is a record at {nowhere}");
    }

    fn some_offset(&mut self) -> Offset {
        let count = self.model.records.len() as u64;
        if count == 0 { Offset(0) } else { self.model.records[self.random.below(count) as usize].offset }
    }
}
