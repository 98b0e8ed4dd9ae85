//! Frames of HTTP/2 byte by byte, for what no good client would send (RFC 9113, RFC 7541).

use crate::support::{server::Server, tls::Authority, wire::Wire};
use std::{io, time::Duration};

pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const ACK: u8 = 1;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(super) const INITIAL_WINDOW: u16 = 4;

/// A connection after both prefaces.
pub(super) struct Raw {
    pub(super) wire: Wire,
}

/// A frame as it came.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) kind: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A field that nobody has to remember.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = vec![text.len().min(127) as u8];
        if let Some(mut rest) = text.len().checked_sub(127) {
            // RFC 7541, 5.1.
            while rest >= 128 {
                bytes.push((rest % 128 + 128) as u8);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    [vec![0], text(name), text(value)].concat()
}

/// A whole request without a body.
pub(super) fn request(stream: u32, method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)];
    let block: Vec<u8> = pseudo.iter().chain(headers).flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
}

impl Raw {
    /// Connects, with these settings.
    pub(super) fn to(server: &Server, authority: &Authority, settings: &[(u16, u32)]) -> Self {
        let tls = authority.client().speaking(&[b"h2"]);
        let mut wire = Wire::connect_with(server.address, Some(&tls)).unwrap();
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &payload));
        bytes.extend(frame(SETTINGS, ACK, 0, b""));
        wire.send(&bytes).unwrap();
        Self { wire }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.send(bytes)
    }

    /// The next frame; `None` at the end, however it came.
    pub(super) fn next(&mut self) -> Option<Came> {
        let head = self.wire.exactly(9).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Came { kind: head[3], stream, payload: self.wire.exactly(length).ok()? })
    }

    /// Reads up to a frame of this kind.
    #[track_caller]
    pub(super) fn until(&mut self, kind: u8) -> Came {
        loop {
            match self.next() {
                Some(came) if came.kind == kind => return came,
                Some(_) => {}
                None => panic!("it ended before a frame of kind {kind}"),
            }
        }
    }

    /// Why the server says farewell, if it does before it ends.
    pub(super) fn ended(&mut self, within: Duration) -> Option<u32> {
        self.wire.patience = within;
        let mut why = None;
        while let Some(came) = self.next() {
            if came.kind == GO_AWAY {
                why = Some(u32::from_be_bytes(came.payload[4..8].try_into().unwrap()));
            }
        }
        why
    }
}
