//! One socket over any transport, with one face: frames come out, the cursor is kept as a client keeps it.

use super::{
    http::{self, Response, escape, read_head, read_response, request},
    sse,
    websocket::{self, ACCEPT, CLOSE, FIN, KEY, PING, PONG, TEXT},
    wire::Wire,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::socket::Transport;
use serde_json::Value;
use std::{collections::VecDeque, io, net::SocketAddr};

pub(crate) const ALL: [Transport; 4] =
    [Transport::WebSocket, Transport::Sse, Transport::Lines, Transport::LongPoll];

/// Those that hold one connection.
pub(crate) const STREAMS: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Lines];

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    Text(String),
    Binary(Vec<u8>),
}

/// What arrives on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Open,
    Message(Option<String>, Data),
    Gap {
        cursor: String,
        reason: String,
    },
    Ping,
    Close {
        code: u16,
        reason: String,
        retry_after_ms: Option<u64>,
    },
    /// The connection is over, with the close code that only WebSockets have.
    End(Option<u16>),
}

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
    address: SocketAddr,
    transport: Transport,
    token: String,
    place: Place,
    path: String,
    query: Vec<String>,
    headers: Vec<(String, String)>,
    /// Sent in the same packet as the request.
    behind: Vec<u8>,
}

/// An open socket.
pub(crate) struct Socket {
    pub(crate) transport: Transport,
    pub(crate) wire: Wire,
    queue: VecDeque<Frame>,
    /// Up to where everything was received.
    pub(crate) cursor: Option<String>,
    /// From the open frame.
    pub(crate) name: String,
    /// Answer pings; a silent client does not.
    pub(crate) pongs: bool,
    /// How a long-poll asks again.
    opening: Opening,
    /// The head of the answer, for those who look at its headers.
    pub(crate) head: Response,
}

impl Opening {
    pub(crate) fn new(address: SocketAddr, transport: Transport, token: &str) -> Self {
        let place = if transport == Transport::WebSocket { Place::Protocol } else { Place::Header };
        let (path, token) = ("/v1/socket".to_owned(), token.to_owned());
        Self { address, transport, token, place, path, query: vec![], headers: vec![], behind: vec![] }
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
        let mut wire = Wire::connect(self.address)?;
        if self.transport == Transport::LongPoll {
            // A first poll is answered at once, so that all transports have an open frame to wait for.
            let first = self.clone().query("wait", "0");
            wire.send(&first.bytes())?;
            let head = read_response(&mut wire)?;
            if head.status != 200 {
                return Ok(Err(head));
            }
            let mut socket = self.socket(wire, head.clone());
            socket.queue.push_back(Frame::Open);
            socket.polled(&head);
            return Ok(Ok(socket));
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
        Ok(Ok(self.socket(wire, head)))
    }

    fn socket(self, wire: Wire, head: Response) -> Socket {
        Socket {
            transport: self.transport,
            wire,
            queue: VecDeque::new(),
            cursor: None,
            name: String::new(),
            pongs: true,
            opening: self,
            head,
        }
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

impl Socket {
    /// The next frame, whichever it is. An error if none comes in time.
    pub(crate) fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Ok(frame);
            }
            match self.transport {
                Transport::WebSocket => self.read_websocket()?,
                Transport::Sse => self.read_event()?,
                Transport::Lines => match self.wire.up_to(b"\n")? {
                    Some(line) => self.json(&line),
                    None => self.queue.push_back(Frame::End(None)),
                },
                Transport::LongPoll => self.poll("20")?,
            }
        }
    }

