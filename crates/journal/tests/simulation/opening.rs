//! Kills, power losses and starts, and what must be there afterwards.

use std::sync::Arc;

use journal::{After, Disk, Offset, OpenError, Opened, open};

use crate::model::{Draft, Model, Record};
use crate::power_disk::PowerDisk;
use crate::segments::base_of;
use crate::world::{Says, World};

/// Crashes within one recovery, at most.
const DEPTH: u64 = 3;

impl World {
    /// The process or the power goes while the journal is open.
    pub(crate) fn crash(&mut self, is_power_loss: bool) {
        self.open_again(is_power_loss, false);
    }

    /// Starts again, after whatever happened, with accidents on the way. If it `was_closed`, nothing may need repair.
    pub(crate) fn open_again(&mut self, is_power_loss: bool, was_closed: bool) {
        (self.opened, self.held) = (None, None);
        let mut must = self.model.records.len();
        if !self.options.durable {
            // Either all of it survives, or a new epoch begins.
            self.model.sure = must;
        }
        self.leave(is_power_loss, &mut must);
        if self.profile.switches && self.random.below(4) == 0 {
            self.options.durable = !self.options.durable;
            self.trace.note(|| format!("durable from now on: {}", self.options.durable));
        }
        if self.profile.rots && self.random.below(3) == 0 && !self.model.records.is_empty() {
            let is_settled = self.rot(must);
            if is_settled {
                return;
            }
        } else if self.random.below(4) == 0 {
            for _ in 0..=self.random.below(DEPTH) {
                self.open_and_crash(&mut must);
            }
        }
        let opened = self.open_whole(must);
        assert!(!was_closed || !opened.report.was_unclean, "it was closed, and says otherwise");
        if self.random.below(3) == 0 {
            drop(opened);
            self.open_twice();
        } else {
            self.begin(opened);
        }
    }

    /// What is left on the disk, and how much of the model is.
    fn leave(&mut self, is_power_loss: bool, must: &mut usize) {
        let is_short = self.disk.with(|shared| shared.faults.is_short);
        let capacity = self.disk.with(|shared| shared.faults.capacity);
        if is_power_loss {
            self.disk = self.disk.after_power_loss(&mut self.random);
            self.boots += 1;
            self.options.boot_id = format!("boot-{}", self.boots);
            self.new_epoch = self.new_epoch.max(self.says_lost);
            *must = (*must).min(self.model.sure);
            if self.model.is_doubtful {
                self.model.damaged.insert(0, u64::MAX);
                *must = 0;
            }
        } else {
            self.disk = self.disk.after_kill();
        }
        self.disk.with(|shared| (shared.faults.is_short, shared.faults.capacity) = (is_short, capacity));
    }

    /// A start in the midst of which the power goes, or the disk fails.
    fn open_and_crash(&mut self, must: &mut usize) {
        let later = self.random.below(14);
        let is_stop = !self.profile.fails || self.random.below(2) == 0;
        let chance = self.random.next();
        self.disk.with(|shared| {
            if is_stop {
                shared.faults.stop_at = Some(later);
            } else {
                let kind = std::io::ErrorKind::Other;
                shared.faults.failing =
                    Some(crate::power_disk::Failing { change: shared.changes + 1 + later, kind, chance });
            }
        });
        let tried = self.try_open();
        self.model.is_doubtful |= !is_stop && self.model.is_unsynced;
        let is_power_loss = self.random.below(2) == 0;
        self.trace.note(|| {
            let outcome = tried.as_ref().map(|_| "it opens").map_err(ToString::to_string);
            format!("a start, cut off at {later}: {outcome:?}; power loss: {is_power_loss}")
        });
        match tried {
            Ok(opened) => {
                self.learn(&opened, *must);
                *must = self.model.records.len();
            }
            Err(OpenError::Io { .. }) => {}
            Err(OpenError::Corrupt { .. }) if !self.model.damaged.is_empty() => {}
            Err(error) => panic!("a crash was taken for damage: {error}"),
        }
        self.leave(is_power_loss, must);
    }

    pub(crate) fn try_open(&mut self) -> Result<Opened, OpenError> {
        self.latest_ms = self.latest_ms.max(self.now_ms);
        let mut options = self.options.clone();
        options.fresh_epoch = self.random.next() as u32;
        open(Arc::clone(&self.disk) as Arc<dyn Disk>, options, self.now_ms)
    }

