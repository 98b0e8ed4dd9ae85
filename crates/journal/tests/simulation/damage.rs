//! Bits that change and files that are cut while the journal is closed.

use journal::OpenError;

use crate::segments::{HEADER_BYTES, base_of, segments};
use crate::world::{Says, World};

/// What damage may do.
struct Damage {
    /// So many records must still be there, or it is refused.
    must: usize,
    /// Whether it must be refused.
    is_of_state: bool,
    /// Whether it must not be refused.
    is_of_keys: bool,
    /// Whether the last segment may seem to be one that was never used. Its offsets are then given again.
    is_of_last_header: bool,
}

impl World {
    /// Damages a file, starts, and goes on with or without the damage. Says whether the journal is open then.
    pub(crate) fn rot(&mut self, must: usize) -> bool {
        // What is damaged is what a start has found good, or what no start has seen yet.
        let (intact, model) = (self.disk_copy(), self.model.clone());
        let (new_epoch, says_lost, start_max) = (self.new_epoch, self.says_lost, self.start_max);
        let damage = self.damage(must);
        let tried = self.try_open();
        let goes_on = self.random.below(2) == 0;
        self.trace.note(|| {
            let outcome = tried.as_ref().map(|_| "it opens").map_err(ToString::to_string);
            format!("{outcome:?}; it goes on like that: {goes_on}")
        });
        let opened = match tried {
            Ok(opened) => {
                assert!(!damage.is_of_state, "damage to the state was not noticed");
                self.learn(&opened, damage.must);
                if damage.is_of_last_header {
                    self.model.highest = self.model.end();
                }
                Some(opened)
            }
            // A bit of the format's version: that is refused whatever is accepted.
            Err(OpenError::Version { .. }) => None,
            Err(OpenError::Corrupt { .. }) => {
                assert!(
                    !damage.is_of_keys || !self.model.damaged.is_empty(),
                    "a file of keys is no reason to refuse"
                );
                (goes_on).then(|| self.accept_loss())
            }
            Err(error @ OpenError::Locked { .. }) => panic!("nobody has it: {error}"),
            // The disk may be full too.
            Err(OpenError::Io { source, .. }) => {
                assert!(self.may_fail() && self.new_epoch != Says::No, "it does not start: {source}");
                None
            }
        };
        if let (true, Some(opened)) = (goes_on, opened) {
            self.begin(opened);
            return true;
        }
        self.disk = intact;
        (self.new_epoch, self.says_lost, self.start_max) = (new_epoch, says_lost, start_max);
        if self.epochs.last() != model.epoch.as_ref() {
            self.epochs.pop();
        }
        self.model = model;
        false
    }

    fn damage(&mut self, must: usize) -> Damage {
        let names = self.disk.names("");
        let names: Vec<String> = names.into_iter().filter(|name| !name.contains(".before-")).collect();
        let name = names[self.random.below(names.len() as u64) as usize].clone();
        let size = self.disk.content(&name).len() as u64;
        let (is_of_state, is_of_keys) = (name == "journal.state", name.ends_with(".keys"));
        let mut damage = Damage { must, is_of_state, is_of_keys, is_of_last_header: false };
        if size == 0 {
            return Damage { is_of_state: false, ..damage };
        }
        let (at, bit) = (self.random.below(size), self.random.below(8));
        let is_cut = self.random.below(3) == 0;
        self.trace.note(|| format!("{name}, {size} bytes, is damaged at {at}, cut: {is_cut}"));
        self.disk.tamper(&name, |bytes| {
            if is_cut {
                bytes.truncate(at as usize);
            } else {
                bytes[at as usize] ^= 1 << bit;
            }
        });
        self.model.keys_at_risk |= is_of_keys;
        self.model.keys_are_damaged |= is_of_keys;
        if let Some(base) = base_of(&name) {
            self.damage_segment(base, at, is_cut, &mut damage);
        }
        damage
    }

    /// A sealed segment's records may now be refused. The last one looks like one that a crash has torn, as far as no
    /// record behind the damage says that all before was stored; a file that was cut has no such record.
    fn damage_segment(&mut self, base: u64, at: u64, is_cut: bool, damage: &mut Damage) {
        let all = segments(&self.disk, self.end_address());
        let is_used = |base: u64| {
            let content = self.disk.content(&format!("{base:016x}.seg"));
            content.starts_with(b"DLJOURN\0") && content.len() as u64 >= HEADER_BYTES
        };
        let is_last = all.iter().filter(|segment| segment.base > base).all(|segment| !is_used(segment.base));
        if is_last {
            // Those that are not sure may be gone, with what they prove.
            let records = &self.model.records[..damage.must];
            damage.is_of_last_header = at < HEADER_BYTES;
            let floor = if is_cut {
                records.partition_point(|record| record.end() <= base + at)
            } else {
                records.iter().rposition(|record| record.is_confirmed).unwrap_or(0)
            };
            damage.must = damage.must.min(floor);
        } else if let Some(segment) = all.iter().find(|segment| segment.base == base) {
            self.model.damaged.insert(base, segment.end);
        }
    }
}
