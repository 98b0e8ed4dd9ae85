//! One open socket: a descriptor, a cursor, a few deadlines. About 200 bytes, and no queue.

use crate::{channel::Channel, poll::PollWire, stream::Stream, timeline::What};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use broker::{broker::NodeNumber, key::ChannelKey};
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::{
    close::CloseCode,
    cursor::Offset,
    socket::{Heartbeat, Seconds, Transport},
    websocket::Decoder,
};
use std::{net::IpAddr, sync::Arc};

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    /// Whose frames it gets.
    pub channel: Arc<Channel>,
    /// How they travel.
    pub transport: Transport,
    /// Where it came from, for limits and presence.
    pub address: IpAddr,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
    /// Makes the socket's name one that nobody guesses.
    secret: u64,
    /// Its place in the channel.
    pub(crate) place: u32,
    /// Which edge thread owns its descriptor.
    pub(crate) edge: u16,
    /// The small lock: whoever holds it may send.
    pub(crate) state: Mutex<State>,
}

/// What changes while a socket is open.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) wire: Wire,
    /// Everything up to here was given to the wire.
    pub(crate) cursor: Offset,
    /// A frame that the kernel took only in part. Nothing else may be written before its rest.
    pub(crate) partial: Option<Box<Partial>>,
    /// Whether a task reads pages from the broker for this socket; it alone writes messages until it is done.
    pub(crate) replay: Replay,
    /// Its edge was asked to end it, or is to end it as soon as it has it.
    pub(crate) ending: bool,
    /// Its edge looks every second whether it is slow or gone; see `edge/slow.rs`.
    pub(crate) watched: bool,
    /// The kernel was told to be patient with it.
    pub(crate) patient: bool,
    /// It ends on purpose: the client said so, or nobody may come back. Its presence then ends without a grace.
    pub(crate) farewell: bool,
    /// The code with which it ends; 0 if none was said.
    pub(crate) ended_with: u16,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) decoder: Decoder,
    /// The highest place that the page acknowledged; 0 for none.
    pub(crate) acked: Offset,
    /// When it did.
    pub(crate) acked_at: Seconds,
}

/// Whether pages from the broker are on their way to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// The tail cache does.
    No,
    /// The edge was asked to begin.
    Wanted,
    /// A task is at it.
    Running,
}

/// Where frames go.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Not handed to an edge thread yet; with what it is to be told and ended with as soon as it is.
    Pending(Option<(CloseCode, Option<u32>)>),
    /// A descriptor, which an edge thread owns.
    Descriptor(Stream),
    /// The next poll of a client that polls.
    Poll(Box<PollWire>),
    /// Ended.
    Closed,
}

/// The rest of what the kernel did not take.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) bytes: Bytes,
    pub(crate) written: usize,
}

/// A socket's name taken apart.
pub(crate) struct Name {
    pub(crate) key: ChannelKey,
    pub(crate) secret: u64,
    /// The node that has the socket, where there are several.
    pub(crate) node: Option<NodeNumber>,
}

/// Key, secret and node.
const NAME_BYTES_MAX: usize = 28;

impl Name {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(name).ok()?;
        let (key, rest) = bytes.split_first_chunk()?;
        let (secret, node) = rest.split_first_chunk()?;
        let node = if node.is_empty() { None } else { Some(u32::from_le_bytes(node.try_into().ok()?)) };
        let (key, secret) = (ChannelKey(u128::from_le_bytes(*key)), u64::from_le_bytes(*secret));
        Some(Self { key, secret, node: node.map(NodeNumber) })
    }
}

impl Socket {
    pub(crate) fn new(
        channel: Arc<Channel>,
        place: u32,
        edge: u16,
        secret: u64,
        address: IpAddr,
        opened_ms: u64,
        (transport, state): (Transport, State),
    ) -> Self {
        Self { channel, transport, address, opened_ms, secret, place, edge, state: Mutex::new(state) }
    }

    /// The socket's name: says where it is found, and only its own client knows it.
    pub(crate) fn name(&self, node: Option<NodeNumber>) -> String {
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..16].copy_from_slice(&self.channel.key.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.secret.to_le_bytes());
        let Some(NodeNumber(node)) = node else { return BASE64_URL_SAFE_NO_PAD.encode(&bytes[..24]) };
        bytes[24..].copy_from_slice(&node.to_le_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn has_secret(&self, secret: u64) -> bool {
        self.secret == secret
    }

    pub(crate) fn edge_bit(&self) -> u64 {
        1 << self.edge
    }

    /// Up to where the socket has had everything.
    #[must_use]
    pub fn cursor(&self) -> Offset {
        self.state.lock().cursor
    }

    /// The highest place that the page acknowledged.
    #[must_use]
    pub fn acked(&self) -> Option<Offset> {
        Some(self.state.lock().acked).filter(|offset| offset.0 != 0)
    }

    /// How it ended: whether on purpose, and what is to be noted of it.
    pub(crate) fn ended(&self) -> (bool, What) {
        let state = self.state.lock();
        let ended = What::Ended {
            place: self.place,
            transport: self.transport,
            code: Some(CloseCode(state.ended_with)).filter(|code| code.0 != 0),
            cursor: state.cursor,
            acked: state.acked,
        };
        (state.farewell, ended)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state.lock().wire, Wire::Closed)
    }
}

impl State {
    /// Notes why the socket ends; the first reason counts.
    pub(crate) fn end_with(&mut self, code: CloseCode) {
        if self.ended_with == 0 {
            self.ended_with = code.0;
        }
    }

    pub(crate) fn new(wire: Wire, cursor: Offset, heartbeat: Heartbeat) -> Self {
        Self {
            wire,
            cursor,
            partial: None,
            replay: Replay::No,
            ending: false,
            watched: false,
            patient: false,
            farewell: false,
            ended_with: 0,
            heartbeat,
            decoder: Decoder::default(),
            acked: Offset(0),
            acked_at: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_stays_small() {
        // What an idle socket costs is decided here; see docs/decisions/001-edge.md.
        assert!(size_of::<Socket>() <= 192, "{} bytes", size_of::<Socket>());
    }
}
