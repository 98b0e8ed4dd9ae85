//! A collector of traces: it takes OTLP over HTTP, as JSON.

use super::until;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A collector on a port of its own.
pub(crate) struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
}

/// A span as it came.
#[derive(Clone, Debug)]
pub(crate) struct Span(pub(crate) Value);

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&bodies);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                // It ends with its connection.
                thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { address, bodies }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came, as it came.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            let body: Value = serde_json::from_str(&body).unwrap();
            let resource = &body["resourceSpans"][0];
            let name = &resource["resource"]["attributes"][0];
            assert_eq!(
                (&name["key"], &name["value"]["stringValue"]),
                (&"service.name".into(), &"tests".into())
            );
            spans.extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().iter().cloned().map(Span));
        }
        spans
    }

    /// The first span of this name, as soon as it is there.
    #[track_caller]
    pub(crate) fn span(&self, name: &str) -> Span {
        until(name, || self.spans().into_iter().find(|span| span.0["name"] == name))
    }
}

impl Span {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    /// An attribute, as a text.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let attributes = self.0["attributes"].as_array()?;
        let value = &attributes.iter().find(|attribute| attribute["key"] == name)?["value"];
        let text = value["stringValue"].as_str().or(value["intValue"].as_str());
        Some(text.unwrap_or_else(|| panic!("{value}")).to_owned())
    }

    /// Nanoseconds since 1970.
    pub(crate) fn time(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap()
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
        let (_, length) = head.split_once("\r\ncontent-length: ").unwrap();
        let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push(String::from_utf8(body).unwrap());
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}
