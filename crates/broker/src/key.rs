//! A client id as 128 bits: what the log, the index and the hub are keyed by.

use crate::message::{Draft, Recipients};
use protocol::{id::ClientId, message::Data};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// The keyed hash of a client id. Whoever does not know the key cannot make two ids collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelKey(pub u128);

/// Makes keys. The secret must be the same for the whole life of a log.
#[derive(Clone)]
pub struct KeyHasher(SipHasher13);

impl KeyHasher {
    /// A hasher with this secret.
    #[must_use]
    pub fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(secret))
    }

    /// The key of a client id's channel.
    #[must_use]
    pub fn channel(&self, id: &ClientId) -> ChannelKey {
        ChannelKey(self.hash(b'c', &[id.as_str().as_bytes()]))
    }

    /// What an Idempotency-Key stands for: scope (channel, key); for a list of ids, the list is the scope.
    pub(crate) fn idempotency(&self, recipients: &Recipients, key: &str) -> u128 {
        let mut parts: Vec<&[u8]> = recipients.ids().iter().map(|id| id.as_str().as_bytes()).collect();
        parts.push(key.as_bytes());
        self.hash(b'i', &parts)
    }

    /// What must be equal for a send to be a repetition.
    pub(crate) fn body(&self, draft: &Draft) -> u128 {
        let kind: &[u8] = match draft.data {
            Data::Text(_) => b"t",
            Data::Binary(_) => b"b",
        };
        self.hash(b'b', &[kind, &draft.ttl_seconds.to_le_bytes(), draft.data.bytes()])
    }

    /// The domain and every part's length go in, so that no two inputs are the same bytes.
    fn hash(&self, domain: u8, parts: &[&[u8]]) -> u128 {
        let mut hasher = self.0;
        hasher.write(&[domain]);
        for part in parts {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depend_on_the_secret_and_on_every_byte() {
        let id = |text: &str| text.parse::<ClientId>().unwrap();
        let hasher = KeyHasher::new(&[1; 16]);
        assert_eq!(hasher.channel(&id("ada")), hasher.channel(&id("ada")));
        assert_ne!(hasher.channel(&id("ada")), hasher.channel(&id("adb")));
        assert_ne!(hasher.channel(&id("ada")), KeyHasher::new(&[2; 16]).channel(&id("ada")));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let id = |text: &str| text.parse::<ClientId>().unwrap();
        let hasher = KeyHasher::new(&[1; 16]);
        let one = hasher.idempotency(&Recipients::One(id("a")), "bc");
        assert_ne!(one, hasher.idempotency(&Recipients::One(id("ab")), "c"));
        assert_ne!(one, hasher.idempotency(&Recipients::Many([id("a"), id("b")].into()), "c"));
    }
}
