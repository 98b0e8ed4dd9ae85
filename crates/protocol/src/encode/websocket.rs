//! Server frames of RFC 6455: unmasked, unfragmented.

use crate::{
    close::CloseCode,
    encode::json,
    frame::{Frame, Placed},
};

/// An empty ping, sent together with the text ping so that the browser answers by itself.
pub const PING: [u8; 2] = [0x89, 0x00];

/// A message as a text frame.
pub fn message(out: &mut Vec<u8>, message: Placed<'_>) {
    text(out, |out| json::message(out, message));
}

/// Any other frame as a text frame. A ping brings the protocol's own ping with it; a close is followed by the close
/// frame with the same code.
pub fn frame(out: &mut Vec<u8>, frame: &Frame<'_>) {
    text(out, |out| json::frame(out, frame));
    match frame {
        Frame::Ping { .. } => out.extend_from_slice(&PING),
        Frame::Close { code, reason, .. } => close(out, *code, reason),
        Frame::Open { .. } | Frame::Gap { .. } => {}
    }
}

/// A close frame.
pub fn close(out: &mut Vec<u8>, code: CloseCode, reason: &str) {
    // RFC 6455, 5.5: at most 125 bytes; our reasons are ASCII sentences, so a cut is a valid text.
    let reason = &reason.as_bytes()[..reason.len().min(123)];
    out.extend_from_slice(&[0x88, 2 + reason.len() as u8]);
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(reason);
}

/// The answer to a client's ping.
pub fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    debug_assert!(payload.len() <= 125, "the decoder refuses longer control frames");
    out.extend_from_slice(&[0x8a, payload.len() as u8]);
    out.extend_from_slice(payload);
}

/// Writes the payload first with room for the longest header, then the header where it belongs: the length is known
/// only afterwards, and a copy of a few bytes is cheaper than a second buffer.
fn text(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    const ROOM: usize = 10;
    let start = out.len();
    out.extend_from_slice(&[0; ROOM]);
    payload(out);
    let length = out.len() - start - ROOM;
    let mut header = [0; ROOM];
    header[0] = 0x81;
    let used = match length {
        0..=125 => {
            header[1] = length as u8;
            2
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    out[start..start + used].copy_from_slice(&header[..used]);
    if used < ROOM {
        out.copy_within(start + ROOM.., start + used);
        out.truncate(start + used + length);
    }
}
