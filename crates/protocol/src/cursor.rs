//! Where a socket stands in its channel: `<epoch>.<offset>`, opaque to clients.

use std::{fmt, str::FromStr};

/// A message's place in the log: rises along every channel, not always by one. 0 lies before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// Which life of the log an offset belongs to. A new one means that history was lost or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// Up to where a socket has had everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The life of the log.
    pub epoch: Epoch,
    /// The place in it.
    pub offset: Offset,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor; send back, unchanged, the `id` or `cursor` of the last frame you received")]
pub struct InvalidCursor;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; CURSOR_BYTES_MAX];
        let start = digits::<36>(&mut text, CURSOR_BYTES_MAX, self.0);
        f.write_str(std::str::from_utf8(&text[start..]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; CURSOR_BYTES_MAX];
        let start = self.write_at_end(&mut text);
        f.write_str(std::str::from_utf8(&text[start..]).map_err(|_| fmt::Error)?)
    }
}

/// Epoch in base 36, a dot, offset in base 10.
const CURSOR_BYTES_MAX: usize = 13 + 1 + 20;

/// Writes a number's digits so that they end before `end`; where they begin.
fn digits<const BASE: u64>(text: &mut [u8; CURSOR_BYTES_MAX], end: usize, number: u64) -> usize {
    let (mut start, mut rest) = (end, number);
    loop {
        start -= 1;
        text[start] = DIGITS[(rest % BASE) as usize];
        rest /= BASE;
        if rest == 0 {
            return start;
        }
    }
}

impl Cursor {
    /// The place `offset` in the life `epoch`.
    #[must_use]
    pub fn new(epoch: Epoch, offset: Offset) -> Self {
        Self { epoch, offset }
    }

    /// Appends what `Display` writes, without its detour: every frame has one.
    pub fn write(self, out: &mut Vec<u8>) {
        let mut text = [0; CURSOR_BYTES_MAX];
        let start = self.write_at_end(&mut text);
        out.extend_from_slice(&text[start..]);
    }

    /// Epochs are in base 36: shortest that needs no escaping in any of URL, header, JSON and SSE.
    fn write_at_end(self, text: &mut [u8; CURSOR_BYTES_MAX]) -> usize {
        let dot = digits::<10>(text, CURSOR_BYTES_MAX, self.offset.0) - 1;
        text[dot] = b'.';
        digits::<36>(text, dot, self.epoch.0)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    /// Takes only what `Display` writes: one text for one cursor, so that clients may compare them.
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (epoch, offset) = text.split_once('.').ok_or(InvalidCursor)?;
        let plain = |part: &str, allowed: fn(&u8) -> bool| {
            !part.is_empty() && (part == "0" || !part.starts_with('0')) && part.bytes().all(|b| allowed(&b))
        };
        if !plain(epoch, |b| b.is_ascii_digit() || b.is_ascii_lowercase())
            || !plain(offset, u8::is_ascii_digit)
        {
            return Err(InvalidCursor);
        }
        let epoch = u64::from_str_radix(epoch, 36).map_err(|_| InvalidCursor)?;
        let offset = offset.parse().map_err(|_| InvalidCursor)?;
        Ok(Self::new(Epoch(epoch), Offset(offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_cursor_is_read_back(epoch: u64, offset: u64) {
            let cursor = Cursor::new(Epoch(epoch), Offset(offset));
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            let mut written = b"before ".to_vec();
            cursor.write(&mut written);
            prop_assert_eq!(written, format!("before {cursor}").into_bytes());
        }

        #[test]
        fn what_parses_is_what_would_be_written(text in "[0-9a-z.]{0,20}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            ".",
            "k3f",
            "k3f.",
            ".1",
            "K3F.1",
            "k3f.-1",
            "k3f.+1",
            "k3f.01",
            "0k.1",
            "k3f.1.2",
            "k3f.18446744073709551616",
            "zzzzzzzzzzzzzz.1",
            "k3f. 1",
            "k3f.1 ",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
