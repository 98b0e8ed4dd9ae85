//! What clients send on a WebSocket: a decoder of RFC 6455 that keeps nothing while nothing is incomplete.

use crate::{
    close::CloseCode,
    limits::{CLIENT_WORD_BYTES_MAX, FRAGMENTS_MAX},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Something whole that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message; no client has a reason to send one.
    Binary,
    /// A ping, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// A close frame; 1005 stands for one without a code (RFC 6455, 7.1.5). Nothing after it counts.
    Close(u16),
}

/// The client broke the protocol; the socket ends with this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("WebSocket violation {0:?}")]
pub struct Violation(pub CloseCode);

/// Decodes one client's frames. One word while nothing is incomplete.
#[derive(Debug, Default)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
}

#[derive(Debug, Default)]
struct Partial {
    /// Bytes of a frame that is not complete.
    bytes: Vec<u8>,
    /// The data of a message that is not complete.
    message: Vec<u8>,
    /// The opcode of that message; 0 without one.
    opcode: u8,
    fragments: u32,
}

/// A frame's head, taken apart.
struct Head {
    opcode: u8,
    fin: bool,
    mask: [u8; 4],
    /// Where the payload starts and ends in the bytes given.
    payload: std::ops::Range<usize>,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, 4.2.2), given a SHA-1.
#[must_use]
pub fn accept_key(key: &str, sha1: impl FnOnce(&[u8]) -> [u8; 20]) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(sha1(text.as_bytes()))
}

