//! The same for the ledger: a small file that is appended to, and rewritten as a whole.

use std::io::ErrorKind;
use std::sync::Arc;

use journal::{AppendError, Disk, Ledger, OpenError, OpenedLedger, SyncError};

use crate::power_disk::{Failing, PowerDisk, Random};
use crate::seeds::Trace;

/// The ledger's file.
const NAME: &str = "ledger";
const HEADER_BYTES: u64 = 24;
const FRAME_BYTES: u64 = 20;

/// One record. The payload begins with a serial number unless it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    number: u64,
    payload: Vec<u8>,
    /// Whether it says that all before it was stored.
    is_confirmed: bool,
}

/// What the file may hold.
#[derive(Debug, Clone, Default)]
struct Image {
    records: Vec<Record>,
    /// So many of them survive a power loss, if the file does.
    sure: usize,
    /// A batch of which some may come to light.
    maybe: Vec<Record>,
    /// So many of them were there when the file was made. A frame behind them says that they are whole.
    rewritten: usize,
    /// Whether such a frame stands at the end too.
    is_closed: bool,
}

struct World {
    random: Random,
    trace: Trace,
    disk: Arc<PowerDisk>,
    ledger: Option<Ledger>,
    /// The file that is written comes first. The others are those that a power loss may bring back, or a rewrite whose
    /// outcome is unknown may have put in place.
    images: Vec<Image>,
    /// Whether it was rewritten since it was opened.
    is_ready: bool,
    is_poisoned: bool,
    /// Whether the power was lost since the file was last known to be stored.
    is_power_lost: bool,
    /// Whether a rewrite failed, which may poison.
    is_doubtful: bool,
    unsynced: bool,
    /// The highest number that was ever given.
    highest: u64,
    /// Whether the owner says from where on numbers are new.
    has_clock: bool,
    serial: u64,
    is_armed: bool,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, trace: Trace) {
    let mut random = Random(seed ^ 0x1ed9_e400);
    let disk = PowerDisk::new();
    let is_short = random.below(3) == 0;
    disk.with(|shared| shared.faults.is_short = is_short);
    let mut world = World {
        has_clock: random.below(2) == 0,
        random,
        trace,
        disk,
        ledger: None,
        images: vec![Image::default()],
        is_ready: false,
        is_poisoned: false,
        is_power_lost: false,
        is_doubtful: false,
        unsynced: false,
        highest: 0,
        serial: 0,
        is_armed: false,
    };
    world.open();
    for _ in 0..200 + world.random.below(800) {
        world.step();
    }
    world.crash(true);
}

impl World {
    fn step(&mut self) {
        match self.random.below(20) {
            0..=8 => self.faulty("append", Self::append),
            9..=12 => self.faulty("sync", Self::sync),
            13 | 14 => self.faulty("rewrite", Self::rewrite),
            15 => self.crash(false),
            16 => self.crash(true),
            17 => self.fill_or_free(),
            18 => self.faulty("close", Self::close),
            _ => {}
        }
    }

    /// Does something in the midst of which the disk may fail, or the process or the power may go.
    fn faulty(&mut self, name: &str, work: fn(&mut Self)) {
        let kind = if self.random.below(3) == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        let (what, later, chance) = (self.random.below(12), self.random.below(5), self.random.next());
        self.is_armed = what <= 1;
        self.disk.with(|shared| match what {
            0 => shared.faults.failing = Some(Failing { change: shared.changes + 1 + later, kind, chance }),
            1 => shared.faults.stop_at = Some(shared.changes + later),
            _ => {}
        });
        self.trace.step(|| match what {
            0 => format!("{name}, and change {later} fails: {kind}"),
            1 => format!("{name}, and it stops at change {later}"),
            _ => name.to_owned(),
        });
        if self.is_ready {
            work(self)
        } else {
            self.rewrite()
        }
        self.disk.with(|shared| shared.faults.failing = None);
        self.is_armed = false;
        if what == 1 {
            let is_power_loss = self.random.below(2) == 0;
            self.crash(is_power_loss);
        }
    }

