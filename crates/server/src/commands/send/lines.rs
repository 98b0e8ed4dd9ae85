//! Cuts standard input into lines, a read at a time: what came together is sent together, and nothing waits for more.

use std::io::{self, BufRead, BufReader};

/// As much as a pipe holds.
const READ_BYTES: usize = 64 * 1024;

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    Empty,
    NotUtf8,
    /// Its bytes were dropped.
    TooLong,
}

/// What one read brought.
#[derive(Debug)]
pub(super) enum Read {
    /// Lines with their numbers, the first of all is 1.
    Lines(Vec<(u64, Line)>),
    /// There will be no more.
    Failed(io::Error),
}

/// Reads to the end of the input, or until `take` answers false. Blocks.
pub(super) fn read(input: impl io::Read, line_bytes_max: usize, mut take: impl FnMut(Read) -> bool) {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let mut cutter = Cutter { line_bytes_max, rest: Vec::new(), number: 1 };
    loop {
        let (lines, length) = match input.fill_buf() {
            Ok([]) => {
                let last = cutter.last();
                take(Read::Lines(last));
                return;
            }
            Ok(bytes) => (cutter.cut(bytes), bytes.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                take(Read::Failed(error));
                return;
            }
        };
        input.consume(length);
        if !lines.is_empty() && !take(Read::Lines(lines)) {
            return;
        }
    }
}

struct Cutter {
    line_bytes_max: usize,
    /// The beginning of a line whose end did not come yet; cut off one byte past the limit.
    rest: Vec<u8>,
    number: u64,
}

impl Cutter {
    fn cut(&mut self, bytes: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|&b| b == b'\n') {
            let (part, whole) = part.strip_suffix(b"\n").map_or((part, false), |part| (part, true));
            let room = (self.line_bytes_max + 1).saturating_sub(self.rest.len());
            self.rest.extend_from_slice(&part[..part.len().min(room)]);
            if whole {
                lines.push(self.take());
            }
        }
        lines
    }

    /// A last line may lack its end.
    fn last(&mut self) -> Vec<(u64, Line)> {
        if self.rest.is_empty() { Vec::new() } else { vec![self.take()] }
    }

    fn take(&mut self) -> (u64, Line) {
        let mut bytes = std::mem::take(&mut self.rest);
        let number = self.number;
        self.number += 1;
        if bytes.len() > self.line_bytes_max {
            return (number, Line::TooLong);
        }
        // Lines from other systems end with CR LF.
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if bytes.is_empty() {
            return (number, Line::Empty);
        }
        (number, String::from_utf8(bytes).map_or(Line::NotUtf8, Line::Text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An input that gives one piece a read, as a pipe does.
    struct Pieces(Vec<&'static [u8]>);

    impl io::Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn reads(pieces: Vec<&'static [u8]>, line_bytes_max: usize) -> Vec<Vec<(u64, Line)>> {
        let mut reads = Vec::new();
        read(Pieces(pieces), line_bytes_max, |read| {
            match read {
                Read::Lines(lines) if !lines.is_empty() => reads.push(lines),
                Read::Lines(_) => {}
                Read::Failed(error) => panic!("{error}"),
            }
            true
        });
        reads
    }

    fn text(text: &str) -> Line {
        Line::Text(text.into())
    }

    #[test]
    fn lines_of_one_read_go_together_and_wait_for_no_more() {
        let read = reads(vec![b"one\ntwo\nth", b"ree\n", b"four"], 100);
        assert_eq!(
            read,
            [vec![(1, text("one")), (2, text("two"))], vec![(3, text("three"))], vec![(4, text("four"))]]
        );
    }

    #[test]
    fn lines_that_are_no_messages_keep_their_numbers() {
        let read = reads(vec![b"\n\r\n\xff\nfour\r\n"], 100);
        let lines = vec![(1, Line::Empty), (2, Line::Empty), (3, Line::NotUtf8), (4, text("four"))];
        assert_eq!(read, [lines]);
    }

    #[test]
    fn a_long_line_is_dropped_without_being_kept() {
        let read = reads(vec![b"12345\n123456\n12", b"345678", b"9\nok\n"], 5);
        assert_eq!(
            read,
            [vec![(1, text("12345")), (2, Line::TooLong)], vec![(3, Line::TooLong), (4, text("ok"))]]
        );
    }

    #[test]
    fn reading_ends_when_nobody_takes_it() {
        let mut taken = 0;
        read(Pieces(vec![b"one\n", b"two\n"]), 100, |_| {
            taken += 1;
            false
        });
        assert_eq!(taken, 1);
    }
}