    fn read_websocket(&mut self) -> io::Result<()> {
        let (opcode, payload) = match websocket::read(&mut self.wire) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.queue.push_back(Frame::End(None));
                return Ok(());
            }
            other => other?,
        };
        match opcode {
            TEXT => {
                self.json(&payload);
                if self.queue.back() == Some(&Frame::Ping) {
                    // One write holds both: the page hears the text, its browser answers the other.
                    return self.read_websocket();
                }
            }
            PING if self.pongs => self.wire.send(&websocket::frame(FIN | PONG, &payload))?,
            PING | PONG => {}
            CLOSE => {
                let code = payload.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
                // Nothing may come behind it.
                assert!(self.wire.rest().unwrap_or_default().is_empty());
                self.queue.push_back(Frame::End(code));
            }
            other => panic!("opcode {other}"),
        }
        Ok(())
    }

    fn read_event(&mut self) -> io::Result<()> {
        let Some(event) = sse::read(&mut self.wire)? else {
            self.queue.push_back(Frame::End(None));
            return Ok(());
        };
        let id = event.id.clone();
        let frame = match (event.name.as_str(), event.data) {
            ("", None) => Frame::Ping,
            ("", Some(data)) => Frame::Message(event.id, Data::Text(data)),
            ("binary", Some(data)) => {
                Frame::Message(event.id, Data::Binary(BASE64_STANDARD.decode(data).unwrap()))
            }
            ("base64text", Some(data)) => {
                let bytes = BASE64_STANDARD.decode(data).unwrap();
                Frame::Message(event.id, Data::Text(String::from_utf8(bytes).unwrap()))
            }
            ("ready" | "gap" | "closing", Some(data)) => {
                assert_eq!(event.name == "ready", event.retry.is_some());
                return {
                    self.json(data.as_bytes());
                    Ok(())
                };
            }
            other => panic!("{other:?}"),
        };
        self.cursor = id.or(self.cursor.take());
        self.queue.push_back(frame);
        Ok(())
    }

    /// Polls once more, for so many seconds.
    pub(crate) fn poll(&mut self, wait: &str) -> io::Result<()> {
        let mut again = self.opening.clone();
        again.query.retain(|pair| !pair.starts_with("after="));
        again.headers.retain(|(name, _)| name != "Last-Event-ID");
        let cursor = self.cursor.clone().unwrap_or_default();
        let again = again.after(&cursor).query("socket", &self.name).query("wait", wait);
        if self.wire.has_ended() {
            self.wire = Wire::connect(self.opening.address)?;
        }
        self.wire.send(&again.bytes())?;
        let response = http::read_response(&mut self.wire)?;
        if response.status == 200 {
            self.polled(&response);
        } else {
            self.queue.push_back(Frame::End(Some(response.status)));
        }
        Ok(())
    }

    fn polled(&mut self, response: &Response) {
        let answer = response.json();
        self.name = answer["socket"].as_str().unwrap().to_owned();
        if answer.get("gap").is_some() {
            self.json(answer["gap"].to_string().as_bytes());
        }
        for message in answer["messages"].as_array().unwrap() {
            self.json(message.to_string().as_bytes());
        }
        self.cursor = Some(answer["cursor"].as_str().unwrap().to_owned());
        self.queue.push_back(Frame::Ping);
        if answer.get("close").is_some() {
            self.json(answer["close"].to_string().as_bytes());
        }
    }

    /// Takes a frame's JSON.
    fn json(&mut self, text: &[u8]) {
        let value: Value = serde_json::from_slice(text).unwrap();
        let word = |name: &str| value[name].as_str().map(str::to_owned);
        let frame = match value["type"].as_str() {
            Some("open") => {
                assert_eq!(value["ping"], 15);
                self.name = word("socket").unwrap();
                Frame::Open
            }
            Some("gap") => Frame::Gap { cursor: word("cursor").unwrap(), reason: word("reason").unwrap() },
            Some("ping") => Frame::Ping,
            Some("close") => Frame::Close {
                code: value["code"].as_u64().unwrap() as u16,
                reason: word("reason").unwrap(),
                retry_after_ms: value["retry_after_ms"].as_u64(),
            },
            Some(other) => panic!("unknown frame {other}"),
            None => {
                let bytes = word("base64").map(|text| Data::Binary(BASE64_STANDARD.decode(text).unwrap()));
                Frame::Message(word("id"), bytes.unwrap_or_else(|| Data::Text(word("data").unwrap())))
            }
        };
        self.cursor = word("cursor").or_else(|| word("id")).or(self.cursor.take());
        self.queue.push_back(frame);
    }

    /// The next frame that is no ping.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Frame {
        loop {
            match self.next() {
                Ok(Frame::Ping) => {}
                Ok(frame) => return frame,
                Err(error) => panic!("{:?}: {error}", self.transport),
            }
        }
    }

    /// The next frame, which must be a text.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        match self.frame() {
            Frame::Message(_, Data::Text(text)) => text,
            other => panic!("{:?}: wanted a text, got {other:?}", self.transport),
        }
    }

    /// The next texts.
    #[track_caller]
    pub(crate) fn texts(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.text()).collect()
    }

    /// The next frame must be a gap; its reason.
    #[track_caller]
    pub(crate) fn gap(&mut self) -> String {
        match self.frame() {
            Frame::Gap { reason, .. } => reason,
            other => panic!("{:?}: wanted a gap, got {other:?}", self.transport),
        }
    }

    /// The close frame that must come now, and nothing after it but the end with the same code.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> (u16, String) {
        let Frame::Close { code, reason, .. } = self.frame() else {
            panic!("{:?}: no close frame", self.transport)
        };
        let end = match self.transport {
            Transport::WebSocket => Some(code),
            // The next poll would be a new socket.
            Transport::LongPoll => return (code, reason),
            Transport::Sse | Transport::Lines => None,
        };
        assert_eq!(self.next().unwrap(), Frame::End(end), "{:?}", self.transport);
        (code, reason)
    }

    /// A text that has arrived already, and was not taken yet.
    pub(crate) fn left_text(&mut self) -> Option<String> {
        self.queue.retain(|frame| *frame != Frame::Ping);
        let Some(Frame::Message(_, Data::Text(_))) = self.queue.front() else { return None };
        Some(self.text())
    }

    /// Says a text on a WebSocket.
    pub(crate) fn say(&mut self, text: &str) {
        self.wire.send(&websocket::text(text)).unwrap();
    }

    /// The cursor, which must be there.
    #[track_caller]
    pub(crate) fn at(&self) -> String {
        self.cursor.clone().unwrap()
    }
}
