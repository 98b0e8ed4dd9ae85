//! What a client may say in its texts: three words. Well-formed frames with anything else in them end the socket too.

use super::case::{
    End::{Closed, GoesOn},
    Step, Table, WORD, all, ping, text, word,
};
use crate::support::websocket::{BINARY, FIN, frame};
use protocol::limits::CLIENT_WORD_BYTES_MAX;

const WORDS: [&str; 6] = [
    r#"{"ack":"1.0"}"#,
    r#" { "ack" : "1.0" } "#,
    "\t{\"ack\"\n:\r\"1.0\"}",
    r#"{"\u0061ck":"1.0"}"#,
    r#"{"ack":"\u0031.0"}"#,
    r#"{"ack":"1.0","token":null,"close":null}"#,
];

const NO_WORDS: [&str; 33] = [
    "",
    " ",
    "ack",
    "null",
    "true",
    "0",
    "1e999999999",
    "\"ack\"",
    "[]",
    "{}",
    "{",
    "}",
    r#"["ack","1.0"]"#,
    r#"{"ack":"1.0""#,
    r#"{"ack":"1.0"}}"#,
    r#"{"ack":"1.0"}{"ack":"1.0"}"#,
    r#"{"ack":"1.0",}"#,
    r#"{'ack':'1.0'}"#,
    r#"{ack:"1.0"}"#,
    r#"{"ack":null}"#,
    r#"{"ack":1.0}"#,
    r#"{"ack":["1.0"]}"#,
    r#"{"ack":""}"#,
    r#"{"ack":"nonsense"}"#,
    r#"{"ack":"-1.0"}"#,
    r#"{"ack":"1.99999999999999999999999999"}"#,
    r#"{"ack":"1.0","ack":"1.0"}"#,
    r#"{"ack":"1.0","close":true}"#,
    r#"{"ACK":"1.0"}"#,
    r#"{"ack":"1.0","more":1}"#,
    r#"{"close":false}"#,
    r#"{"close":"true"}"#,
    "\u{feff}{\"ack\":\"1.0\"}",
];

pub(super) fn add(table: &mut Table) {
    for word in WORDS {
        table.once(format!("a word: {word}"), text(word.as_bytes()), GoesOn);
    }
    for nonsense in NO_WORDS {
        table.once(format!("no word: {nonsense:?}"), text(nonsense.as_bytes()), Closed(4400));
    }
    for (name, open) in [("arrays", "["), ("objects", r#"{"ack":"#), ("words", r#"{"close":["#)] {
        let deep = open.repeat(CLIENT_WORD_BYTES_MAX / open.len());
        table.once(format!("{name} without end"), text(deep.as_bytes()), Closed(4400));
    }
    let long = format!(r#"{{"ack":"{}"}}"#, "1".repeat(4000));
    table.once("a cursor of 4,000 digits", text(long.as_bytes()), Closed(4400));
    for token in ["", "x", "a.b.c", "é", "\\u0000"] {
        let word = format!(r#"{{"token":"{token}"}}"#);
        table.once(format!("the token {token:?}"), text(word.as_bytes()), Closed(4401));
    }
    let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(4500));
    table.once("a token of 4,500 bytes", text(long.as_bytes()), Closed(4401));
    table.once("a word in a binary message", frame(FIN | BINARY, WORD), Closed(4400));
    for count in [2, 100, 500] {
        table.once(format!("{count} words at once"), text(WORD).repeat(count), GoesOn);
    }
    table.once("ten of the largest words", text(&word(CLIENT_WORD_BYTES_MAX)).repeat(10), GoesOn);
    table.steps(
        "no word, and what is behind it is not heard",
        vec![
            Step::Send(all([ping(b"before"), text(b"{}"), text(br#"{"close":true}"#)])),
            Step::Pong(b"before".into()),
        ],
        Closed(4400),
    );
}
