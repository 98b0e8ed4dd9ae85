//! Cuts a stream of bytes into lines.

use bytes::{Buf, Bytes, BytesMut};

/// The longest line: the largest message that a server can be configured to take (1 MiB), with every byte of it
/// escaped to six, and room for the rest of its frame.
const LINE_BYTES_MAX: usize = 6 * 1024 * 1024 + 1024;

/// A line is longer than any frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// What came and is not a whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: BytesMut,
    /// So far no line feed was found; what is looked through once is not looked through again.
    searched: usize,
}

impl Lines {
    /// Takes what came. Call [`next_line`](Self::next_line) until it has no more afterwards.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub(crate) fn next_line(&mut self) -> Result<Option<Bytes>, TooLong> {
        match self.buffer[self.searched..].iter().position(|&b| b == b'\n') {
            Some(place) => {
                let line = self.buffer.split_to(self.searched + place).freeze();
                self.buffer.advance(1);
                self.searched = 0;
                Ok(Some(line))
            }
            None if self.buffer.len() > LINE_BYTES_MAX => Err(TooLong),
            None => {
                self.searched = self.buffer.len();
                Ok(None)
            }
        }
    }

    /// Forgets the rest of a connection that is over.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<Bytes> {
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    #[test]
    fn lines_come_out_wherever_the_stream_was_cut() {
        let stream = "one\n\ntwo é\r\nthree\n".as_bytes();
        for size in 1..=stream.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for chunk in stream.chunks(size) {
                lines.push(chunk);
                found.extend(all(&mut lines));
            }
            assert_eq!(found, ["one", "", "two é\r", "three"], "in pieces of {size}");
        }
    }

    #[test]
    fn a_torn_last_line_is_no_line() {
        let mut lines = Lines::default();
        lines.push(b"whole\ntorn");
        assert_eq!(all(&mut lines), ["whole"]);
        lines.clear();
        lines.push(b"next\n");
        assert_eq!(all(&mut lines), ["next"]);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; LINE_BYTES_MAX]);
        assert_eq!(lines.next_line(), Ok(None));
        lines.push(b"xx");
        assert_eq!(lines.next_line(), Err(TooLong));
    }
}
