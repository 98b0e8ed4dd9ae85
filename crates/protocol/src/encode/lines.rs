//! Streamed lines (NDJSON): one JSON frame a line.

use crate::{
    encode::json,
    frame::{Frame, Placed},
};

/// A message and its line feed.
pub fn message(out: &mut Vec<u8>, message: Placed<'_>) {
    json::message(out, message);
    out.push(b'\n');
}

/// Any other frame and its line feed.
pub fn frame(out: &mut Vec<u8>, frame: &Frame<'_>) {
    json::frame(out, frame);
    out.push(b'\n');
}
