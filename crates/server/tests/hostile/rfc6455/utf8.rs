//! RFC 6455, 8.1: a text is UTF-8, and what is none fails at the byte that shows it.

use super::case::{
    End::{Answered, Closed},
    Step, Table, all, close, ping, text, unfinished,
};
use crate::support::websocket::{BINARY, CLOSE, FIN, TEXT, frame};

/// Texts at the borders of what can be written, each well formed. None is a word of this protocol, so that is what ends
/// the socket, and it is told apart from a text that is no UTF-8.
const GOOD: [(&str, &str); 26] = [
    ("U+0000", "\0"),
    ("U+007F", "\u{7f}"),
    ("U+0080", "\u{80}"),
    ("U+07FF", "\u{7ff}"),
    ("U+0800", "\u{800}"),
    ("U+0FFF", "\u{fff}"),
    ("U+1000", "\u{1000}"),
    ("U+CFFF", "\u{cfff}"),
    ("U+D000", "\u{d000}"),
    ("U+D7FF, before the surrogates", "\u{d7ff}"),
    ("U+E000, behind the surrogates", "\u{e000}"),
    ("U+FDD0, no character but well formed", "\u{fdd0}"),
    ("U+FEFF, the mark of byte order", "\u{feff}"),
    ("U+FFFD", "\u{fffd}"),
    ("U+FFFE, no character but well formed", "\u{fffe}"),
    ("U+FFFF, no character but well formed", "\u{ffff}"),
    ("U+10000", "\u{10000}"),
    ("U+1FFFF", "\u{1ffff}"),
    ("U+3FFFF", "\u{3ffff}"),
    ("U+40000", "\u{40000}"),
    ("U+FFFFF", "\u{fffff}"),
    ("U+100000", "\u{100000}"),
    ("U+10FFFF, the last", "\u{10ffff}"),
    ("Greek", "κόσμε"),
    ("all lengths", "aé€😀aé€😀"),
    ("combining marks", "e\u{301}\u{327}"),
];

