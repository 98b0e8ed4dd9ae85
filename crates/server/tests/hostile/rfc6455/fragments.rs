//! RFC 6455, 5.4: messages in pieces.

use super::case::{
    End::{Answered, Closed, GoesOn},
    Step, Table, WORD, all, close, ping, text, word,
};
use crate::support::websocket::{BINARY, FIN, TEXT, frame};
use protocol::limits::{CLIENT_WORD_BYTES_MAX, FRAGMENTS_MAX};

pub(super) fn add(table: &mut Table) {
    good(table);
    out_of_order(table);
    too_many(table);
}

/// A text in so many frames.
fn pieces(payload: &[u8], count: usize) -> Vec<Vec<u8>> {
    let size = payload.len().div_ceil(count);
    let parts: Vec<&[u8]> = payload.chunks(size).chain(std::iter::repeat(&[][..])).take(count).collect();
    let last = parts.len() - 1;
    let first = |index| if index == 0 { TEXT } else { 0 };
    let fin = |index| if index == last { FIN } else { 0 };
    parts.iter().enumerate().map(|(index, part)| frame(fin(index) | first(index), part)).collect()
}

fn good(table: &mut Table) {
    for count in 2..=FRAGMENTS_MAX as usize {
        table.once(format!("a word in {count} frames"), pieces(WORD, count).concat(), GoesOn);
        table.writes(format!("a word in {count} frames, a write each"), pieces(WORD, count), GoesOn);
    }
    for at in 0..=WORD.len() {
        let bytes = all([frame(TEXT, &WORD[..at]), frame(FIN, &WORD[at..])]);
        table.once(format!("a word cut after {at} bytes"), bytes, GoesOn);
    }
    let empty = || frame(0, b"");
    table.once("an empty first piece", all([frame(TEXT, b""), frame(FIN, WORD)]), GoesOn);
    table.once("an empty last piece", all([frame(TEXT, WORD), frame(FIN, b"")]), GoesOn);
    table.once(
        "empty pieces between",
        all([frame(TEXT, &WORD[..3]), empty(), empty(), frame(FIN, &WORD[3..])]),
        GoesOn,
    );
    table.once("nothing but empty pieces", all([frame(TEXT, b""), empty(), frame(FIN, b"")]), Closed(4400));
    table.once(
        "a binary message in pieces",
        all([frame(BINARY, b"\xff"), frame(FIN, b"\xff")]),
        Closed(4400),
    );
    let largest = word(CLIENT_WORD_BYTES_MAX);
    table.once("the largest word in two frames", pieces(&largest, 2).concat(), GoesOn);
    table.once("the largest word in eight frames", pieces(&largest, 8).concat(), GoesOn);
    table.once("two messages in pieces", all([pieces(WORD, 8).concat(), pieces(WORD, 8).concat()]), GoesOn);
    table.once(
        "a message in pieces between whole ones",
        all([text(WORD), pieces(WORD, 3).concat(), text(WORD)]),
        GoesOn,
    );
    let bytes = pieces(WORD, 4).concat();
    table.writes("a message in pieces, byte by byte", bytes.iter().map(|byte| vec![*byte]).collect(), GoesOn);
    table.once(
        "a message that is not finished, then a close",
        all([frame(TEXT, b"{"), close(1000, b"")]),
        Answered,
    );
    table.steps(
        "a message that is not finished",
        vec![Step::Send(frame(TEXT, b"{")), Step::Send(ping(b"x")), Step::Pong(b"x".into())],
        GoesOn,
    );
}

fn out_of_order(table: &mut Table) {
    table.once("a continuation of nothing", frame(FIN, WORD), Closed(1002));
    table.once("an empty continuation of nothing", frame(FIN, b""), Closed(1002));
    table.once("a continuation of nothing that goes on", frame(0, WORD), Closed(1002));
    table.once("a continuation of nothing, found at the first byte", [0u8], Closed(1002));
    table.once("a continuation behind a whole message", all([text(WORD), frame(FIN, b" ")]), Closed(1002));
    table.once(
        "a continuation behind a message in pieces",
        all([pieces(WORD, 2).concat(), frame(FIN, b" ")]),
        Closed(1002),
    );
    table.once("a continuation behind a ping", all([frame(FIN | 0xa, b""), frame(FIN, b" ")]), Closed(1002));
    for (first, name) in [(TEXT, "text"), (BINARY, "binary message")] {
        for (second, inner) in [(TEXT, "text"), (BINARY, "binary message")] {
            for (fin, how) in [(FIN, "whole"), (0, "begun")] {
                let bytes = all([frame(first, b"{"), frame(fin | second, b"}")]);
                table.once(format!("a {inner}, {how}, inside a {name}"), bytes, Closed(1002));
            }
        }
    }
    let bytes = vec![frame(TEXT, b"{"), vec![FIN | TEXT]];
    table.writes("a message inside a message, found at the first byte", bytes, Closed(1002));
}

fn too_many(table: &mut Table) {
    let max = FRAGMENTS_MAX as usize;
    for count in [max + 1, max + 2, 100, 1000] {
        table.once(format!("a text in {count} frames"), pieces(&word(1000), count).concat(), Closed(1009));
        let empty = [frame(TEXT, b""), frame(0, b"").repeat(count - 1)].concat();
        table.once(format!("{count} empty frames of a text"), empty, Closed(1009));
        let bytes = [frame(BINARY, b"x"), frame(0, b"x").repeat(count - 1)].concat();
        table.once(format!("{count} frames of a binary message"), bytes, Closed(1009));
    }
    let half = CLIENT_WORD_BYTES_MAX / 2;
    for (first, second) in [(half, half + 1), (1, CLIENT_WORD_BYTES_MAX), (CLIENT_WORD_BYTES_MAX, 1)] {
        let bytes = all([frame(TEXT, &word(first.max(13))), frame(FIN, &vec![b' '; second])]);
        table.once(format!("too much in two frames: {first} and {second} bytes"), bytes, Closed(1009));
    }
}
