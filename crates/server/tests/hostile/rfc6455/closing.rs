//! RFC 6455, 5.5.1, 7.1 and 7.4: closing. The server answers a good close, and nothing behind it counts.

use super::case::{
    End::{Answered, Closed},
    Step, Table, WORD, all, close, ping, text,
};
use crate::support::websocket::{CLOSE, FIN, TEXT, frame};

/// Codes that may travel: the RFC's, those registered since, libraries' and applications' own.
const GOOD: [u16; 21] = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3500, 3999, 4000,
    4401, 4410, 4998, 4999,
];

/// Codes that may not: nobody's, reserved ones, and those that only stand for something that happened.
const BAD: [u16; 26] = [
    0, 1, 10, 125, 256, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1099, 1100, 1500, 1999, 2000, 2500, 2998,
    2999, 5000, 5001, 9999, 32_768, 65_534, 65_535,
];

pub(super) fn add(table: &mut Table) {
    for code in GOOD {
        table.once(format!("code {code}"), close(code, b""), Answered);
        table.once(format!("code {code} with a reason"), close(code, "là".as_bytes()), Answered);
    }
    for code in BAD {
        table.once(format!("code {code}"), close(code, b""), Closed(1002));
        table.once(format!("code {code} with a reason"), close(code, "là".as_bytes()), Closed(1002));
    }
    payloads(table);
    behind(table);
}

fn payloads(table: &mut Table) {
    table.once("a close without a code", frame(FIN | CLOSE, b""), Answered);
    for byte in [0, 3, 0xff] {
        table.once(format!("a close of the byte {byte}"), frame(FIN | CLOSE, &[byte]), Closed(1002));
    }
    for length in [1, 50, 122, 123] {
        table.once(format!("a reason of {length} bytes"), close(1000, &vec![b'x'; length]), Answered);
    }
    for length in [124, 125, 200] {
        table.once(format!("a reason of {length} bytes"), close(1000, &vec![b'x'; length]), Closed(1002));
    }
    table.once("a reason with NUL", close(1000, b"a\0b"), Answered);
    table.once("a bad code and a bad reason", close(1005, b"\xff"), Closed(1002));
    let bytes = close(1001, b"going");
    for step in [1, 2, 3] {
        let writes = bytes.chunks(step).map(<[u8]>::to_vec).collect();
        table.writes(format!("a close in writes of {step} bytes"), writes, Answered);
    }
    table.once("a farewell in the protocol's own words", text(br#"{"close":true}"#), Closed(1000));
}

/// "After sending a control frame indicating the connection should be closed, a peer does not send any further data":
/// if it does all the same, it is not heard.
fn behind(table: &mut Table) {
    let first = || close(1000, b"");
    table.once("a word behind a close", all([first(), text(WORD)]), Answered);
    table.once("no word behind a close", all([first(), text(b"nonsense")]), Answered);
    table.once("a ping behind a close", all([first(), ping(b"late")]), Answered);
    table.once("a second close", all([first(), close(1001, b"again")]), Answered);
    table.once("a bad close behind a good one", all([first(), close(1005, b"")]), Answered);
    table.once("a broken frame behind a close", all([first(), vec![0xff, 0xff]]), Answered);
    table.once(
        "half a frame behind a close",
        all([first(), frame(FIN | TEXT, WORD)[..5].to_vec()]),
        Answered,
    );
    table.once("much behind a close", all([first(), vec![0; 3000]]), Answered);
    table.once("a good close behind a bad one", all([close(1005, b""), first()]), Closed(1002));
    table.once("a close behind a violation", all([frame(FIN | 3, b""), first()]), Closed(1002));
    table.once("a close behind a farewell", all([text(br#"{"close":true}"#), first()]), Closed(1000));
    table.steps(
        "a ping before a close",
        vec![Step::Send(all([ping(b"early"), first()])), Step::Pong(b"early".into())],
        Answered,
    );
    table.steps(
        "a ping, no word, and a ping that is not heard",
        vec![
            Step::Send(all([ping(b"early"), text(b"nonsense"), ping(b"late")])),
            Step::Pong(b"early".into()),
        ],
        Closed(4400),
    );
}