/// Bytes that no text holds; the last one of each is the first that shows it.
const BROKEN: [(&str, &[u8]); 41] = [
    ("0x80 alone", b"\x80"),
    ("0xBF alone", b"\xbf"),
    ("a continuation behind ASCII", b"ab\x80"),
    ("a continuation too many", b"\xc3\xa9\xa9"),
    ("0xC0", b"\xc0"),
    ("0xC1", b"\xc1"),
    ("0xF5", b"\xf5"),
    ("0xF6", b"\xf6"),
    ("0xF7", b"\xf7"),
    ("0xF8, once the first of five", b"\xf8"),
    ("0xFB", b"\xfb"),
    ("0xFC, once the first of six", b"\xfc"),
    ("0xFD", b"\xfd"),
    ("0xFE", b"\xfe"),
    ("0xFF", b"\xff"),
    ("NUL in two bytes", b"a\xc0"),
    ("a slash in three bytes", b"\xe0\x80"),
    ("U+07FF in three bytes", b"\xe0\x9f"),
    ("NUL in four bytes", b"\xf0\x80"),
    ("U+FFFF in four bytes", b"\xf0\x8f"),
    ("U+D800, the first high surrogate", b"\xed\xa0"),
    ("U+DB7F, the last high surrogate", b"\xed\xad"),
    ("U+DB80", b"\xed\xae"),
    ("U+DBFF", b"\xed\xaf"),
    ("U+DC00, the first low surrogate", b"\xed\xb0"),
    ("U+DF80", b"\xed\xbe"),
    ("U+DFFF, the last low surrogate", b"\xed\xbf"),
    ("U+110000, beyond the last", b"\xf4\x90"),
    ("beyond the last, at its end", b"\xf4\xbf"),
    ("two bytes broken off by ASCII", b"\xc3a"),
    ("two bytes broken off by a beginning", b"\xc3\xc3"),
    ("three bytes broken off after one", b"\xe2a"),
    ("three bytes broken off after two", b"\xe2\x82a"),
    ("three bytes broken off by a beginning", b"\xe2\x82\xe2"),
    ("four bytes broken off after one", b"\xf0a"),
    ("four bytes broken off after two", b"\xf0\x9fa"),
    ("four bytes broken off after three", b"\xf0\x9f\x98a"),
    ("four bytes broken off by a beginning", b"\xf0\x9f\x98\xf0"),
    ("Latin-1", b"caf\xe9 "),
    ("UTF-16 with its mark", b"\xff"),
    ("Greek, then beyond the last", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90"),
];

/// Beginnings of characters: they may go on, but a text must not end so.
const CUT: [(&str, &[u8]); 9] = [
    ("one of two", b"\xc3"),
    ("one of three", b"\xe2"),
    ("two of three", b"\xe2\x82"),
    ("two of three, just behind the surrogates", b"\xee\x80"),
    ("one of four", b"\xf0"),
    ("two of four", b"\xf0\x9f"),
    ("three of four", b"\xf0\x9f\x98"),
    ("three of the last four", b"\xf4\x8f\xbf"),
    ("Greek and one of two", b"\xce\xba\xcf"),
];

pub(super) fn add(table: &mut Table) {
    for (name, text_of) in GOOD {
        table.once(format!("good: {name}"), text(text_of.as_bytes()), Closed(4400));
        table.once(format!("good in a reason: {name}"), close(1000, text_of.as_bytes()), Answered);
    }
    broken(table);
    cut(table);
    split(table);
    table.once("bytes that are no text, in a binary message", frame(FIN | BINARY, b"\xff\xfe"), Closed(4400));
}

fn broken(table: &mut Table) {
    for (name, bytes) in BROKEN {
        table.once(name, text(bytes), Closed(1007));
        table.once(
            format!("{name}, with a text behind it"),
            text(&[bytes, b" and so on"].concat()),
            Closed(1007),
        );
        // Nothing more comes: who waits for the rest of the frame, or of the message, waits in vain.
        table.once(
            format!("{name}, before its frame is whole"),
            unfinished(FIN | TEXT, bytes, 50),
            Closed(1007),
        );
        table.once(format!("{name}, before its message is whole"), frame(TEXT, bytes), Closed(1007));
        let (last, begin) = bytes.split_last().unwrap();
        if !begin.is_empty() {
            let pieces = all([frame(TEXT, begin), unfinished(0, &[*last], 50)]);
            table.once(format!("{name}, its last byte in another fragment"), pieces, Closed(1007));
            let whole = unfinished(FIN | TEXT, bytes, 50);
            let (first, second) = whole.split_at(whole.len() - 1);
            table.steps(
                format!("{name}, its last byte in another write"),
                vec![Step::Send(first.into()), Step::Send(second.into())],
                Closed(1007),
            );
        }
        table.once(format!("{name}, in a reason"), close(1000, &[bytes, b" "].concat()), Closed(1007));
    }
}

fn cut(table: &mut Table) {
    for (name, bytes) in CUT {
        table.once(format!("a text that ends after {name}"), text(bytes), Closed(1007));
        table.once(format!("a reason that ends after {name}"), close(1000, bytes), Closed(1007));
        let pieces = all([frame(TEXT, bytes), frame(FIN, b"")]);
        table.once(format!("a message in pieces that ends after {name}"), pieces, Closed(1007));
        // While it may still go on, nothing is wrong.
        let steps = vec![
            Step::Send(frame(TEXT, bytes)),
            Step::Send(ping(b"so far")),
            Step::Pong(b"so far".into()),
            Step::Send(frame(FIN, b"")),
        ];
        table.steps(format!("a message that waits after {name}"), steps, Closed(1007));
    }
    table.once("a reason of a single continuation", frame(FIN | CLOSE, b"\x03\xe8\xbf"), Closed(1007));
}

/// Well formed as a whole, cut where it hurts.
fn split(table: &mut Table) {
    let good = "aé€😀κόσμε".as_bytes();
    for at in 1..good.len() {
        let (begin, rest) = good.split_at(at);
        let steps = vec![
            Step::Send(frame(TEXT, begin)),
            Step::Send(ping(b"so far")),
            Step::Pong(b"so far".into()),
            Step::Send(frame(FIN, rest)),
        ];
        table.steps(format!("good, in two fragments, cut after byte {at}"), steps, Closed(4400));
        let bytes = text(good);
        let (begin, rest) = bytes.split_at(bytes.len() - good.len() + at);
        let writes = vec![begin.to_vec(), rest.to_vec()];
        table.writes(format!("good, in two writes, cut after byte {at}"), writes, Closed(4400));
    }
    let each: Vec<Vec<u8>> = text(good).iter().map(|byte| vec![*byte]).collect();
    table.writes("good, byte by byte", each, Closed(4400));
    let fragments = ["é".as_bytes(), "😀".as_bytes(), b"\x7f"].concat();
    let last = fragments.len() - 1;
    let bytes: Vec<u8> = fragments
        .iter()
        .enumerate()
        .flat_map(|(index, byte)| {
            frame(if index == last { FIN } else { 0 } | if index == 0 { TEXT } else { 0 }, &[*byte])
        })
        .collect();
    table.once("good, a fragment for each byte", bytes, Closed(4400));
}
