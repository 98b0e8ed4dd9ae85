//! RFC 6455, 5.5: control frames. Pings are answered in their order, each with its payload.

use super::case::{
    End::{Answered, Closed, GoesOn},
    Length::{Sixteen, SixtyFour},
    Step, Table, WORD, all, close, head, ping, pong, text, unfinished,
};
use crate::support::websocket::{CLOSE, FIN, PING, PONG, TEXT, frame};

const MASK: Option<[u8; 4]> = Some([0; 4]);

pub(super) fn add(table: &mut Table) {
    broken(table);
    between_fragments(table);
    pings(table);
}

fn broken(table: &mut Table) {
    for (opcode, name) in [(CLOSE, "close"), (PING, "ping"), (PONG, "pong")] {
        table.once(format!("a {name} in pieces, empty"), frame(opcode, b""), Closed(1002));
        table.once(format!("a {name} in pieces"), frame(opcode, b"\x03\xe8"), Closed(1002));
        table.once(
            format!("a {name} in pieces and its rest"),
            all([frame(opcode, b"\x03"), frame(FIN, b"\xe8")]),
            Closed(1002),
        );
        table.once(format!("a {name} in pieces, found at the first byte"), [opcode], Closed(1002));
        for length in [126, 127, 1000] {
            table.once(
                format!("a {name} of {length} bytes"),
                frame(FIN | opcode, &[0; 1000][..length]),
                Closed(1002),
            );
        }
        table.once(
            format!("a {name} too long, found at the second byte"),
            [FIN | opcode, 0x80 | 126],
            Closed(1002),
        );
        let long = head(FIN | opcode, Sixteen(60_000), MASK);
        table.once(format!("a {name} that says 60,000 bytes"), long, Closed(1002));
        let longest = head(FIN | opcode, SixtyFour(u64::MAX >> 1), MASK);
        table.once(format!("a {name} that says all bytes there are"), longest, Closed(1002));
        table.once(
            format!("a {name} in pieces inside a message"),
            all([frame(TEXT, b"{"), frame(opcode, b"")]),
            Closed(1002),
        );
    }
}

fn between_fragments(table: &mut Table) {
    let (begin, rest) = (frame(TEXT, &WORD[..5]), frame(FIN, &WORD[5..]));
    let sent = |middle: Vec<u8>| Step::Send([begin.clone(), middle, rest.clone()].concat());
    table.steps(
        "a ping between fragments",
        vec![sent(ping(b"between")), Step::Pong(b"between".into())],
        GoesOn,
    );
    table.steps("a pong between fragments", vec![sent(pong(b"unasked"))], GoesOn);
    table.steps("a close between fragments", vec![sent(close(1000, b""))], Answered);
    table.steps(
        "three pings between fragments",
        vec![
            sent(all([ping(b"1"), ping(b""), ping(b"3")])),
            Step::Pong(b"1".into()),
            Step::Pong(b"".into()),
            Step::Pong(b"3".into()),
        ],
        GoesOn,
    );
    let mut steps = Vec::new();
    for byte in [begin.clone(), ping(b"between"), rest.clone()].concat() {
        steps.push(Step::Send(vec![byte]));
    }
    steps.push(Step::Pong(b"between".into()));
    table.steps("a ping between fragments, byte by byte", steps, GoesOn);
    table.steps(
        "a message that never ends, with pings",
        vec![
            Step::Send(begin.clone()),
            Step::Send(ping(b"a")),
            Step::Pong(b"a".into()),
            Step::Send(ping(b"b")),
            Step::Pong(b"b".into()),
        ],
        GoesOn,
    );
    // A control frame is no part of a frame: here it is payload.
    let inside = all([unfinished(FIN | TEXT, b"{", 8), ping(b"12")]);
    table.once("a ping inside a frame", inside, Closed(1007));
}

fn pings(table: &mut Table) {
    let echo = |payload: &[u8]| vec![Step::Send(ping(payload)), Step::Pong(payload.to_vec())];
    table.steps("a ping with bytes that are no text", echo(&[0xff, 0xfe, 0xc0, 0x00]), GoesOn);
    table.steps("a ping with a text", echo("κόσμε".as_bytes()), GoesOn);
    table.steps("a ping that looks like a word", echo(br#"{"close":true}"#), GoesOn);
    table.steps("a ping that looks like a frame", echo(&text(WORD)), GoesOn);
    for step in [1, 2, 3, 7] {
        let payload: Vec<u8> = (0..40).collect();
        let mut steps: Vec<Step> =
            ping(&payload).chunks(step).map(|piece| Step::Send(piece.to_vec())).collect();
        steps.push(Step::Pong(payload));
        table.steps(format!("a ping in writes of {step} bytes"), steps, GoesOn);
    }
    for count in [2u16, 10, 100, 1000] {
        let payloads: Vec<Vec<u8>> = (0..count).map(|number| number.to_be_bytes().to_vec()).collect();
        let mut steps = vec![Step::Send(payloads.iter().flat_map(|payload| ping(payload)).collect())];
        steps.extend(payloads.into_iter().map(Step::Pong));
        table.steps(format!("{count} pings at once"), steps, GoesOn);
    }
    let long: Vec<Vec<u8>> = (0..200u8).map(|number| vec![number; 125]).collect();
    let mut steps = vec![Step::Send(long.iter().flat_map(|payload| ping(payload)).collect())];
    steps.extend(long.into_iter().map(Step::Pong));
    table.steps("200 pings of 125 bytes at once", steps, GoesOn);
    table.steps(
        "pings and words by turns",
        vec![
            Step::Send(all([ping(b"1"), text(WORD), ping(b"2"), text(WORD), ping(b"3")])),
            Step::Pong(b"1".into()),
            Step::Pong(b"2".into()),
            Step::Pong(b"3".into()),
        ],
        GoesOn,
    );
    table.steps(
        "a ping, then a violation",
        vec![Step::Send(all([ping(b"first"), frame(FIN | 3, b"")])), Step::Pong(b"first".into())],
        Closed(1002),
    );
    table.once("a pong that nobody asked for", pong(b""), GoesOn);
    table.once("a long pong that nobody asked for", pong(&[7; 125]), GoesOn);
    table.once("a thousand pongs", (0..1000).flat_map(|_| pong(b"x")).collect::<Vec<u8>>(), GoesOn);
}
