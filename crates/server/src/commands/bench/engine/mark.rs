//! What a message of a measurement says of itself: when it was due, to whom it goes, and which it is.

/// Begins a mark. Neither JSON nor Base64 nor the frames of any peer have it by themselves.
const BEGIN: &[u8] = b"@B:";

/// The length of a mark, and so the shortest message.
pub(crate) const MARK_BYTES: usize = BEGIN.len() + 16 + 8 + 8;

/// Stands for everybody, where a message has no one socket for a target.
pub(crate) const EVERYBODY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Nanoseconds of the measurement's clock.
    pub(crate) due: u64,
    /// The socket that is to get it.
    pub(crate) target: u32,
    /// Counted in each channel from 0.
    pub(crate) number: u32,
}

impl Mark {
    /// A message of so many bytes, of which none needs to be escaped anywhere.
    pub(crate) fn write(self, bytes: usize, out: &mut Vec<u8>) {
        let end = out.len() + bytes.max(MARK_BYTES);
        out.extend_from_slice(BEGIN);
        hexadecimal(self.due, 16, out);
        hexadecimal(self.target.into(), 8, out);
        hexadecimal(self.number.into(), 8, out);
        out.resize(end, b'x');
    }

    /// The mark in a frame, if the frame holds a message, and where what comes after it begins.
    pub(crate) fn find(frame: &[u8]) -> Option<(Self, usize)> {
        let at = frame.windows(BEGIN.len()).position(|window| window == BEGIN)?;
        let digits = frame.get(at + BEGIN.len()..at + MARK_BYTES)?;
        let mark = Self {
            due: number(&digits[..16])?,
            target: u32::try_from(number(&digits[16..24])?).ok()?,
            number: u32::try_from(number(&digits[24..])?).ok()?,
        };
        Some((mark, at + MARK_BYTES))
    }
}

fn hexadecimal(value: u64, digits: u32, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..digits).rev().map(|place| DIGITS[(value >> (4 * place)) as usize & 15]));
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_as_it_was_written() {
        let mark = Mark { due: 0x0123_4567_89ab_cdef, target: 19_000, number: 7 };
        let mut frame = br#"{"id":"k3f.1","data":""#.to_vec();
        mark.write(128, &mut frame);
        assert_eq!(frame.len(), 22 + 128);
        frame.extend_from_slice(b"\"}");
        assert_eq!(Mark::find(&frame).unwrap(), (mark, 22 + MARK_BYTES));
        assert_eq!(Mark::find(&frame[..40]), None);
        assert_eq!(Mark::find(br#"{"type":"ping","cursor":"k3f.1"}"#), None);
    }
}