    fn may_fail(&self) -> bool {
        self.is_armed || self.disk.with(|shared| shared.faults.capacity.is_some())
    }

    fn fill_or_free(&mut self) {
        let (used, more) = (self.disk.used_bytes(), self.random.below(4000));
        let is_full = self.disk.with(|shared| shared.faults.capacity.is_some());
        let capacity = (!is_full).then_some(used + more);
        self.disk.with(|shared| shared.faults.capacity = capacity);
        self.trace.step(|| format!("the disk has room for {capacity:?} bytes"));
    }

    fn ledger(&mut self) -> &mut Ledger {
        self.ledger.as_mut().expect("it is open between steps")
    }

    fn append(&mut self) {
        let first = self.ledger().next();
        let payloads: Vec<Vec<u8>> = (0..1 + self.random.below(4)).map(|_| self.payload()).collect();
        let is_stored = !self.unsynced;
        let record = |(number, payload): (u64, &Vec<u8>)| Record {
            number,
            payload: payload.clone(),
            is_confirmed: number == first && is_stored,
        };
        let records: Vec<Record> = (first..).zip(&payloads).map(record).collect();
        let appended = self.ledger().append(&payloads);
        self.trace.note(|| format!("{} from {first} on: {appended:?}", payloads.len()));
        match appended {
            Ok(()) => {
                assert!(!self.is_poisoned, "it appends after an error that was final");
                let is_new = records[0].number > self.highest;
                assert!(is_new || !self.has_clock, "number {first} was another's");
                self.highest = self.highest.max(records[records.len() - 1].number);
                assert_eq!(self.ledger().next(), first + records.len() as u64);
                // Nobody may append to a file that another could be in place of.
                self.images.truncate(1);
                self.images[0].records.extend(records);
                (self.unsynced, self.is_doubtful) = (true, false);
            }
            Err(AppendError::Full) => {
                assert!(self.may_fail() && !self.is_poisoned, "a full disk that is none")
            }
            Err(AppendError::Io(error)) => {
                assert!(self.may_fail() && !self.is_poisoned, "it failed on a good disk: {error}");
                self.is_poisoned = true;
                self.images[0].maybe = records;
            }
            Err(AppendError::Poisoned) => {
                assert!(self.is_poisoned || self.is_doubtful, "poisoned by nothing")
            }
            Err(error) => panic!("it refused what fits: {error}"),
        }
    }

    fn sync(&mut self) {
        let synced = self.ledger().sync();
        self.trace.note(|| format!("{synced:?}"));
        match synced {
            Ok(()) => {
                assert!(!self.is_poisoned, "it syncs after an error that was final");
                self.images[0].sure = self.images[0].records.len();
                self.unsynced = false;
            }
            Err(SyncError::Poisoned) => assert!(self.is_poisoned || self.is_doubtful, "poisoned by nothing"),
            Err(SyncError::Io(error)) => {
                assert!(self.may_fail(), "it failed on a good disk: {error}");
                self.is_poisoned = true;
            }
        }
    }

    fn close(&mut self) {
        let closed = self.ledger().close();
        self.trace.note(|| format!("{closed:?}"));
        if closed.is_ok() {
            assert!(!self.is_poisoned, "it closes after an error that was final");
            let image = &mut self.images[0];
            (image.sure, image.is_closed) = (image.records.len(), true);
        } else {
            let may_fail = self.is_poisoned || self.is_doubtful || self.may_fail();
            assert!(may_fail, "it failed on a good disk: {closed:?}");
        }
        let is_power_loss = self.random.below(2) == 0;
        self.crash(is_power_loss);
    }

