//! `conformance/cases`: what the browser library and the SDKs rely on is what this crate writes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::{
    close::CloseCode,
    cursor::Cursor,
    encode::{json, lines, sse, websocket},
    frame::{Frame, GapReason, Placed},
    message::Data,
};
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).expect("a case file is JSON");
    let cases = file["cases"].as_array().expect("with cases").clone();
    assert!(!cases.is_empty());
    cases
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is a text in {value}"))
}

#[test]
fn close_codes_are_those_of_the_cases_and_no_others() {
    let cases = cases(include_str!("../../../conformance/cases/close-codes.json"));
    let mut seen = Vec::new();
    for case in &cases {
        let number = u16::try_from(case["code"].as_u64().unwrap()).unwrap();
        let code = CloseCode(number);
        assert_eq!(code.reason(), text(case, "reason"), "{number}");
        assert_eq!(code.comes_back(), case["comes_back"].as_bool().unwrap(), "{number}");
        seen.push(code);
    }
    let table: Vec<CloseCode> = CloseCode::TABLE.iter().map(|(code, _)| *code).collect();
    assert_eq!(seen, table);
}

#[test]
fn cursors_are_read_as_the_cases_say() {
    for case in cases(include_str!("../../../conformance/cases/cursors.json")) {
        let written = text(&case, "text");
        let read = written.parse::<Cursor>();
        assert_eq!(read.is_ok(), case["valid"].as_bool().unwrap(), "{written:?}");
        if let Ok(cursor) = read {
            assert_eq!(cursor.to_string(), written, "one text for one cursor");
        }
    }
}

/// A case's frame: a message, or one of the others.
enum Case<'a> {
    Message(Option<Cursor>, Data),
    Other(Frame<'a>),
}

fn read(frame: &Value) -> Case<'_> {
    let cursor = frame["cursor"].as_str().map(|text| text.parse::<Cursor>().unwrap());
    match text(frame, "kind") {
        "message" => {
            let data = match frame["text"].as_str() {
                Some(text) => Data::Text(text.to_owned().into()),
                None => Data::Binary(BASE64_STANDARD.decode(text(frame, "base64")).unwrap().into()),
            };
            Case::Message(cursor, data)
        }
        "open" => {
            let ping = u32::try_from(frame["ping"].as_u64().unwrap()).unwrap();
            Case::Other(Frame::Open { cursor: cursor.unwrap(), socket: text(frame, "socket"), ping })
        }
        "gap" => {
            let reason = match text(frame, "reason") {
                "trimmed" => GapReason::Trimmed,
                "epoch" => GapReason::Epoch,
                other => panic!("{other}"),
            };
            Case::Other(Frame::Gap { cursor: cursor.unwrap(), reason })
        }
        "ping" => Case::Other(Frame::Ping { cursor: cursor.unwrap() }),
        "close" => Case::Other(Frame::Close {
            code: CloseCode(u16::try_from(frame["code"].as_u64().unwrap()).unwrap()),
            reason: text(frame, "reason"),
            retry_after_ms: frame["retry_after_ms"].as_u64().map(|ms| u32::try_from(ms).unwrap()),
        }),
        other => panic!("{other}"),
    }
}

fn written(
    case: &Case<'_>,
    message: fn(&mut Vec<u8>, Placed<'_>),
    frame: fn(&mut Vec<u8>, &Frame<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    match case {
        Case::Message(cursor, data) => message(&mut out, Placed { cursor: *cursor, data }),
        Case::Other(other) => frame(&mut out, other),
    }
    out
}

fn as_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn frames_are_written_as_the_cases_say() {
    for case in cases(include_str!("../../../conformance/cases/frames.json")) {
        let (name, frame) = (text(&case, "name"), read(&case["frame"]));
        let expected = text(&case, "json");
        assert_eq!(as_text(written(&frame, json::message, json::frame)), expected, "{name}");
        assert_eq!(as_text(written(&frame, lines::message, lines::frame)), format!("{expected}\n"), "{name}");
        assert_eq!(as_text(written(&frame, sse::message, sse::frame)), text(&case, "sse"), "{name}");
        // A WebSocket's text frame holds the same; short ones have a head of two bytes.
        let bytes = written(&frame, websocket::message, websocket::frame);
        assert!(expected.len() < 126, "{name}: write a test of its own for long ones");
        assert_eq!(bytes[..2], [0x81, expected.len() as u8], "{name}");
        assert_eq!(&bytes[2..2 + expected.len()], expected.as_bytes(), "{name}");
        let behind = &bytes[2 + expected.len()..];
        match &frame {
            Case::Other(Frame::Ping { .. }) => assert_eq!(behind, websocket::PING, "{name}"),
            Case::Other(Frame::Close { code, reason, .. }) => {
                assert_eq!(behind[..2], [0x88, 2 + reason.len() as u8], "{name}");
                assert_eq!(behind[2..4], code.0.to_be_bytes(), "{name}");
                assert_eq!(&behind[4..], reason.as_bytes(), "{name}");
            }
            _ => assert!(behind.is_empty(), "{name}"),
        }
    }
}
