//! RFC 6455, 4.2: the opening handshake as a server reads it.

use super::{BOUND, case, ended};
use crate::support::{
    http::{read_head, read_response},
    websocket::{ACCEPT, KEY, TEXT, read},
    wire::Wire,
};
use std::net::SocketAddr;

/// A request, and what must come of it.
pub(super) struct Opening {
    pub(super) name: String,
    bytes: Vec<u8>,
    pub(super) end: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The socket opens; with the protocol's name in the answer, or without.
    Opens { named: bool },
    /// It opens as far as a browser needs to be told: this close code, and the end.
    Closed(u16),
    /// Refused as a request.
    Status(u16),
}

use Answer::{Closed, Opens, Status};

const NAMED: Answer = Opens { named: true };
const BARE: Answer = Opens { named: false };

impl Opening {
    /// Plays it; what came instead, if it is not what must come.
    pub(super) fn play(&self, address: SocketAddr) -> Result<(), String> {
        let mut wire = Wire::connect(address).map_err(|error| error.to_string())?;
        wire.patience = BOUND;
        wire.send(&self.bytes).map_err(|error| error.to_string())?;
        match self.end {
            Status(status) => {
                let answer = read_response(&mut wire).map_err(|error| error.to_string())?;
                if answer.status == status { Ok(()) } else { Err(format!("status {}", answer.status)) }
            }
            Opens { named } => {
                self.switched(&mut wire, Some(named))?;
                let first = read(&mut wire).map_err(|error| error.to_string())?;
                if first.0 != TEXT || !first.1.starts_with(br#"{"type":"open""#) {
                    return Err(format!("{first:?} for the open frame"));
                }
                ended(&mut wire, case::End::GoesOn)
            }
            Closed(code) => {
                self.switched(&mut wire, None)?;
                ended(&mut wire, case::End::Closed(code))
            }
        }
    }

