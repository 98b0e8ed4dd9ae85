//! Appends, syncs and the close, and what must be true of their answers.

use journal::{AppendError, Appended, Entry, Idempotency, Offset, Place, SyncError};

use crate::model::{Draft, Record};
use crate::power_disk::Random;
use crate::world::{Armed, Says, World};

impl World {
    pub(crate) fn append(&mut self) {
        let count = if self.random.below(2) == 0 { 1 } else { self.random.below(6) };
        let drafts: Vec<Draft> = (0..count).map(|_| self.draft()).collect();
        let entries: Vec<Entry<'_>> = drafts.iter().map(entry).collect();
        let now_ms = self.now_ms;
        let writer = &mut self.opened.as_mut().expect("it is open between steps").writer;
        let appended = match &entries[..] {
            [entry] => writer.append_one(*entry, now_ms).map(|one| vec![one]),
            _ => writer.append(&entries, now_ms),
        };
        self.trace.note(|| {
            let offsets = appended.as_ref().map(|all| all.iter().map(|one| one.offset.0).collect::<Vec<_>>());
            let sizes: Vec<usize> = drafts.iter().map(|draft| draft.payload.len()).collect();
            format!("{sizes:?} bytes: {offsets:?}")
        });
        if count == 0 && appended.is_ok() {
            return self.perhaps_marked();
        }
        match appended {
            Ok(appended) => self.appended(drafts, appended),
            Err(error) => self.not_appended(drafts, &error),
        }
    }

    fn appended(&mut self, drafts: Vec<Draft>, appended: Vec<Appended>) {
        assert!(!self.is_poisoned, "it appends after an error that was final");
        assert_eq!(drafts.len(), appended.len());
        let active = self.disk.names(".seg").pop().expect("there is a segment");
        let is_stored = !self.options.durable || !self.unsynced || active != self.active;
        self.active = active;
        self.unsynced = true;
        for (index, (draft, appended)) in drafts.into_iter().zip(appended).enumerate() {
            let Appended { offset, time_ms, links } = appended;
            assert!(offset > self.model.highest, "offset {offset} may be known as another's");
            let last_ms = self.model.records.last().map_or(0, |record| record.time_ms);
            assert!(time_ms >= last_ms, "times run back");
            assert!(time_ms == self.now_ms.max(last_ms) || self.model.records.is_empty(), "the time");
            assert_eq!(links.iter().map(|link| link.key).collect::<Vec<_>>(), draft.keys);
            for link in links.iter() {
                let is_next = *link == self.model.next_link(link.key);
                let before = Place { offset: link.previous, ordinal: link.ordinal - 1 };
                let is_first = before == Place { offset: Offset(0), ordinal: 0 };
                let is_first = is_first || self.model.was_at(link.key, before);
                let may_be = is_first && self.model.may_forget(link.key, self.forgotten_ms());
                assert!(is_next || may_be, "{link:?} instead of {:?}", self.model.next_link(link.key));
            }
            let is_confirmed = index == 0 && is_stored;
            self.model.push(Record { draft, offset, time_ms, links: links.to_vec(), is_confirmed });
        }
        self.is_marked = true;
        self.model.is_unsynced |= !self.options.durable;
        self.says_lost = if self.options.durable { Says::No } else { Says::Yes };
    }

    fn not_appended(&mut self, drafts: Vec<Draft>, error: &AppendError) {
        let is_poisoned = self.opened().writer.is_poisoned();
        match error {
            AppendError::Full => {
                assert!(self.may_fail() && !is_poisoned, "a full disk that is none: {error}");
            }
            AppendError::Io(_) => {
                assert!(
                    self.armed != Armed::Nothing && !self.is_poisoned,
                    "it failed on a good disk: {error}"
                );
                assert!(is_poisoned, "an error that was final and is not: {error}");
                self.model.maybe = drafts;
            }
            AppendError::Poisoned => assert!(self.is_poisoned, "poisoned by nothing"),
            _ => panic!("it refused what fits: {error}"),
        }
        self.is_poisoned = is_poisoned;
        self.perhaps_marked();
    }

