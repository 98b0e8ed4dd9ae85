//! Server-sent events (WHATWG HTML, 9.2), readable by a plain `EventSource`.

use crate::{
    encode::json,
    frame::{Frame, Placed},
    message::Data,
};
use std::io::Write;

/// Milliseconds after which a plain `EventSource` comes back.
pub const RETRY_MS: u32 = 1000;

/// `id:` and the data. A text with CR cannot travel in `data:` lines unchanged, since the format takes CR for a line's
/// end; it goes as base64 under its own name.
pub fn message(out: &mut Vec<u8>, message: Placed<'_>) {
    if let Some(cursor) = message.cursor {
        out.extend_from_slice(b"id: ");
        cursor.write(out);
        out.push(b'\n');
    }
    match message.data {
        Data::Text(text) if !text.as_str().contains('\r') => {
            for line in text.as_str().split('\n') {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
            }
        }
        Data::Text(text) => base64(out, "base64text", text.as_str().as_bytes()),
        Data::Binary(bytes) => base64(out, "binary", bytes),
    }
    out.push(b'\n');
}

fn base64(out: &mut Vec<u8>, event: &str, bytes: &[u8]) {
    write!(out, "event: {event}\ndata: ").expect("writing to a vector does not fail");
    json::base64(out, bytes);
    out.push(b'\n');
}

/// Any other frame. A ping is a lone `id:`: it moves `lastEventId` and calls no handler.
pub fn frame(out: &mut Vec<u8>, frame: &Frame<'_>) {
    match frame {
        Frame::Open { cursor, .. } => write!(out, "event: ready\nid: {cursor}\nretry: {RETRY_MS}\ndata: "),
        Frame::Gap { cursor, .. } => write!(out, "event: gap\nid: {cursor}\ndata: "),
        Frame::Close { .. } => write!(out, "event: closing\ndata: "),
        Frame::Ping { cursor } => {
            write!(out, "id: {cursor}\n\n").expect("writing to a vector does not fail");
            return;
        }
    }
    .expect("writing to a vector does not fail");
    json::frame(out, frame);
    out.extend_from_slice(b"\n\n");
}
