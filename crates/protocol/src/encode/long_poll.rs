//! The answer of one long-poll: `{"socket","gap"?,"messages","cursor","close"?}`.

use crate::{
    close::CloseCode,
    cursor::Cursor,
    encode::json,
    frame::{Frame, GapReason, Placed},
};
use std::io::Write;

/// What one answer holds.
pub struct Answer<'a, M> {
    /// The socket that ties polls together.
    pub socket: &'a str,
    /// What is missing before the messages.
    pub gap: Option<(Cursor, GapReason)>,
    /// The messages, oldest first.
    pub messages: M,
    /// Where the next poll goes on.
    pub cursor: Cursor,
    /// Why this socket ends, if it does, and when to come back.
    pub close: Option<(CloseCode, &'a str, Option<u32>)>,
}

/// Writes the answer's JSON.
pub fn answer<'m, M: Iterator<Item = Placed<'m>>>(out: &mut Vec<u8>, answer: Answer<'_, M>) {
    write!(out, r#"{{"socket":"{}","#, answer.socket).expect("writing to a vector does not fail");
    if let Some((cursor, reason)) = answer.gap {
        out.extend_from_slice(br#""gap":"#);
        json::frame(out, &Frame::Gap { cursor, reason });
        out.push(b',');
    }
    out.extend_from_slice(br#""messages":["#);
    for (index, message) in answer.messages.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::message(out, message);
    }
    write!(out, r#"],"cursor":"{}""#, answer.cursor).expect("writing to a vector does not fail");
    if let Some((code, reason, retry_after_ms)) = answer.close {
        out.extend_from_slice(br#","close":"#);
        json::frame(out, &Frame::Close { code, reason, retry_after_ms });
    }
    out.push(b'}');
}
