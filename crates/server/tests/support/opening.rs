//! The request that opens a socket, in any of its forms, good and bad.

use super::{
    http::{Response, escape, read_head, read_response, request},
    socket::{Frame, Socket},
    tls::Tls,
    websocket::{ACCEPT, KEY},
    wire::Wire,
};
use protocol::socket::Transport;
use std::{io, net::SocketAddr};

/// Where the token travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Protocol,
    Header,
    Query,
    Nowhere,
}

/// A socket to be opened.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) transport: Transport,
    token: String,
    place: Place,
    path: String,
    pub(super) query: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
    /// Sent in the same packet as the request.
    behind: Vec<u8>,
}

impl Opening {
    pub(crate) fn new(address: SocketAddr, transport: Transport, token: &str) -> Self {
        let place = if transport == Transport::WebSocket { Place::Protocol } else { Place::Header };
        let (path, token) = ("/v1/socket".to_owned(), token.to_owned());
        let tls = None;
        Self { address, tls, transport, token, place, path, query: vec![], headers: vec![], behind: vec![] }
    }

    pub(crate) fn with(mut self, tls: Option<&Tls>) -> Self {
        self.tls = tls.cloned();
        self
    }

    pub(crate) fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(format!("{name}={}", escape(value)));
        self
    }

    pub(crate) fn after(self, cursor: &str) -> Self {
        self.query("after", cursor)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn behind(mut self, bytes: &[u8]) -> Self {
        self.behind.extend_from_slice(bytes);
        self
    }

    /// The request as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut query = self.query.clone();
        let mut headers = self.headers.clone();
        let mut add = |name: &str, value: &str| headers.push((name.into(), value.into()));
        match self.place {
            Place::Protocol => {
                add("Sec-WebSocket-Protocol", &format!("downlink.v1, downlink.token.{}", self.token));
            }
            Place::Header => add("Authorization", &format!("Bearer {}", self.token)),
            Place::Query => query.push(format!("token={}", self.token)),
            Place::Nowhere => {}
        }
        match self.transport {
            Transport::WebSocket => {
                add("Upgrade", "websocket");
                add("Connection", "Upgrade");
                add("Sec-WebSocket-Version", "13");
                add("Sec-WebSocket-Key", KEY);
            }
            Transport::Sse => add("Accept", "text/event-stream"),
            Transport::Lines => add("Accept", "application/x-ndjson"),
            Transport::LongPoll => add("Accept", "application/json"),
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut bytes = request("GET", &format!("{}{query}", self.path), &headers, b"");
        bytes.extend_from_slice(&self.behind);
        bytes
    }

    /// Opens; the answer instead, if it is a refusal that HTTP can tell.
    pub(crate) fn try_open(self) -> io::Result<Result<Socket, Response>> {
        let mut wire = Wire::connect_with(self.address, self.tls.as_ref())?;
        if self.transport == Transport::LongPoll {
            // A first poll is answered at once, so that all transports have an open frame to wait for.
            let first = self.clone().query("wait", "0");
            wire.send(&first.bytes())?;
            let head = read_response(&mut wire)?;
            if head.status != 200 {
                return Ok(Err(head));
            }
            return Ok(Ok(Socket::polling(self, wire, &head)));
        }
        wire.send(&self.bytes())?;
        let mut head = read_head(&mut wire)?;
        let good = if self.transport == Transport::WebSocket { 101 } else { 200 };
        if head.status != good {
            let length = head.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            head.body = wire.exactly(length)?;
            return Ok(Err(head));
        }
        if self.transport == Transport::WebSocket {
            assert_eq!(head.header("sec-websocket-accept"), Some(ACCEPT));
        }
        Ok(Ok(Socket::new(self, wire, head)))
    }

    /// Opens, and takes the open frame.
    #[track_caller]
    pub(crate) fn open(self) -> Socket {
        let transport = self.transport;
        let mut socket = match self.try_open() {
            Ok(Ok(socket)) => socket,
            Ok(Err(refusal)) => panic!("{transport:?} refused: {} {}", refusal.status, refusal.text()),
            Err(error) => panic!("{transport:?}: {error}"),
        };
        assert_eq!(socket.next().unwrap(), Frame::Open, "{transport:?}: the open frame comes first");
        socket
    }

    /// Expects a refusal: the status, or the close code that stands in frame and close frame of a WebSocket; and its
    /// sentence or code.
    #[track_caller]
    pub(crate) fn refused(self) -> (u16, String) {
        let transport = self.transport;
        match self.try_open().unwrap() {
            Err(response) => (response.status, response.code()),
            Ok(mut socket) => match socket.next().unwrap() {
                Frame::Close { code, reason, .. } => {
                    assert_eq!(
                        socket.next().unwrap(),
                        Frame::End(Some(code)),
                        "{transport:?}: one code, twice"
                    );
                    (code, reason)
                }
                other => panic!("{transport:?}: not refused but {other:?}"),
            },
        }
    }
}
