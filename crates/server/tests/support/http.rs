//! HTTP/1.1 as text, over a connection that is kept alive, and the calls of the API as one-liners.

use super::{tls::Tls, wire::Wire};
use serde_json::{Value, json};
use std::{io, net::SocketAddr};

/// A key long enough for every server of these tests.
pub(crate) const API_KEY: &str = "a-key-of-the-api-for-tests-0123456789";

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The stable code of a problem document.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// A request's head and body as bytes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    let known = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    if !known("content-length") && !known("transfer-encoding") && (method != "GET" || !body.is_empty()) {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The head of an answer, without its body.
pub(crate) fn read_head(wire: &mut Wire) -> io::Result<Response> {
    let head = wire.up_to(b"\r\n\r\n")?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData)?;
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let status =
        first.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    Ok(Response { status, headers: rest.split("\r\n").filter_map(header).collect(), body: Vec::new() })
}

/// A whole answer.
pub(crate) fn read_response(wire: &mut Wire) -> io::Result<Response> {
    let mut response = read_head(wire)?;
    response.body = if let Some(length) = response.header("content-length") {
        wire.exactly(length.parse().map_err(|_| io::ErrorKind::InvalidData)?)?
    } else if response.header("transfer-encoding").is_some() {
        read_chunks(wire)?
    } else if matches!(response.status, 204 | 304) {
        Vec::new()
    } else {
        wire.rest()?
    };
    Ok(response)
}

/// One chunk; empty for the last.
pub(crate) fn read_chunk(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let size = wire.up_to(b"\r\n")?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let size = std::str::from_utf8(&size).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
    let chunk = wire.exactly(size.ok_or(io::ErrorKind::InvalidData)?)?;
    wire.exactly(2)?;
    Ok(chunk)
}

fn read_chunks(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let chunk = read_chunk(wire)?;
        if chunk.is_empty() {
            return Ok(body);
        }
        body.extend(chunk);
    }
}

/// A text as part of a path or query.
pub(crate) fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { (byte as char).into() } else { format!("%{byte:02X}") })
        .collect()
}

/// The API over one connection, opened anew when it was closed.
pub(crate) struct Api {
    address: SocketAddr,
    tls: Option<Tls>,
    wire: Option<Wire>,
}

impl Api {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, tls: None, wire: None }
    }

    pub(crate) fn with(mut self, tls: Option<&Tls>) -> Self {
        self.tls = tls.cloned();
        self
    }

    /// Lets go of the connection.
    pub(crate) fn hang_up(&mut self) {
        self.wire = None;
    }

    /// Any request; an error if the server is gone or goes.
    pub(crate) fn try_call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let mut wire = match self.wire.take().filter(|wire| !wire.has_ended()) {
            Some(wire) => wire,
            None => Wire::connect_with(self.address, self.tls.as_ref())?,
        };
        wire.send(&request(method, path, headers, body))?;
        let response = read_response(&mut wire)?;
        if response.header("connection") != Some("close") {
            self.wire = Some(wire);
        }
        Ok(response)
    }

    /// The answer to a `HEAD`, on a connection of its own.
    pub(crate) fn head(&mut self, path: &str, headers: &[(&str, &str)]) -> io::Result<Response> {
        let mut wire = Wire::connect_with(self.address, self.tls.as_ref())?;
        wire.send(&request("HEAD", path, headers, b""))?;
        read_head(&mut wire)
    }

    /// A request with the API key and these headers.
    #[track_caller]
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let key = format!("Bearer {API_KEY}");
        let mut all = vec![("Authorization", key.as_str())];
        all.extend_from_slice(headers);
        self.try_call(method, path, &all, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.call("GET", path, &[], b"")
    }

    #[track_caller]
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Response {
        self.call("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// A token for a client id.
    #[track_caller]
    pub(crate) fn token(&mut self, id: &str) -> String {
        let response = self.post("/v1/channels", &json!({ "client_id": id }));
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["token"].as_str().unwrap().to_owned()
    }

    /// Sends a text; the message's cursor.
    #[track_caller]
    pub(crate) fn send(&mut self, id: &str, text: &str) -> String {
        let path = format!("/v1/channels/{}/messages", escape(id));
        let response = self.call("POST", &path, &[("Content-Type", "text/plain")], text.as_bytes());
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["id"].as_str().unwrap().to_owned()
    }

    /// Texts that are kept of a channel, oldest first, over all pages.
    #[track_caller]
    pub(crate) fn kept(&mut self, id: &str) -> Vec<String> {
        let (mut texts, mut after) = (Vec::new(), None::<String>);
        loop {
            let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
            let page = self.get(&format!("/v1/channels/{}/messages{query}", escape(id))).json();
            let messages = page["messages"].as_array().unwrap();
            texts.extend(messages.iter().map(|message| message["data"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return texts,
            }
        }
    }

    /// The socket count of a channel, as `GET` of it tells.
    #[track_caller]
    pub(crate) fn sockets(&mut self, id: &str) -> usize {
        self.get(&format!("/v1/channels/{}", escape(id))).json()["sockets"].as_array().unwrap().len()
    }
}
