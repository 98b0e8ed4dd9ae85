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
    /// Bytes of a head or of a control frame that is not complete. Payload of data never waits here.
    bytes: Vec<u8>,
    /// The data frame whose payload is on its way.
    frame: Option<DataFrame>,
    /// The data of a message that is not complete, unmasked.
    message: Vec<u8>,
    /// So much of a text is known to be UTF-8, so that every byte is looked at once.
    checked: usize,
    /// The opcode of that message; 0 without one.
    opcode: u8,
    fragments: u32,
}

/// What is still to come of a data frame.
#[derive(Debug)]
struct DataFrame {
    fin: bool,
    mask: [u8; 4],
    left: usize,
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
    /// A violation is found at its first byte: a client need not have finished what can never become right.
    ///
    /// # Errors
    /// [`Violation`], after which the socket is to be closed and the decoder dropped.
    pub fn feed(&mut self, input: &mut [u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Violation> {
        let mut partial = self.partial.take().map_or_else(Partial::default, |partial| *partial);
        let mut bytes = std::mem::take(&mut partial.bytes);
        if bytes.is_empty() {
            let used = partial.decode(input, &mut each)?;
            bytes.extend_from_slice(&input[used..]);
        } else {
            bytes.extend_from_slice(input);
            let used = partial.decode(&mut bytes, &mut each)?;
            bytes.drain(..used);
        }
        partial.bytes = bytes;
        self.partial = (!partial.is_empty()).then(|| Box::new(partial));
        Ok(())
    }
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.frame.is_none() && self.opcode == 0
    }

    /// Decodes what can be decoded of `bytes` and returns how many of them that were.
    fn decode(&mut self, bytes: &mut [u8], each: &mut impl FnMut(Event<'_>)) -> Result<usize, Violation> {
        let mut used = 0;
        loop {
            if let Some(frame) = self.frame.take() {
                let taken = frame.left.min(bytes.len() - used);
                self.payload(frame, &mut bytes[used..used + taken], each)?;
                used += taken;
                if self.frame.is_some() {
                    return Ok(used);
                }
            }
            let Some(head) = self.head(&bytes[used..])? else { return Ok(used) };
            let (start, end) = (used + head.payload.start, used + head.payload.end);
            let is_whole = end <= bytes.len();
            match head.opcode {
                CLOSE | PING | PONG if !is_whole => return Ok(used),
                CLOSE | PING | PONG => {
                    let payload = unmask(&mut bytes[start..end], head.mask);
                    match head.opcode {
                        PING => each(Event::Ping(payload)),
                        PONG => each(Event::Pong),
                        _ => {
                            each(Event::Close(close_code(payload)?));
                            return Ok(bytes.len());
                        }
                    }
                    used = end;
                }
                // Nearly always: a message in one frame, here as a whole. Nothing is copied.
                opcode if head.fin && is_whole && self.opcode == 0 => {
                    whole(opcode, unmask(&mut bytes[start..end], head.mask), each)?;
                    used = end;
                }
                opcode => {
                    if opcode != CONTINUATION {
                        self.opcode = opcode;
                    }
                    self.fragments += 1;
                    self.frame = Some(DataFrame { fin: head.fin, mask: head.mask, left: end - start });
                    used = start;
                }
            }
        }
    }

    /// Takes the next bytes of a data frame, and keeps the frame while more is to come.
    fn payload(
        &mut self,
        mut frame: DataFrame,
        masked: &mut [u8],
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Violation> {
        self.message.extend_from_slice(unmask(masked, frame.mask));
        if self.opcode == TEXT {
            self.checked += well_formed(&self.message[self.checked..])?;
        }
        frame.left -= masked.len();
        if frame.left > 0 {
            frame.mask.rotate_left(masked.len() % 4);
            self.frame = Some(frame);
        } else if frame.fin {
            let (opcode, message) = (self.opcode, std::mem::take(&mut self.message));
            (self.opcode, self.fragments, self.checked) = (0, 0, 0);
            whole(opcode, &message, each)?;
        }
        Ok(())
    }

    /// Reads a frame's head; `None` while it is incomplete. Each rule is applied as soon as the byte that it is about is
    /// here.
    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, Violation> {
        let broken = Err(Violation(CloseCode::PROTOCOL_ERROR));
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (opcode, fin) = (first & 0x0f, first & 0x80 != 0);
        let in_place = match opcode {
            CONTINUATION => self.opcode != 0,
            TEXT | BINARY => self.opcode == 0,
            // RFC 6455, 5.5: a control frame comes in one piece.
            CLOSE | PING | PONG => fin,
            _ => false,
        };
        // RFC 6455, 5.2: reserved bits without an extension.
        if first & 0x70 != 0 || !in_place {
            return broken;
        }
        let is_control = opcode >= CLOSE;
        if !is_control && self.fragments >= FRAGMENTS_MAX {
            return Err(Violation(CloseCode::TOO_BIG));
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        // RFC 6455, 5.1: a server closes on an unmasked frame; 5.5: a control frame has at most 125 bytes.
        if second & 0x80 == 0 || (is_control && second & 0x7f > 125) {
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
        if !is_control && length > (CLIENT_WORD_BYTES_MAX - self.message.len()) as u64 {
            return Err(Violation(CloseCode::TOO_BIG));
        }
        let Some(mask) = bytes.get(at..at + 4) else { return Ok(None) };
        let mask = mask.try_into().expect("four bytes were taken");
        Ok(Some(Head { opcode, fin, mask, payload: at + 4..at + 4 + length as usize }))
    }
}

fn unmask(bytes: &mut [u8], mask: [u8; 4]) -> &[u8] {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte ^= mask[index % 4];
    }
    bytes
}

/// How many bytes of a text that goes on are whole characters. What is behind them is the beginning of one.
fn well_formed(bytes: &[u8]) -> Result<usize, Violation> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(Violation(CloseCode::NOT_UTF8)),
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