    /// Rewrites with most of what is known, as owners do.
    fn rewrite(&mut self) {
        let drops = if self.is_ready { self.random.below(4) } else { 0 };
        let (random, known) = (&mut self.random, &self.images[0].records);
        let kept: Vec<Record> = known
            .iter()
            .filter(|_| random.below(8) >= drops)
            .map(|record| Record { is_confirmed: true, ..record.clone() })
            .collect();
        let ledger = self.ledger.as_mut().expect("it is open between steps");
        let rewritten = ledger.rewrite(kept.iter().map(|record| (record.number, &record.payload[..])));
        self.trace.note(|| format!("{} records: {rewritten:?}", kept.len()));
        let count = kept.len();
        let image = Image { sure: count, records: kept, rewritten: count, ..Image::default() };
        match rewritten {
            Ok(()) => {
                self.images = vec![image];
                self.is_power_lost = false;
                (self.is_ready, self.is_poisoned, self.is_doubtful, self.unsynced) =
                    (true, false, false, false);
            }
            Err(error) => {
                assert!(self.may_fail(), "it failed on a good disk: {error}");
                self.images.push(image);
                self.is_doubtful = true;
            }
        }
    }

    fn payload(&mut self) -> Vec<u8> {
        self.serial += 1;
        let bytes = match self.random.below(20) {
            0 => 0,
            1 => self.random.below(3000),
            _ => self.random.below(60),
        };
        let mut payload = self.serial.to_le_bytes().to_vec();
        let filler = if self.random.below(3) == 0 { 0 } else { self.serial as u8 };
        payload.resize(payload.len() + bytes as usize, filler);
        payload
    }

    fn crash(&mut self, is_power_loss: bool) {
        self.ledger = None;
        self.trace.step(|| format!("a crash, power loss: {is_power_loss}"));
        self.leave(is_power_loss);
        if self.random.below(4) == 0 {
            self.rot();
        }
        for _ in 0..self.random.below(4) {
            let later = self.random.below(5);
            self.disk.with(|shared| shared.faults.stop_at = Some(later));
            self.is_armed = true;
            self.open();
            self.ledger = None;
            let is_power_loss = self.random.below(2) == 0;
            self.trace.note(|| format!("cut off at {later}; power loss: {is_power_loss}"));
            self.leave(is_power_loss);
            self.is_armed = false;
        }
        self.open();
    }

    fn leave(&mut self, is_power_loss: bool) {
        let is_short = self.disk.with(|shared| shared.faults.is_short);
        self.is_power_lost |= is_power_loss;
        let disk = &self.disk;
        self.disk = if is_power_loss { disk.after_power_loss(&mut self.random) } else { disk.after_kill() };
        self.disk.with(|shared| shared.faults.is_short = is_short);
    }

    fn try_open(&mut self, accept_loss: bool) -> Result<OpenedLedger, OpenError> {
        let least = if self.has_clock { self.highest + 1 + self.random.below(1000) } else { 0 };
        let opened = Ledger::open(Arc::clone(&self.disk) as Arc<dyn Disk>, accept_loss, least);
        assert!(opened.as_ref().is_ok_and(|opened| opened.ledger.next() >= least) || opened.is_err());
        opened
    }

    /// Opens it, compares, and rewrites it.
    fn open(&mut self) {
        let opened = match self.try_open(false) {
            Ok(opened) => opened,
            Err(OpenError::Io { .. }) if self.may_fail() => return,
            Err(error) => panic!("it does not start: {error}"),
        };
        let found: Vec<(u64, Vec<u8>)> = records(&opened);
        self.trace.note(|| format!("{} records are there", found.len()));
        let is_power_lost = self.is_power_lost;
        let is_sure =
            |image: &Image| image.matches(&found, if is_power_lost { image.sure } else { usize::MAX });
        let place = self.images.iter().position(is_sure);
        let Some(place) = place else { panic!("{found:?} is none of {:?}", self.images) };
        self.images.swap(0, place);
        let image = &mut self.images[0];
        let kept = found.len().min(image.records.len());
        image.records.truncate(kept);
        let learnt = found.len() - kept;
        image.records.extend(image.maybe.drain(..learnt));
        if is_power_lost {
            // Nothing is left that could still come or go.
            image.maybe.clear();
            image.sure = found.len();
        }
        let highest = image.records.last().map_or(0, |last| last.number);
        self.highest = self.highest.max(highest);
        assert!(opened.ledger.next() > highest, "numbers are given twice");
        self.ledger = Some(opened.ledger);
        (self.is_ready, self.is_poisoned, self.is_doubtful) = (false, false, false);
        self.rewrite();
    }