    fn switched(&self, wire: &mut Wire, named: Option<bool>) -> Result<(), String> {
        let head = read_head(wire).map_err(|error| error.to_string())?;
        let is = |name: &str, value: &str| {
            head.header(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let protocol = head.header("sec-websocket-protocol");
        let good = head.status == 101
            && is("upgrade", "websocket")
            && is("connection", "upgrade")
            && head.header("sec-websocket-accept") == Some(ACCEPT)
            && head.header("sec-websocket-extensions").is_none()
            && protocol.is_none_or(|name| name == "downlink.v1")
            && named.is_none_or(|named| protocol.is_some() == named);
        if good { Ok(()) } else { Err(format!("{} {:?}", head.status, head.headers)) }
    }
}

/// The parts of a request, each of which a case may change.
#[derive(Clone)]
struct Request {
    line: String,
    headers: Vec<(&'static str, String)>,
    body: &'static [u8],
}

impl Request {
    /// A good one, with its token in the query.
    fn good(token: &str) -> Self {
        let headers = [
            ("Host", "test"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        Self {
            line: format!("GET /v1/socket?token={token} HTTP/1.1"),
            headers: headers.map(|(name, value)| (name, value.to_owned())).into(),
            body: b"",
        }
    }

    fn line(mut self, line: &str) -> Self {
        self.line = line.to_owned();
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| *found != name);
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn set(self, name: &'static str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    fn bytes(&self) -> Vec<u8> {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        [format!("{}\r\n{headers}\r\n", self.line).as_bytes(), self.body].concat()
    }
}

/// Openings as they are collected.
struct Openings {
    good: Request,
    token: String,
    all: Vec<Opening>,
}

impl Openings {
    fn add(&mut self, name: impl Into<String>, request: &Request, end: Answer) {
        self.all.push(Opening { name: name.into(), bytes: request.bytes(), end });
    }

    fn good(&self) -> Request {
        self.good.clone()
    }
}

pub(super) fn cases(token: &str) -> Vec<Opening> {
    let mut openings = Openings { good: Request::good(token), token: token.to_owned(), all: Vec::new() };
    requests(&mut openings);
    headers(&mut openings);
    keys(&mut openings);
    protocols(&mut openings);
    openings.all
}

fn requests(to: &mut Openings) {
    let (good, token) = (to.good(), to.token.clone());
    let line = |line: &str| good.clone().line(&line.replace("TOKEN", &token));
    to.add("as it should be", &good, BARE);
    to.add("on the second path", &line("GET /_ah/channel/socket?token=TOKEN HTTP/1.1"), BARE);
    to.add("with an absolute target", &line("GET http://test/v1/socket?token=TOKEN HTTP/1.1"), BARE);
    to.add("HTTP/1.0", &line("GET /v1/socket?token=TOKEN HTTP/1.0"), Status(426));
    for method in ["POST", "PUT", "HEAD", "DELETE", "PATCH", "TRACE"] {
        let end = if method == "HEAD" { continue } else { Status(405) };
        let request = line(&format!("{method} /v1/socket?token=TOKEN HTTP/1.1")).with("Content-Length", "0");
        to.add(format!("by {method}"), &request, end);
    }
    to.add("on a path that is none", &line("GET /v1/sockets?token=TOKEN HTTP/1.1"), Status(404));
    to.add("without a token", &line("GET /v1/socket HTTP/1.1"), Closed(4401));
    to.add("with an empty token", &line("GET /v1/socket?token= HTTP/1.1"), Closed(4401));
    to.add("with no token that is one", &line("GET /v1/socket?token=nonsense HTTP/1.1"), Closed(4401));
    to.add("with a cursor that is none", &line("GET /v1/socket?token=TOKEN&after=x HTTP/1.1"), Closed(4400));
    let mut request = good.clone().with("Content-Length", "5");
    request.body = b"hello";
    to.add("with a body", &request, Status(400));
    let mut request = good.clone().with("Transfer-Encoding", "chunked");
    request.body = b"0\r\n\r\n";
    to.add("with a chunked body", &request, Status(400));
    to.add("without Host", &good.clone().without("Host"), Status(400));
    to.add("with two hosts", &good.clone().with("Host", "other"), Status(400));
}

fn headers(to: &mut Openings) {
    let good = to.good();
    for (value, end) in [("WebSocket", BARE), ("WEBSOCKET", BARE), ("h2c, websocket", BARE)] {
        to.add(format!("Upgrade: {value}"), &good.clone().set("Upgrade", value), end);
    }
    for (value, end) in [
        ("upgrade", BARE),
        ("UPGRADE", BARE),
        ("keep-alive, Upgrade", BARE),
        ("Upgrade,keep-alive", BARE),
        ("keep-alive", Status(426)),
        ("close", Status(426)),
        ("upgraded", Status(426)),
        ("", Status(426)),
    ] {
        to.add(format!("Connection: {value}"), &good.clone().set("Connection", value), end);
    }
    let twice = good.clone().set("Connection", "keep-alive").with("Connection", "Upgrade");
    to.add("Connection in two lines", &twice, BARE);
    to.add("without Connection", &good.clone().without("Connection"), Status(426));
    for (value, end) in [(" 13 ", BARE), ("13", BARE)] {
        to.add(format!("version {value:?}"), &good.clone().set("Sec-WebSocket-Version", value), end);
    }
    for value in
        ["", "0", "7", "8", "12", "14", "013", "+13", "13.0", "0x0d", "x", "255", "13, 8", "99999999999"]
    {
        let request = good.clone().set("Sec-WebSocket-Version", value);
        to.add(format!("version {value:?}"), &request, Status(426));
    }
    to.add("without a version", &good.clone().without("Sec-WebSocket-Version"), Status(426));
    to.add("two versions", &good.clone().with("Sec-WebSocket-Version", "8"), Status(426));
    for value in ["permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame", "foo, bar; baz=2"] {
        let request = good.clone().with("Sec-WebSocket-Extensions", value);
        to.add(format!("extensions that are declined: {value}"), &request, BARE);
    }
    for value in ["https://example.com", "null", "file://", "nonsense"] {
        to.add(format!("from {value}"), &good.clone().with("Origin", value), BARE);
    }
    to.add("with a cookie, which is nothing here", &good.clone().with("Cookie", "a=b"), BARE);
}

fn keys(to: &mut Openings) {
    let good = to.good();
    let key = |value: &str| good.clone().set("Sec-WebSocket-Key", value);
    to.add("a key with spaces around it", &key(&format!("  {KEY}  ")), BARE);
    to.add("without a key", &good.clone().without("Sec-WebSocket-Key"), Status(426));
    for (name, value) in [
        ("an empty key", ""),
        ("a key of 1 byte", "AA=="),
        ("a key of 15 bytes", "dGhlIHNhbXBsZSBub25j"),
        ("a key of 17 bytes", "dGhlIHNhbXBsZSBub25jZSE="),
        ("a key of 24 bytes", "dGhlIHNhbXBsZSBub25jZSBvZiAyNCEh"),
        ("a key without its padding", "dGhlIHNhbXBsZSBub25jZQ"),
        ("a key in another alphabet", "____________________-w=="),
        ("a key that is not base64", "dGhlIHNhbXBsZSBub25j!!=="),
        ("a key with a space in it", "dGhlIHNhbXBs ZSBub25jZQ=="),
        ("two keys in a line", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        to.add(name, &key(value), Status(426));
    }
    to.add("two keys", &good.clone().with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="), Status(426));
    to.add("the same key twice", &good.clone().with("Sec-WebSocket-Key", KEY), Status(426));
}

fn protocols(to: &mut Openings) {
    const NAME: &str = "Sec-WebSocket-Protocol";
    let (good, token) = (to.good(), to.token.clone());
    let bare = good.clone().line("GET /v1/socket HTTP/1.1");
    for (value, end) in [
        ("downlink.v1, downlink.token.TOKEN", NAMED),
        ("downlink.token.TOKEN, downlink.v1", NAMED),
        ("downlink.v1,downlink.token.TOKEN", NAMED),
        ("other, downlink.v1 , downlink.token.TOKEN", NAMED),
        ("downlink.v1", Closed(4401)),
        ("downlink.v1, downlink.token.", Closed(4401)),
        ("downlink.v1, downlink.token.nonsense", Closed(4401)),
        ("downlink.v1, downlink.token", Closed(4401)),
        ("downlink.token.TOKEN", Closed(4400)),
        ("Downlink.V1, downlink.token.TOKEN", Closed(4400)),
        ("downlink.v2, downlink.token.TOKEN", Closed(4400)),
        ("chat", Closed(4400)),
        ("", Closed(4400)),
    ] {
        let request = bare.clone().with(NAME, &value.replace("TOKEN", &token));
        to.add(format!("protocols {value:?}"), &request, end);
    }
    let two_lines = bare.clone().with(NAME, "downlink.v1").with(NAME, &format!("downlink.token.{token}"));
    to.add("protocols in two lines", &two_lines, NAMED);
    to.add("downlink.v1 and a token in the query", &good.clone().with(NAME, "downlink.v1"), NAMED);
    to.add("another protocol and a token in the query", &good.clone().with(NAME, "chat"), Closed(4400));
    to.add("a token in Authorization", &bare.clone().with("Authorization", &format!("Bearer {token}")), BARE);
}