    /// A start that must succeed, on a disk that at most is full.
    fn open_whole(&mut self, must: usize) -> Opened {
        let budget = self.read_budget();
        self.disk.with(|shared| shared.bytes_read = 0);
        let opened = match self.try_open() {
            Err(OpenError::Io { source, .. }) if self.may_fail() => {
                let is_new = self.new_epoch != Says::No || self.model.records.is_empty();
                assert!(is_new, "a full disk keeps it from starting: {source}");
                self.disk.with(|shared| shared.faults.capacity = None);
                self.try_open()
            }
            other => other,
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(OpenError::Corrupt { .. }) if !self.model.damaged.is_empty() => return self.accept_loss(),
            Err(error) => panic!("it does not start: {error}"),
        };
        let read = self.disk.with(|shared| shared.bytes_read);
        assert!(read <= budget, "a start read {read} bytes, and {budget} are enough");
        self.learn(&opened, must);
        opened
    }

    /// A start that is told to go on whatever is lost.
    pub(crate) fn accept_loss(&mut self) -> Opened {
        self.disk.with(|shared| shared.faults.capacity = None);
        self.options.accept_loss = true;
        let opened = self.try_open();
        self.options.accept_loss = false;
        let opened =
            opened.unwrap_or_else(|error| panic!("loss was accepted, and it does not start: {error}"));
        self.trace.note(|| format!("loss is accepted: epoch {}", opened.epoch));
        self.new_epoch = Says::Yes;
        self.learn(&opened, 0);
        opened
    }

    /// A second start changes nothing and finds the same.
    fn open_twice(&mut self) {
        self.trace.note(|| "and once more".to_owned());
        let before = self.disk.contents();
        let count = self.model.records.len();
        let opened = self.open_whole(count);
        assert!(
            self.disk.contents() == before || self.model.records.len() < count,
            "a second start changes files"
        );
        self.begin(opened);
    }

    pub(crate) fn begin(&mut self, opened: Opened) {
        (self.is_marked, self.unsynced, self.is_poisoned) = (false, false, false);
        self.active = self.disk.names(".seg").pop().expect("there is a segment");
        self.opened = Some(opened);
    }

    /// Bytes that a start may read: the keys, and two segments (a new one may turn out to be none), each twice and a
    /// half: the records, the search behind them, and what is stored anew.
    fn read_budget(&self) -> u64 {
        let contents = self.disk.contents();
        let is_listed = |name: &String| contents.contains_key(&name.replace(".seg", ".keys"));
        let unlisted = contents.iter().filter(|(name, _)| name.ends_with(".seg") && !is_listed(name));
        let size = |bytes: &Vec<u8>| bytes.len() as u64;
        let last_two: u64 = contents
            .iter()
            .rev()
            .filter(|(name, _)| name.ends_with(".seg"))
            .take(2)
            .map(|(_, bytes)| size(bytes))
            .sum();
        let keys: u64 =
            contents.iter().filter(|(name, _)| name.ends_with(".keys")).map(|(_, bytes)| size(bytes)).sum();
        // Damage, and what is set aside, make it look at more.
        let is_good = self.model.damaged.is_empty() && !self.model.keys_are_damaged;
        let is_plain = is_good && self.new_epoch == Says::No;
        let rest = if is_plain { 0 } else { u64::MAX / 2 };
        rest + keys
            + unlisted.map(|(_, bytes)| size(bytes)).sum::<u64>()
            + 3 * last_two
            + 256 * contents.len() as u64
            + 1024
    }

    /// Compares what a start found with the model, of which the first `must` records must be there.
    pub(crate) fn learn(&mut self, opened: &Opened, must: usize) {
        let is_new = self.epochs.last() != Some(&opened.epoch);
        self.trace.note(|| format!("it opens at {}, {:?}", opened.reader.end(), self.new_epoch));
        if is_new {
            assert!(self.new_epoch != Says::No, "a new epoch, though nothing is lost");
            assert!(!self.epochs.contains(&opened.epoch), "an epoch that was there before");
            self.epochs.push(opened.epoch);
            self.model = Model::new(Some(opened.epoch), !self.options.keys_files);
            self.start_max = Offset(0);
            self.says_lost = Says::No;
            assert_eq!(opened.reader.keys(), 0, "keys of another epoch");
        } else {
            assert!(self.new_epoch != Says::Yes, "what was answered for may be lost, and nobody is told");
            self.learn_records(opened, must);
        }
        self.new_epoch = Says::No;
        let start = opened.reader.start().offset;
        assert!(
            (self.model.start..=self.start_max).contains(&start),
            "the log starts at {start} instead of {} to {}",
            self.model.start,
            self.start_max
        );
        (self.model.start, self.start_max) = (start, start);
        self.model.sure = self.model.records.len();
        self.model.check(&opened.reader, self.forgotten_ms());
        self.check_hashes(opened);
        self.check_tail();
    }

