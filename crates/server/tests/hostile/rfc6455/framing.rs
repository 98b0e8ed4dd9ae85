//! RFC 6455, 5.2 and 5.3: reserved bits, opcodes, masks.

use super::{
    case::{
        End::{Answered, Closed, GoesOn},
        Length, Step, Table, WORD, all, head, ping, text,
    },
    masked,
};
use crate::support::websocket::{BINARY, CLOSE, FIN, PING, PONG, TEXT, frame};

const OPCODES: [(u8, &str); 6] = [
    (TEXT, "text"),
    (BINARY, "binary"),
    (CLOSE, "close"),
    (PING, "ping"),
    (PONG, "pong"),
    (0, "continuation"),
];
const RESERVED: [u8; 10] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

pub(super) fn add(table: &mut Table) {
    reserved_bits(table);
    reserved_opcodes(table);
    masks(table);
}

/// No extension was agreed on, so none of the three bits means anything.
fn reserved_bits(table: &mut Table) {
    for bits in 1..8u8 {
        for (opcode, name) in OPCODES {
            let broken = frame(FIN | bits << 4 | opcode, b"");
            let bytes = if opcode == 0 { all([frame(TEXT, b"{"), broken]) } else { broken };
            table.once(format!("reserved bits {bits:03b} on a {name}"), bytes, Closed(1002));
        }
    }
    for bit in [0x10, 0x20, 0x40] {
        table.once(format!("bit {bit:x}, found at the first byte"), [FIN | bit | TEXT], Closed(1002));
    }
    table.steps(
        "a reserved bit behind a ping",
        vec![
            Step::Send(all([ping(b"first"), frame(FIN | 0x40 | PING, b"second")])),
            Step::Pong(b"first".into()),
        ],
        Closed(1002),
    );
}

fn reserved_opcodes(table: &mut Table) {
    for opcode in RESERVED {
        table.once(format!("opcode {opcode}, empty"), frame(FIN | opcode, b""), Closed(1002));
        table.once(format!("opcode {opcode}, with a payload"), frame(FIN | opcode, WORD), Closed(1002));
        table.once(format!("opcode {opcode}, in pieces"), frame(opcode, WORD), Closed(1002));
        table.once(format!("opcode {opcode}, found at the first byte"), [FIN | opcode], Closed(1002));
        table.once(
            format!("opcode {opcode} inside a message"),
            all([frame(TEXT, b"{"), frame(FIN | opcode, b"")]),
            Closed(1002),
        );
    }
}

fn masks(table: &mut Table) {
    for (opcode, name) in OPCODES {
        let bare = |payload: &[u8]| {
            let mut bytes = head(FIN | opcode, Length::Short(payload.len() as u8), None);
            bytes.extend(payload);
            if opcode == 0 { all([frame(TEXT, b"{"), bytes]) } else { bytes }
        };
        table.once(format!("a {name} without a mask"), bare(b"{}"), Closed(1002));
        table.once(format!("an empty {name} without a mask"), bare(b""), Closed(1002));
    }
    table.once("126 bytes without a mask", head(FIN | TEXT, Length::Sixteen(126), None), Closed(1002));
    table.once(
        "65,536 bytes without a mask",
        head(FIN | TEXT, Length::SixtyFour(65_536), None),
        Closed(1002),
    );
    table.once("no mask, found at the second byte", [FIN | TEXT, 13], Closed(1002));
    for mask in [[0; 4], [0xff; 4], [0, 0, 0, 1], [0x80, 0, 0, 0], [b'{', b'"', b'a', b'c']] {
        let steps =
            vec![Step::Send(masked(FIN | PING, mask, b"0123456789")), Step::Pong(b"0123456789".into())];
        table.steps(format!("a ping masked with {mask:?}"), steps, GoesOn);
        table.once(format!("a word masked with {mask:?}"), masked(FIN | TEXT, mask, WORD), GoesOn);
    }
    let close = |mask| masked(FIN | CLOSE, mask, &1000u16.to_be_bytes());
    table.once("a close masked with zeros", close([0; 4]), Answered);
    table.writes(
        "a mask that comes byte by byte",
        text(WORD).iter().map(|byte| vec![*byte]).collect(),
        GoesOn,
    );
    for at in 1..6 {
        let bytes = text(WORD);
        table.writes(
            format!("a head cut after byte {at}"),
            vec![bytes[..at].into(), bytes[at..].into()],
            GoesOn,
        );
    }
}
