//! The name of a request.

use http::HeaderValue;
use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Longer than any that is in use; shorter than a token, which somebody may put there by mistake.
const BYTES_MAX: usize = 64;

/// The name of a request: 1 to 64 letters, digits, and any of `-_.:`. So it needs no escaping anywhere, and makes no lines of
/// its own in a log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RequestId(Box<str>);

impl RequestId {
    /// The name that a request brings; `None` if it is none that may be repeated.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let is_good = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
        let good = (1..=BYTES_MAX).contains(&value.len()) && value.iter().all(is_good);
        good.then(|| Self(std::str::from_utf8(value).expect("letters and digits are UTF-8").into()))
    }

    /// A new one, that no other request of any node has.
    ///
    /// # Panics
    /// Without a source of random numbers.
    pub(crate) fn make() -> Self {
        static FIRST: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let first = *FIRST.get_or_init(|| getrandom::u64().expect("the system has random numbers"));
        let number = first.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
        Self(format!("{number:016x}").into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As the value of a header.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("letters and digits")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "7f3c.1-x_y:z", &"x".repeat(64)] {
            assert_eq!(RequestId::read(good.as_bytes()).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\"", "a\n", "é", "{}", "a/b", &"x".repeat(65)] {
            assert_eq!(RequestId::read(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(RequestId::read(b"\xff"), None);
    }

    #[test]
    fn made_ones_differ_and_may_be_sent_back() {
        let (one, other) = (RequestId::make(), RequestId::make());
        assert_ne!(one, other);
        assert_eq!(RequestId::read(one.as_str().as_bytes()), Some(one));
    }
}
