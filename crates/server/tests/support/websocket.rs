//! The client's half of RFC 6455, without any of its politeness.

use super::wire::Wire;
use std::io;

/// The nonce of the RFC's own example.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// And what proves that the handshake was understood.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;
pub(crate) const FIN: u8 = 0x80;

/// A masked frame. `first` is FIN, reserved bits and opcode as they are.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A text in one frame.
pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(FIN | TEXT, text.as_bytes())
}

/// Reads one frame of the server: opcode and payload. The server must not mask, fragment or reserve.
pub(crate) fn read(wire: &mut Wire) -> io::Result<(u8, Vec<u8>)> {
    let head = wire.exactly(2)?;
    assert_eq!(head[0] & 0xf0, FIN, "a server's frames are whole");
    let length = match head[1] {
        126 => u16::from_be_bytes(wire.exactly(2)?.try_into().unwrap()).into(),
        127 => u64::from_be_bytes(wire.exactly(8)?.try_into().unwrap()),
        length => {
            assert!(length < 126, "a server does not mask");
            length.into()
        }
    };
    Ok((head[0] & 0x0f, wire.exactly(length as usize)?))
}
