//! Dropping old segments, and the work that may wait.

use journal::Offset;

use crate::segments::{Segment, segments};
use crate::world::{Armed, World};

impl World {
    pub(crate) fn retain(&mut self) {
        self.latest_ms = self.latest_ms.max(self.now_ms);
        let before = segments(&self.disk, self.end_address());
        let now_ms = self.now_ms;
        let retained = self.opened().writer.retain(now_ms);
        self.trace.note(|| format!("{retained:?}"));
        let start = self.reader().start();
        if let Ok(Some(trimmed)) = &retained {
            assert_eq!(trimmed.start, start);
        }
        let after = segments(&self.disk, self.end_address());
        let gone = before.iter().take_while(|segment| segment.base < after[0].base).count();
        if gone > 0 {
            let last = before[gone - 1];
            assert!(self.may_go(last, &before[gone - 1..]), "{last:?} was dropped before its time");
            self.start_max = self.last_before(last.end).0.max(self.start_max);
        }
        assert!((self.model.start..=self.start_max).contains(&start.offset), "the start");
        self.model.start = start.offset;
        let is_good = !self.may_fail() && self.model.damaged.is_empty() && !self.is_poisoned;
        if is_good {
            assert!(retained.is_ok(), "it failed on a good disk: {retained:?}");
            assert_eq!(self.model.start, self.start_max, "the start");
            // The one that is written stays.
            assert!(after.len() == 1 || !self.may_go_now(&after), "{:?} is still there", after[0]);
        } else {
            // The file of a segment's keys may be lost.
            self.model.keys_at_risk = true;
        }
        self.note_poison();
        self.perhaps_marked();
    }

    /// Whether the first of these segments may be dropped, or might have been a moment ago.
    fn may_go(&self, first: Segment, segments: &[Segment]) -> bool {
        // A new one may have been begun before.
        let bytes: u64 = 64 + segments.iter().map(Segment::bytes).sum::<u64>();
        bytes > self.options.retention_bytes || first.is_empty() || self.is_old(first)
    }

    fn may_go_now(&self, segments: &[Segment]) -> bool {
        let bytes: u64 = segments.iter().map(Segment::bytes).sum();
        bytes > self.options.retention_bytes || self.is_old(segments[0])
    }

    fn is_old(&self, segment: Segment) -> bool {
        let (offset, time_ms) = self.last_before(segment.end);
        let retention_ms = self.options.retention.as_millis() as u64;
        offset > Offset(0) && self.now_ms.saturating_sub(time_ms) > retention_ms
    }

    /// The last record before an address.
    fn last_before(&self, address: u64) -> (Offset, u64) {
        let count = self.model.records.partition_point(|record| record.offset.0 < address);
        let last = count.checked_sub(1).map(|last| &self.model.records[last]);
        last.map_or((self.model.start, 0), |record| (record.offset, record.time_ms))
    }

    /// An error within a retention shows only in this.
    fn note_poison(&mut self) {
        let is_poisoned = self.opened().writer.is_poisoned();
        assert!(is_poisoned || !self.is_poisoned, "an error that was final has passed");
        assert!(self.is_poisoned || !is_poisoned || self.armed != Armed::Nothing, "poisoned by nothing");
        self.is_poisoned = is_poisoned;
    }

    pub(crate) fn chore(&mut self) {
        self.latest_ms = self.latest_ms.max(self.now_ms);
        if let Some(held) = self.held.take()
            && self.random.below(2) == 0
        {
            self.trace.note(|| "one that had waited".to_owned());
            drop(held.run());
        }
        let now_ms = self.now_ms;
        let Some(chore) = self.opened().writer.take_chore(now_ms) else { return };
        if self.profile.delays && self.random.below(2) == 0 {
            self.trace.note(|| "it waits".to_owned());
            self.held = Some(chore);
            self.model.keys_at_risk = true;
            return;
        }
        let done = chore.run();
        self.trace.note(|| format!("{done:?}"));
        if done.is_err() {
            assert!(self.may_fail() || !self.model.damaged.is_empty(), "it failed on a good disk: {done:?}");
            self.model.keys_at_risk = true;
        }
    }
}
