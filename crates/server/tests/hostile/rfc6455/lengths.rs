//! RFC 6455, 5.2: lengths in their three encodings.

use super::case::{
    End::{Closed, GoesOn},
    Length::{Short, Sixteen, SixtyFour},
    Step, Table, WORD, all, head, ping, text, word,
};
use crate::support::websocket::{BINARY, FIN, PING, PONG, TEXT, frame};
use protocol::limits::CLIENT_WORD_BYTES_MAX;

const MASK: Option<[u8; 4]> = Some([0; 4]);

pub(super) fn add(table: &mut Table) {
    good(table);
    not_the_shortest(table);
    too_long(table);
}

fn good(table: &mut Table) {
    for length in [0, 1, 2, 3, 4, 5, 63, 64, 124, 125] {
        let payload: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
        let steps = vec![Step::Send(ping(&payload)), Step::Pong(payload)];
        table.steps(format!("a ping of {length} bytes"), steps, GoesOn);
    }
    for length in [WORD.len(), 124, 125, 126, 127, 128, 255, 256, 4095, 4096, CLIENT_WORD_BYTES_MAX] {
        table.once(format!("a word of {length} bytes"), text(&word(length)), GoesOn);
        let bytes = text(&word(length));
        let (begin, rest) = bytes.split_at(bytes.len() / 2);
        table.writes(
            format!("a word of {length} bytes in two writes"),
            vec![begin.into(), rest.into()],
            GoesOn,
        );
    }
    let bytes = text(&word(300));
    for at in 1..9 {
        let writes = vec![bytes[..at].to_vec(), bytes[at..].to_vec()];
        table.writes(format!("a head of 16 bits cut after byte {at}"), writes, GoesOn);
    }
    // An empty message is whole; it is just no word.
    table.once("a text of no bytes", text(b""), Closed(4400));
    table.once("a binary message of no bytes", frame(FIN | BINARY, b""), Closed(4400));
}

/// "The minimal number of bytes MUST be used to encode the length."
fn not_the_shortest(table: &mut Table) {
    for (first, name) in [(FIN | TEXT, "text"), (FIN | BINARY, "binary"), (TEXT, "fragment")] {
        for length in [0, 1, 13, 125] {
            let bytes = [head(first, Sixteen(length), MASK), vec![b' '; length.into()]].concat();
            table.once(format!("a {name} of {length} bytes in 16 bits"), bytes, Closed(1002));
        }
        for length in [0, 1, 125, 126, 4096, 65_535] {
            table.once(
                format!("a {name} of {length} bytes in 64 bits"),
                head(first, SixtyFour(length), MASK),
                Closed(1002),
            );
        }
    }
    for (opcode, name) in [(PING, "ping"), (PONG, "pong")] {
        for length in [0, 5, 125, 126] {
            let sixteen = head(FIN | opcode, Sixteen(length), MASK);
            table.once(format!("a {name} of {length} bytes in 16 bits"), sixteen, Closed(1002));
            let sixty_four = head(FIN | opcode, SixtyFour(length.into()), MASK);
            table.once(format!("a {name} of {length} bytes in 64 bits"), sixty_four, Closed(1002));
        }
    }
    let in_a_message = all([frame(TEXT, b"{"), head(FIN, Sixteen(1), MASK)]);
    table.once("a continuation of 1 byte in 16 bits", in_a_message, Closed(1002));
}

/// Told too long in its head: refused before any of it is here.
fn too_long(table: &mut Table) {
    let longest = CLIENT_WORD_BYTES_MAX as u16;
    for (first, name) in [(FIN | TEXT, "text"), (FIN | BINARY, "binary"), (TEXT, "fragment")] {
        for length in [longest + 1, longest + 2, 10_000, u16::MAX] {
            table.once(
                format!("a {name} of {length} bytes"),
                head(first, Sixteen(length), MASK),
                Closed(1009),
            );
        }
        for length in [65_536, 1 << 20, (1 << 31) - 1, 1 << 31, 1 << 32, 1 << 48, 1 << 62, (1 << 63) - 1] {
            table.once(
                format!("a {name} of {length} bytes"),
                head(first, SixtyFour(length), MASK),
                Closed(1009),
            );
        }
        for length in [1 << 63, (1 << 63) + 1, u64::MAX] {
            // The highest bit must be 0: no length at all, rather than one that is too much.
            table.once(
                format!("a {name} of {length:x} bytes"),
                head(first, SixtyFour(length), MASK),
                Closed(1002),
            );
        }
    }
    let bytes = head(FIN | TEXT, SixtyFour(1 << 40), MASK);
    table.writes(
        "a length that comes byte by byte",
        bytes.iter().map(|byte| vec![*byte]).collect(),
        Closed(1009),
    );
    table.once("more than the length says", all([text(WORD), vec![0]]), Closed(1002));
    table.once(
        "less than the length says, then another frame",
        all([head(FIN | TEXT, Short(3), MASK), text(WORD)]),
        {
            // The next head is taken for the payload: `{}` and a length are no text of UTF-8.
            Closed(1007)
        },
    );
}
