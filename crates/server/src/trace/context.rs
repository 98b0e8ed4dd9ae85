//! Which trace something belongs to, and what it is called there.

use std::cell::Cell;

/// A span's place: its trace and its own number, both never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) trace: u128,
    pub(crate) span: u64,
}

impl Context {
    /// The first of a new trace.
    pub(crate) fn new() -> Self {
        Self { trace: (u128::from(random()) << 64) | u128::from(random()), span: random() }
    }

    /// Another one of this trace.
    pub(crate) fn child(self) -> Self {
        Self { span: random(), ..self }
    }

    /// Reads a `traceparent` (W3C Trace Context, 3.2): the caller's span, and whether it is recorded. `None` for what must be
    /// ignored.
    pub(crate) fn read(value: &[u8]) -> Option<(Self, bool)> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length| {
            text.len() == length
                && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let good = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        // Only later versions may say more.
        if !good || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
        let is_recorded = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some((Self { trace, span }, is_recorded))
    }

    /// The header for what is called from here.
    pub(crate) fn traceparent(self) -> String {
        format!("00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

/// A number from 0 to 1.
pub(super) fn luck() -> f64 {
    random() as f64 / u64::MAX as f64
}

/// A random number that is not 0. Nobody gains anything by guessing it; two threads do not begin alike.
fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(getrandom::u64().expect("the system has random numbers") | 1);
    }
    // xorshift64*: never 0.
    STATE.with(|state| {
        let mut value = state.get();
        value ^= value >> 12;
        value ^= value << 25;
        value ^= value >> 27;
        state.set(value);
        value.wrapping_mul(0x2545_f491_4f6c_dd1d)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_says_is_read_and_said_again() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (context, is_recorded) = Context::read(text.as_bytes()).unwrap();
        assert!(is_recorded);
        assert_eq!(context.traceparent(), text);
        assert_eq!(context.child().trace, context.trace);
        assert_ne!(context.child().span, context.span);
        let other = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-comes-later";
        assert_eq!(Context::read(other.as_bytes()), Some((context, false)));
    }

    #[test]
    fn what_is_none_is_ignored() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
        ] {
            assert_eq!(Context::read(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn luck_is_spread() {
        let below = (0..10_000).filter(|_| luck() < 0.25).count();
        assert!((2_000..3_000).contains(&below), "{below}");
    }
}