impl Decoder {
    /// Takes bytes as they came and calls `each` for everything that is whole. `input` is unmasked in place.
    ///
    /// # Errors
    /// [`Violation`], after which the socket is to be closed and the decoder dropped.
    pub fn feed(&mut self, input: &mut [u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Violation> {
        let Some(partial) = &mut self.partial else {
            let mut fresh = Partial::default();
            let used = fresh.decode(input, &mut each)?;
            fresh.bytes.extend_from_slice(&input[used..]);
            self.keep(Box::new(fresh));
            return Ok(());
        };
        let mut bytes = std::mem::take(&mut partial.bytes);
        bytes.extend_from_slice(input);
        let used = partial.decode(&mut bytes, &mut each)?;
        bytes.drain(..used);
        partial.bytes = bytes;
        if let Some(partial) = self.partial.take() {
            self.keep(partial);
        }
        Ok(())
    }

    fn keep(&mut self, partial: Box<Partial>) {
        let empty = partial.bytes.is_empty() && partial.opcode == 0;
        self.partial = (!empty).then_some(partial);
    }
}

impl Partial {
    /// Decodes all whole frames in `bytes` and returns how many bytes they took.
    fn decode(&mut self, bytes: &mut [u8], each: &mut impl FnMut(Event<'_>)) -> Result<usize, Violation> {
        let mut used = 0;
        while let Some(head) = head(&bytes[used..])? {
            self.check(&head)?;
            let end = used + head.payload.end;
            if end > bytes.len() {
                break;
            }
            let payload = &mut bytes[used + head.payload.start..end];
            for (index, byte) in payload.iter_mut().enumerate() {
                *byte ^= head.mask[index % 4];
            }
            used = end;
            let payload = &*payload;
            match head.opcode {
                PING => each(Event::Ping(payload)),
                PONG => each(Event::Pong),
                CLOSE => {
                    each(Event::Close(close_code(payload)?));
                    return Ok(bytes.len());
                }
                _ => self.data(&head, payload, each)?,
            }
        }
        Ok(used)
    }

    /// Rules that need only the head, so that a bad frame is refused before its payload is here.
    fn check(&self, head: &Head) -> Result<(), Violation> {
        let length = head.payload.len();
        match head.opcode {
            CONTINUATION if self.opcode == 0 => Err(Violation(CloseCode::PROTOCOL_ERROR)),
            TEXT | BINARY if self.opcode != 0 => Err(Violation(CloseCode::PROTOCOL_ERROR)),
            CONTINUATION | TEXT | BINARY
                if self.message.len() + length > CLIENT_WORD_BYTES_MAX || self.fragments >= FRAGMENTS_MAX =>
            {
                Err(Violation(CloseCode::TOO_BIG))
            }
            CLOSE | PING | PONG if !head.fin || length > 125 => Err(Violation(CloseCode::PROTOCOL_ERROR)),
            CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG => Ok(()),
            _ => Err(Violation(CloseCode::PROTOCOL_ERROR)),
        }
    }

    fn data(
        &mut self,
        head: &Head,
        payload: &[u8],
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Violation> {
        if head.fin && self.opcode == 0 {
            return whole(head.opcode, payload, each);
        }
        if head.opcode != CONTINUATION {
            self.opcode = head.opcode;
        }
        self.fragments += 1;
        self.message.extend_from_slice(payload);
        if self.opcode == TEXT && std::str::from_utf8(&self.message).is_err_and(|e| e.error_len().is_some()) {
            return Err(Violation(CloseCode::NOT_UTF8));
        }
        if head.fin {
            let (opcode, message) = (self.opcode, std::mem::take(&mut self.message));
            (self.opcode, self.fragments) = (0, 0);
            whole(opcode, &message, each)?;
        }
        Ok(())
    }
}

fn whole(opcode: u8, payload: &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), Violation> {
    if opcode == BINARY {
        each(Event::Binary);
        return Ok(());
    }
    each(Event::Text(std::str::from_utf8(payload).map_err(|_| Violation(CloseCode::NOT_UTF8))?));
    Ok(())
}

/// Reads a frame's head; `None` while it is incomplete.
fn head(bytes: &[u8]) -> Result<Option<Head>, Violation> {
    let broken = Err(Violation(CloseCode::PROTOCOL_ERROR));
    let Some(&first) = bytes.first() else { return Ok(None) };
    // RFC 6455, 5.2: reserved bits without an extension.
    if first & 0x70 != 0 {
        return broken;
    }
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    // RFC 6455, 5.1: a server closes on an unmasked frame.
    if second & 0x80 == 0 {
        return broken;
    }
    let (length, at) = match second & 0x7f {
        126 => {
            let Some(field) = bytes.get(2..4) else { return Ok(None) };
            (u64::from(u16::from_be_bytes([field[0], field[1]])), 4)
        }
        127 => {
            let Some(field) = bytes.get(2..10) else { return Ok(None) };
            (u64::from_be_bytes(field.try_into().expect("eight bytes were taken")), 10)
        }
        short => (u64::from(short), 2),
    };
    // RFC 6455, 5.2: the shortest form must be used, and the highest bit of the longest is 0.
    if (at == 4 && length < 126) || (at == 10 && (length <= 0xffff || length >> 63 != 0)) {
        return broken;
    }
    if length > CLIENT_WORD_BYTES_MAX as u64 {
        return Err(Violation(CloseCode::TOO_BIG));
    }
    let Some(mask) = bytes.get(at..at + 4) else { return Ok(None) };
    Ok(Some(Head {
        opcode: first & 0x0f,
        fin: first & 0x80 != 0,
        mask: mask.try_into().expect("four bytes were taken"),
        payload: at + 4..at + 4 + length as usize,
    }))
}

fn close_code(payload: &[u8]) -> Result<u16, Violation> {
    let code = match payload {
        [] => return Ok(1005),
        [_] => return Err(Violation(CloseCode::PROTOCOL_ERROR)),
        [high, low, ..] => u16::from_be_bytes([*high, *low]),
    };
    // RFC 6455, 7.4.1: codes that may travel.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation(CloseCode::PROTOCOL_ERROR));
    }
    std::str::from_utf8(&payload[2..]).map_err(|_| Violation(CloseCode::NOT_UTF8))?;
    Ok(code)
}

#[cfg(test)]
mod tests;