    /// The state file may have been written anew, or not.
    pub(crate) fn perhaps_marked(&mut self) {
        let after = if self.options.durable { Says::No } else { Says::Yes };
        if !self.is_marked && self.says_lost != after {
            self.says_lost = Says::Perhaps;
        }
    }

    pub(crate) fn sync(&mut self) {
        let synced = self.opened().writer.sync();
        self.trace.note(|| format!("{synced:?}"));
        let is_poisoned = self.opened().writer.is_poisoned();
        match synced {
            Ok(()) => {
                assert!(!self.is_poisoned, "it syncs after an error that was final");
                self.model.sure = self.model.records.len();
                self.unsynced = false;
            }
            Err(SyncError::Poisoned) => assert!(self.is_poisoned, "poisoned by nothing"),
            Err(SyncError::Io(error)) => {
                assert!(self.armed != Armed::Nothing, "it failed on a good disk: {error}");
                assert!(is_poisoned, "an error that was final and is not: {error}");
            }
        }
        self.is_poisoned = is_poisoned;
    }

    pub(crate) fn close(&mut self) {
        let closed = self.opened.take().expect("it is open between steps").writer.close();
        self.trace.note(|| format!("{closed:?}"));
        let is_power_loss = self.random.below(2) == 0;
        if closed.is_err() {
            assert!(self.is_poisoned || self.may_fail(), "it failed on a good disk: {closed:?}");
            self.perhaps_closed();
            return self.open_again(is_power_loss, false);
        }
        assert!(!self.is_poisoned, "it closes after an error that was final");
        self.model.sure = self.model.records.len();
        if self.is_marked {
            self.says_lost = Says::No;
        } else {
            self.perhaps_closed();
        }
        self.open_again(is_power_loss, self.is_marked);
    }

    fn perhaps_closed(&mut self) {
        if self.says_lost == Says::Yes {
            self.says_lost = Says::Perhaps;
        }
    }

    fn draft(&mut self) -> Draft {
        self.serial += 1;
        let count = match self.random.below(40) {
            0 => 40,
            1..=8 => 1 + self.random.below(5),
            _ => 1,
        };
        let mut keys: Vec<_> = (0..count).map(|_| self.key()).collect();
        keys.sort();
        keys.dedup();
        let segment = self.options.segment_bytes;
        let bytes = match self.random.below(60) {
            0 => self.random.below(2 * segment),
            1..=8 => self.random.below(segment / 2),
            9..=12 => 0,
            _ => self.random.below(300),
        };
        let serial = u128::from(self.serial);
        let hashes = Idempotency { key: serial, body: serial * 3 };
        let idempotency = (self.random.below(3) == 0).then_some(hashes);
        let payload = self.payload(bytes as usize);
        Draft { kind: self.serial as u8, ttl_seconds: self.serial, keys, payload, idempotency }
    }

    /// Noise, or zeros, or what once was a piece of the log.
    fn payload(&mut self, bytes: usize) -> Vec<u8> {
        match self.random.below(6) {
            0 => vec![0; bytes],
            1 => {
                let name = self.disk.names(".seg").pop().expect("there is a segment");
                let content = self.disk.content(&name);
                let from = 64.min(content.len());
                content[from..].iter().copied().chain(std::iter::repeat(7)).take(bytes).collect()
            }
            _ => {
                let mut noise = Random(u64::from(self.serial));
                (0..bytes).map(|_| noise.next() as u8).collect()
            }
        }
    }
}

fn entry(draft: &Draft) -> Entry<'_> {
    let Draft { kind, ttl_seconds, keys, payload, idempotency } = draft;
    let (kind, ttl_seconds, idempotency) = (*kind, *ttl_seconds, *idempotency);
    Entry { kind, ttl_seconds, keys, payload, idempotency }
}
