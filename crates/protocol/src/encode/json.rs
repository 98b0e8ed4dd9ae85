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

/// A JSON string with its quotes.
pub fn string(out: &mut Vec<u8>, text: &str) {
    if needs_escape(text.as_bytes()) {
        serde_json::to_writer(out, text).expect(INFALLIBLE);
    } else {
        // Nearly all texts: copied as a whole.
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// Whether a quote, a backslash or a control character is among the bytes (RFC 8259, 7). Without a branch for each, so that
/// the compiler looks at many at once.
fn needs_escape(bytes: &[u8]) -> bool {
    let special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    bytes.chunks(64).any(|chunk| chunk.iter().fold(false, |any, byte| any | special(byte)))
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
}