    /// Damages the file, looks what comes of it, and mends it again.
    fn rot(&mut self) {
        let intact = Arc::clone(&self.disk);
        if !intact.names("").iter().any(|name| name == NAME) {
            return;
        }
        self.disk = intact.after_kill();
        let size = self.disk.content(NAME).len() as u64;
        if size == 0 {
            return;
        }
        let (at, bit) = (self.random.below(size), self.random.below(8));
        let is_cut = self.random.below(3) == 0;
        self.disk.tamper(NAME, |bytes| {
            if is_cut {
                bytes.truncate(at as usize);
            } else {
                bytes[at as usize] ^= 1 << bit;
            }
        });
        let refused = match self.try_open(false) {
            Ok(opened) => {
                let found = records(&opened);
                assert!(at >= HEADER_BYTES, "a damaged header was not noticed");
                let floor = |image: &Image| {
                    let sure = if self.is_power_lost { image.sure } else { image.records.len() };
                    if is_cut { image.before(at).min(sure) } else { image.proved(sure) }
                };
                let is_sure = |image: &Image| image.matches(&found, floor(image));
                assert!(self.images.iter().any(is_sure), "damage at {at} took more than the tail: {found:?}");
                false
            }
            Err(OpenError::Corrupt { .. }) => true,
            Err(error) => panic!("it is refused for another reason: {error}"),
        };
        self.trace.note(|| format!("damage at {at} of {size}, cut: {is_cut}, refused: {refused}"));
        let opened = self.try_open(true).map_err(|error| error.to_string()).expect("loss was accepted");
        let found = records(&opened);
        assert!(self.images.iter().any(|image| image.matches(&found, 0)), "it made something up: {found:?}");
        self.disk = intact;
    }
}

impl Image {
    /// Whether these are its first records, at least `least` of them.
    fn matches(&self, found: &[(u64, Vec<u8>)], least: usize) -> bool {
        let all = self.records.iter().chain(&self.maybe);
        let are_same = found
            .iter()
            .zip(all)
            .all(|((number, payload), record)| *number == record.number && *payload == record.payload);
        let is_whole = found.len() >= self.records.len().min(least);
        are_same && is_whole && found.len() <= self.records.len() + self.maybe.len()
    }

    /// How many records lie whole before a place in the file.
    fn before(&self, at: u64) -> usize {
        let mut end = HEADER_BYTES;
        let lies_before = |(index, record): &(usize, &Record)| {
            let mark = if *index == self.rewritten { FRAME_BYTES } else { 0 };
            end += mark + FRAME_BYTES + record.payload.len() as u64;
            end <= at
        };
        self.records.iter().enumerate().take_while(lies_before).count()
    }

    /// How many of the first `sure` records must be left, or damage is refused: no record before one that says that all
    /// before it was stored can be lost.
    fn proved(&self, sure: usize) -> usize {
        let last = self.records[..sure].iter().rposition(|record| record.is_confirmed).unwrap_or(0);
        if self.is_closed { sure } else { last.max(self.rewritten) }
    }
}

fn records(opened: &OpenedLedger) -> Vec<(u64, Vec<u8>)> {
    opened.records.iter().map(|(number, payload)| (*number, payload.to_vec())).collect()
}
