//! What is said: frames in their forms, tokens, items. No hub, no clock.

use crate::measure::Meter;
use protocol::{
    client_word::ClientWord,
    cursor::{Cursor, Epoch, Offset},
    encode::{
        self,
        long_poll::{self, Answer},
    },
    frame::Placed,
    item::{self, Item},
    message::Data,
    token::{Grant, Keyring},
    websocket::{Decoder, Event},
};
use std::hint::black_box;

/// Operations of a piece of work: enough that what is around them does not count.
const OPERATIONS: u64 = 100;

/// A message of 128 bytes, with a few characters that JSON escapes.
pub(crate) fn text() -> Data {
    let text = format!("{:-<124}\"é\"", "a message of 128 bytes, as applications send them; ");
    assert_eq!(text.len(), 128);
    Data::Text(text.into())
}

/// A keyring whose tokens verify at [`NOW`].
pub(crate) fn keyring() -> Keyring {
    Keyring::new(&[("first".into(), vec![7; 32])]).expect("the secret is long enough")
}

/// Seconds since 1970 at which tokens are made and verified.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A token that opens the channel of a client id at the beginning.
pub(crate) fn token(keyring: &Keyring, client_id: &str, start: Option<Cursor>) -> String {
    let client_id = client_id.parse().expect("a client id");
    keyring.sign(&Grant { client_id, issued_at: NOW, expires_at: NOW + 7200, start }, "0123456789abcdef")
}

/// Measures all of it.
pub(crate) fn run(meter: &mut Meter) {
    decode(meter);
    encode(meter);
    tokens(meter);
    items(meter);
}

/// An acknowledgement as a browser sends it.
fn decode(meter: &mut Meter) {
    let word = br#"{"ack":"k3f.123456"}"#;
    let mask = [1, 2, 3, 4];
    let mut frame = vec![0x81, 0x80 | word.len() as u8];
    frame.extend_from_slice(&mask);
    frame.extend(word.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    let (mut decoder, mut scratch) = (Decoder::default(), frame.clone());
    for _ in 0..2 {
        meter.measure("codec.websocket.decode", OPERATIONS, || {
            for _ in 0..OPERATIONS {
                // It is unmasked in place.
                scratch.copy_from_slice(&frame);
                let each = |event: Event<'_>| {
                    if let Event::Text(text) = event {
                        black_box(ClientWord::parse(text)).expect("an acknowledgement");
                    }
                };
                decoder.feed(&mut scratch, each).expect("a good frame");
            }
        });
    }
}

/// What appends a message in the form of a transport.
type Form = fn(&mut Vec<u8>, Placed<'_>);

fn encode(meter: &mut Meter) {
    let data = text();
    let placed = Placed { cursor: Some(Cursor::new(Epoch(123_456), Offset(123_456_789))), data: &data };
    let mut out = Vec::with_capacity(4096);
    let forms: [(&str, Form); 3] = [
        ("codec.websocket.encode", encode::websocket::message),
        ("codec.sse.encode", encode::sse::message),
        ("codec.lines.encode", encode::lines::message),
    ];
    for (name, form) in forms {
        for _ in 0..2 {
            meter.measure(name, OPERATIONS, || {
                for _ in 0..OPERATIONS {
                    out.clear();
                    form(&mut out, black_box(placed));
                }
            });
        }
    }
    for _ in 0..2 {
        meter.measure("codec.long_poll.encode_ten", OPERATIONS, || {
            for _ in 0..OPERATIONS {
                out.clear();
                let (messages, cursor) = (std::iter::repeat_n(placed, 10), Cursor::new(Epoch(1), Offset(1)));
                let answer = Answer {
                    socket: "a-socket-of-32-characters-by-name",
                    gap: None,
                    messages,
                    cursor,
                    close: None,
                };
                long_poll::answer(&mut out, black_box(answer));
            }
        });
    }
}

fn tokens(meter: &mut Meter) {
    let keyring = keyring();
    let token = token(&keyring, "ada", Some(Cursor::new(Epoch(1), Offset(123_456))));
    for _ in 0..2 {
        meter.measure("codec.token.verify", OPERATIONS, || {
            for _ in 0..OPERATIONS {
                black_box(keyring.verify(black_box(&token), NOW + 60)).expect("a good token");
            }
        });
    }
}

fn items(meter: &mut Meter) {
    let Data::Text(text) = text() else { unreachable!("it is a text") };
    let mut item = br#"{"to":"client-000123","data":"#.to_vec();
    encode::json::string(&mut item, text.as_str());
    item.extend_from_slice(br#","ttl":60}"#);
    let item = String::from_utf8(item).expect("JSON is UTF-8");
    for _ in 0..2 {
        meter.measure("codec.item.parse", OPERATIONS, || {
            for _ in 0..OPERATIONS {
                black_box(Item::parse(black_box(&item), 32_768)).expect("a good item");
            }
        });
    }
    let body = format!("[{}]", [item.as_str(); 10].join(","));
    for _ in 0..2 {
        meter.measure("codec.items.split_ten", OPERATIONS, || {
            for _ in 0..OPERATIONS {
                black_box(item::split(black_box(&body))).expect("a good body");
            }
        });
    }
}
