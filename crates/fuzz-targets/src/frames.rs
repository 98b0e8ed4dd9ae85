//! The WebSocket decoder, fed in arbitrary pieces.

use crate::input::Input;
use protocol::{
    close::CloseCode,
    limits::CLIENT_WORD_BYTES_MAX,
    websocket::{Decoder, Event, Violation},
};

/// An event that outlives its bytes.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary,
    Ping(Vec<u8>),
    Pong,
    Close(u16),
    Violation(CloseCode),
}

/// The first 16 bytes choose the pieces, the rest is the stream. However it is cut, the same is seen.
pub fn frames(data: &[u8]) {
    let mut input = Input::new(data);
    let pieces: [u8; 16] = input.array();
    let stream = input.rest();
    let whole = decode(stream, &[]);
    assert_eq!(decode(stream, &pieces), whole, "in pieces of {pieces:?}");
    assert_eq!(decode(stream, &[1]), whole, "byte by byte");
}

/// What is seen up to the end: a close frame, a violation, or no more bytes.
fn decode(stream: &[u8], pieces: &[u8]) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    let mut rest = stream;
    let mut pieces = pieces.iter().map(|size| usize::from(*size).max(1)).cycle();
    while !rest.is_empty() {
        let size = pieces.next().unwrap_or(rest.len()).min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        let result = decoder.feed(&mut piece.to_vec(), |event| seen.push(keep(&event)));
        if let Err(Violation(code)) = result {
            seen.push(Seen::Violation(code));
        }
        if matches!(seen.last(), Some(Seen::Close(_) | Seen::Violation(_))) {
            break;
        }
    }
    seen
}

fn keep(event: &Event<'_>) -> Seen {
    match event {
        Event::Text(text) => {
            assert!(text.len() <= CLIENT_WORD_BYTES_MAX, "a word has a bound");
            Seen::Text((*text).to_owned())
        }
        Event::Binary => Seen::Binary,
        Event::Ping(payload) => {
            assert!(payload.len() <= 125, "RFC 6455, 5.5");
            Seen::Ping(payload.to_vec())
        }
        Event::Pong => Seen::Pong,
        Event::Close(code) => Seen::Close(*code),
    }
}
