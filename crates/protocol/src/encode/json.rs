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
        write!(out, r#""id":"{cursor}","#).expect(INFALLIBLE);
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
    serde_json::to_writer(out, text).expect(INFALLIBLE);
}

/// Standard base64 with padding.
pub(crate) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    let length = bytes.len().div_ceil(3) * 4;
    out.resize(start + length, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[start..]).expect("sized for it above");
    debug_assert_eq!(written, length);
}
