//! RFC 6455 from a client that keeps to it, and from some that do not.

use super::*;
use proptest::prelude::*;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut out = vec![first];
    match payload.len() {
        0..=125 => out.push(0x80 | payload.len() as u8),
        126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
    out
}

/// Feeds `bytes` in pieces of `step` and returns what came out, as text.
fn decode(bytes: &[u8], step: usize) -> Result<Vec<String>, u16> {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(step) {
        let result = decoder.feed(&mut piece.to_vec(), |event| events.push(format!("{event:?}")));
        if let Err(Violation(code)) = result {
            return Err(code.0);
        }
    }
    assert!(decoder.partial.is_none(), "nothing is kept once all is whole");
    Ok(events)
}

#[test]
fn whole_messages_come_out_whatever_the_pieces() {
    let mut bytes = frame(0x81, b"hello");
    bytes.extend(frame(0x89, b"p"));
    bytes.extend(frame(0x01, "h\u{e9}".as_bytes()));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x80, &[b'x'; 300]));
    bytes.extend(frame(0x82, b"b"));
    bytes.extend(frame(0x88, &1000u16.to_be_bytes()));
    let text = format!("Text({:?})", format!("h\u{e9}{}", "x".repeat(300)));
    let expected = ["Text(\"hello\")", "Ping([112])", "Pong", &text, "Binary", "Close(1000)"];
    for step in [1, 2, 3, 7, 1000] {
        assert_eq!(decode(&bytes, step).unwrap(), expected, "pieces of {step}");
    }
}

#[test]
fn violations_have_their_code() {
    let unmasked = vec![0x81, 1, b'x'];
    let long = frame(0x81, &[b'x'; CLIENT_WORD_BYTES_MAX + 1]);
    let mut non_minimal = vec![0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0];
    non_minimal.extend(b"hello");
    let two = |first: Vec<u8>, second: Vec<u8>| [first, second].concat();
    let flood: Vec<u8> =
        std::iter::once(frame(0x01, b"x")).chain((0..8).map(|_| frame(0, b"x"))).flatten().collect();
    for (bytes, code, what) in [
        (unmasked, 1002, "unmasked"),
        (frame(0xc1, b"x"), 1002, "RSV1"),
        (frame(0x83, b"x"), 1002, "reserved opcode"),
        (frame(0x8b, b"x"), 1002, "reserved control opcode"),
        (frame(0x80, b"x"), 1002, "continuation of nothing"),
        (two(frame(0x01, b"x"), frame(0x81, b"x")), 1002, "message inside a message"),
        (frame(0x09, b"x"), 1002, "fragmented ping"),
        (frame(0x89, &[0; 126]), 1002, "long ping"),
        (frame(0x88, b"x"), 1002, "close of one byte"),
        (frame(0x88, &1005u16.to_be_bytes()), 1002, "close code that may not travel"),
        (frame(0x88, &[3, 232, 0xff]), 1007, "close reason that is not UTF-8"),
        (frame(0x81, b"\xff"), 1007, "text that is not UTF-8"),
        (frame(0x01, b"\xff"), 1007, "fragment that can never be UTF-8"),
        (frame(0x81, b"\xc3"), 1007, "text cut inside a character"),
        (long, 1009, "too long"),
        (flood, 1009, "too many fragments"),
        (non_minimal, 1002, "length not in its shortest form"),
        (vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002, "length with the highest bit"),
    ] {
        for step in [1, 1000] {
            assert_eq!(decode(&bytes, step), Err(code), "{what}");
        }
    }
}

/// What can never become right is refused at the byte that breaks it, with nothing behind it.
#[test]
fn a_violation_is_found_at_its_first_byte() {
    // A frame of 100 bytes of which only the beginning is here.
    let begin = |first: u8, payload: &[u8]| {
        frame(first, &[payload, &[b'x'; 100][payload.len()..]].concat())[..6 + payload.len()].to_vec()
    };
    let text = |payload: &[u8]| begin(0x81, payload);
    let begun = |rest: Vec<u8>| [frame(0x01, b"{"), rest].concat();
    for (bytes, code, what) in [
        (vec![0x83], 1002, "a reserved opcode"),
        (vec![0xc1], 1002, "a reserved bit"),
        (vec![0x00], 1002, "a continuation of nothing"),
        (vec![0x09], 1002, "a ping in pieces"),
        (begun(vec![0x01]), 1002, "a message inside a message"),
        (vec![0x81, 0x05], 1002, "a frame without a mask"),
        (vec![0x89, 0xfe], 1002, "a long ping"),
        (vec![0x81, 0xfe, 0, 125], 1002, "a length not in its shortest form"),
        (vec![0x81, 0xfe, 0x12, 0x01], 1009, "a length that is too much"),
        (text(b"\xff"), 1007, "a byte that is in no text"),
        (text(b"ab\xc0"), 1007, "an overlong form"),
        (text(b"ab\xe0\x9f"), 1007, "an overlong form of three bytes"),
        (text(b"ab\xed\xa0"), 1007, "a surrogate"),
        (text(b"ab\xf4\x90"), 1007, "beyond the last character"),
        (begun(begin(0x80, b"\x80")), 1007, "the second byte of nothing"),
        (
            [frame(0x01, b"\xe2\x82"), begin(0x80, b"x")].concat(),
            1007,
            "a character that another fragment breaks off",
        ),
    ] {
        for step in [1, 1000] {
            let (mut decoder, mut found) = (Decoder::default(), Ok(()));
            for piece in bytes.chunks(step) {
                assert_eq!(found, Ok(()), "{what}: not before its last byte");
                found = decoder.feed(&mut piece.to_vec(), |event| panic!("{what}: {event:?}"));
            }
            assert_eq!(found, Err(Violation(CloseCode(code))), "{what}, pieces of {step}");
        }
    }
}

#[test]
fn nothing_after_a_close_counts() {
    let bytes = [frame(0x88, b""), frame(0x81, b"late")].concat();
    assert_eq!(decode(&bytes, 1000).unwrap(), ["Close(1005)"]);
}

#[test]
fn the_accept_key_is_that_of_the_rfc() {
    // RFC 6455, 1.3; the hash of the concatenation is given there.
    let sha1 = |input: &[u8]| {
        assert_eq!(input, b"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        [
            0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38, 0x59, 0x45,
            0xb2, 0xbe, 0xc4, 0xea,
        ]
    };
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ==", sha1), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_keep_little(bytes: Vec<u8>, step in 1usize..20) {
        let mut decoder = Decoder::default();
        for piece in bytes.chunks(step) {
            if decoder.feed(&mut piece.to_vec(), |_| ()).is_err() {
                break;
            }
            let kept = decoder.partial.as_ref().map_or(0, |p| p.bytes.len() + p.message.len());
            prop_assert!(kept <= 2 * CLIENT_WORD_BYTES_MAX);
        }
    }
}