    fn learn_records(&mut self, opened: &Opened, must: usize) {
        let end = opened.reader.end();
        let kept = self.model.records.partition_point(|record| record.offset <= end);
        assert!(kept >= must, "{must} records must be there, and {kept} are");
        let drafts = std::mem::take(&mut self.model.maybe);
        if end > self.model.end() {
            return self.learn_batch(opened, &drafts);
        }
        self.trace.note(|| format!("{kept} of {} records are left", self.model.records.len()));
        self.model.truncate(kept);
    }

    /// Takes over the first records of a batch whose outcome nobody was told.
    fn learn_batch(&mut self, opened: &Opened, drafts: &[Draft]) {
        let known = After::Offset(self.model.end());
        let mut offsets = Vec::new();
        for key in drafts.iter().flat_map(|draft| &draft.keys) {
            let walk = opened.reader.walk(*key, known, Offset(u64::MAX), u64::MAX).expect("it walks");
            offsets.extend(walk.offsets.into_iter().map(|offset| (offset, *key)));
        }
        offsets.sort();
        offsets.dedup_by_key(|(offset, _)| *offset);
        assert!(!offsets.is_empty() && offsets.len() <= drafts.len(), "records that nobody appended");
        for ((offset, key), draft) in offsets.into_iter().zip(drafts) {
            let read = opened.reader.read(offset, key).expect("it reads");
            assert!(offset > self.model.highest, "offset {offset} was another's");
            let link = |key| opened.reader.read(offset, key).expect("it is this key's too").link;
            let links = draft.keys.iter().map(|key| link(*key)).collect();
            let draft = draft.clone();
            self.model.push(Record { draft, offset, time_ms: read.time_ms, links, is_confirmed: false });
        }
    }

    /// The hashes of the records within the window come back, each once, and no others.
    fn check_hashes(&self, opened: &Opened) {
        let window_ms = self.options.idempotency_window.as_millis() as u64;
        let since_ms = self.now_ms.saturating_sub(window_ms);
        let hashes = &opened.report.idempotency;
        assert!(hashes.is_sorted_by(|one, next| one.offset < next.offset), "hashes out of order, or twice");
        let mut found = hashes.iter().peekable();
        for record in &self.model.records {
            let Some(expected) = record.draft.idempotency else { continue };
            if let Some(entry) = found.next_if(|entry| entry.offset == record.offset) {
                assert_eq!(
                    (entry.key, entry.body),
                    (expected.key, expected.body),
                    "hashes at {}",
                    record.offset
                );
                assert!(entry.time_ms == record.time_ms && entry.time_ms >= since_ms, "hashes out of time");
                continue;
            }
            // What was trimmed may have been forgotten when the clock stood later.
            let is_gone = record.offset <= self.model.start
                && (self.model.keys_at_risk || record.time_ms < self.latest_ms.saturating_sub(window_ms));
            let is_due = record.time_ms >= since_ms && !is_gone;
            assert!(!is_due, "the hashes of the record at {} are forgotten", record.offset);
        }
        assert_eq!(found.next(), None, "hashes of a record that is not there");
    }

    /// Nothing lies behind the last record, where the next start might take it for one.
    fn check_tail(&self) {
        let Some(name) = self.disk.names(".seg").pop() else { return };
        let base = base_of(&name).unwrap_or_default();
        let content = self.disk.content(&name);
        let end = self.end_address().max(base + 64) - base;
        let tail = content.get(end as usize..).unwrap_or_default();
        assert!(tail.iter().all(|byte| *byte == 0), "something lies behind the last record");
    }

    pub(crate) fn disk_copy(&self) -> Arc<PowerDisk> {
        let copy = self.disk.after_kill();
        let is_short = self.disk.with(|shared| shared.faults.is_short);
        copy.with(|shared| shared.faults.is_short = is_short);
        copy
    }
}
