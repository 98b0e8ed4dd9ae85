//! One socket over any transport, with one face: frames come out, the cursor is kept as a client keeps it.

use super::{
    PATIENCE,
    http::{self, Response},
    opening::Opening,
    sse,
    websocket::{self, CLOSE, FIN, PING, PONG, TEXT},
    wire::Wire,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::socket::Transport;
use serde_json::Value;
use socket2::{SockFilter, SockRef};
use std::{collections::VecDeque, io, time::Instant};

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

impl Socket {
    /// A connection whose head was answered well.
    pub(super) fn new(opening: Opening, wire: Wire, head: Response) -> Self {
        Self {
            transport: opening.transport,
            wire,
            queue: VecDeque::new(),
            cursor: None,
            name: String::new(),
            pongs: true,
            opening,
            head,
        }
    }

    /// A long-poll after its first answer.
    pub(super) fn polling(opening: Opening, wire: Wire, answer: &Response) -> Self {
        let mut socket = Self::new(opening, wire, answer.clone());
        socket.queue.push_back(Frame::Open);
        socket.polled(answer);
        socket
    }

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
        self.ask(wait)?;
        let response = http::read_response(&mut self.wire)?;
        if response.status == 200 {
            self.polled(&response);
        } else {
            self.queue.push_back(Frame::End(Some(response.status)));
        }
        Ok(())
    }

    /// Asks for a poll, and does not wait for the answer.
    pub(crate) fn ask(&mut self, wait: &str) -> io::Result<()> {
        let mut again = self.opening.clone();
        again.query.retain(|pair| !pair.starts_with("after="));
        again.headers.retain(|(name, _)| name != "Last-Event-ID");
        let cursor = self.cursor.clone().unwrap_or_default();
        let again = again.after(&cursor).query("socket", &self.name).query("wait", wait);
        if self.wire.has_ended() {
            self.wire = Wire::connect_with(self.opening.address, self.opening.tls.as_ref())?;
        }
        self.wire.send(&again.bytes())
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
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next() {
                Ok(Frame::Ping) => assert!(Instant::now() < deadline, "{:?}: only pings", self.transport),
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

    /// From now on nothing that arrives for this socket is taken, nor acknowledged: a cable that is out.
    pub(crate) fn cut(&self) {
        // Return 0: the packet is dropped (classic BPF: BPF_RET | BPF_K).
        SockRef::from(&self.wire.stream).attach_filter(&[SockFilter::new(0x06, 0, 0, 0)]).unwrap();
    }

    /// The cursor, which must be there.
    #[track_caller]
    pub(crate) fn at(&self) -> String {
        self.cursor.clone().unwrap()
    }
}
