//! The JSON of a frame, shared by all transports (design: the table of frames).

use crate::{
    frame::{Frame, Placed},
    message::Data,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::io::Write;

/// Writes into a vector cannot fail.
const INFALLIBLE: &str = "writing to a vector does not fail";

/// `{"id":"k3f.17","data":"hello"}`, or `"base64"` for bytes.
pub fn message(out: &mut Vec<u8>, message: Placed<'_>) {
    out.push(b'{');
    if let Some(cursor) = message.cursor {
        out.extend_from_slice(br#""id":""#);
        cursor.write(out);
        out.extend_from_slice(br#"","#);
    }
    match message.data {
        Data::Text(text) => {
            out.extend_from_slice(br#""data":"#);
            string(out, text.as_str());
        }
        Data::Binary(bytes) => {
            out.extend_from_slice(br#""base64":""#);
            base64(out, bytes);
            out.push(b'"');
        }
    }
    out.push(b'}');
}

/// Every frame but a message.
pub fn frame(out: &mut Vec<u8>, frame: &Frame<'_>) {
    match frame {
        Frame::Open { cursor, socket, ping } => {
            write!(out, r#"{{"type":"open","cursor":"{cursor}","socket":"{socket}","ping":{ping}}}"#)
        }
        Frame::Gap { cursor, reason } => {
            write!(out, r#"{{"type":"gap","cursor":"{cursor}","reason":"{}"}}"#, reason.as_str())
        }
        Frame::Ping { cursor } => write!(out, r#"{{"type":"ping","cursor":"{cursor}"}}"#),
        Frame::Close { code, reason, retry_after_ms } => {
            write!(out, r#"{{"type":"close","code":{},"reason":"#, code.0).expect(INFALLIBLE);
            string(out, reason);
            match retry_after_ms {
                Some(ms) => write!(out, r#","retry_after_ms":{ms}}}"#),
                None => write!(out, "}}"),
            }
        }
    }
    .expect(INFALLIBLE);
}

/// So many bytes are looked at in one go.
const BLOCK: usize = 64;

/// A JSON string with its quotes. Every message is written by it, so it is made to be cheap for plain text, where a
/// block is copied as a whole, and for JSON in a text, whose many quotes cost no branch each.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for block in text.as_bytes().chunks(BLOCK) {
        if !any(block, |byte| (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
            out.extend_from_slice(block);
        } else if any(block, |byte| byte < 0x20) {
            with_control_characters(out, block);
        } else {
            with_backslashes(out, block);
        }
    }
    out.push(b'"');
}

/// Whether any byte is of a kind. Without a branch for each, so that the compiler looks at many at once.
fn any(block: &[u8], kind: impl Fn(u8) -> bool) -> bool {
    block.iter().fold(false, |any, byte| any | kind(*byte))
}

/// Writes a block that has quotes and backslashes, but no control characters.
fn with_backslashes(out: &mut Vec<u8>, block: &[u8]) {
    let mut written = [0; 2 * BLOCK];
    let mut length = 0;
    for byte in block {
        // The byte replaces the backslash where it needs none. The remainders are the numbers themselves, which the compiler
        // cannot know.
        written[length % (2 * BLOCK)] = b'\\';
        length += usize::from((*byte == b'"') | (*byte == b'\\'));
        written[length % (2 * BLOCK)] = *byte;
        length += 1;
    }
    out.extend_from_slice(&written[..length]);
}

/// Writes any block (RFC 8259, 7).
fn with_control_characters(out: &mut Vec<u8>, block: &[u8]) {
    for byte in block {
        let escape = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => {
                write!(out, "\\u{byte:04x}").expect(INFALLIBLE);
                continue;
            }
            _ => {
                out.push(*byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escape]);
    }
}

/// Standard base64 with padding.
pub(crate) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    let length = bytes.len().div_ceil(3) * 4;
    out.resize(start + length, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[start..]).expect("sized for it above");
    debug_assert_eq!(written, length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_string_is_written_as_serde_writes_it(parts in proptest::collection::vec(("\\PC{0,90}", 0u8..128), 0..6)) {
            let text: String = parts.iter().map(|(text, special)| format!("{text}{}", char::from(*special))).collect();
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn every_character_that_json_escapes_is_escaped_as_serde_does() {
        for special in (0..128).map(char::from) {
            let text = format!("{special}{}{special}{special}", "x".repeat(BLOCK - 1));
            let mut out = Vec::new();
            string(&mut out, &text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
