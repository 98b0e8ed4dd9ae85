//! Which server is measured: Downlink itself, or another one that a file describes.
//!
//! The file is TOML; `bench/compare/peers` has some. Words in braces are filled in for each message:
//! `{channel}`, `{message}`, `{bytes}` (the message's length), `{key}` (another one each time).

use super::engine::{
    peer::{Call, Carrier, Opening, Peer, Publishing, Transport},
    template::Template,
    wire::Endpoint,
};
use http::Uri;
use rustls::{ClientConfig, pki_types::ServerName};
use serde::Deserialize;
use std::{net::ToSocketAddrs, path::Path, sync::Arc};

/// A server as its file describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    publish: DescribedPublish,
    batch: Option<DescribedBatch>,
    socket: DescribedSocket,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedPublish {
    /// `http://…`, or `tcp://…` for lines.
    url: String,
    #[serde(default)]
    headers: Vec<String>,
    body: String,
    /// Lines only: what is said first, and how each answer begins.
    #[serde(default)]
    hello: String,
    #[serde(default)]
    answer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedBatch {
    url: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    before: String,
    item: String,
    #[serde(default)]
    between: String,
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedSocket {
    url: String,
    transport: Transport,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    steps: Vec<DescribedStep>,
    #[serde(default)]
    ready: String,
    #[serde(default)]
    binary: bool,
    /// A frame that begins with the first is answered with the second.
    ping: Option<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedStep {
    #[serde(default)]
    after: String,
    send: String,
}

impl Described {
    /// # Errors
    /// A sentence that says what is wrong with the file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// # Errors
    /// If an address is none, or has no machine.
    pub(super) fn peer(&self, transport: Option<Transport>) -> Result<Peer, String> {
        let socket = &self.socket;
        if transport.is_some_and(|transport| transport != socket.transport) {
            return Err(
                "the file says over which transport that server is measured; leave out --transport".into()
            );
        }
        let target = Target::parse(&socket.url, None)?;
        let steps =
            socket.steps.iter().map(|step| (step.after.clone().into_bytes(), Template::new(&step.send)));
        let opening = Opening {
            request: request(socket.transport, &target, &lines(&socket.headers)),
            endpoint: target.endpoint,
            transport: socket.transport,
            steps: steps.collect(),
            ready: socket.ready.clone().into_bytes(),
            binary: socket.binary,
            ping: socket.ping.clone().map(|(ping, pong)| (ping.into_bytes(), pong.into_bytes())),
        };
        Ok(Peer { opening, publishing: self.publishing()?, tokens: None, resumes: false })
    }

    fn publishing(&self) -> Result<Publishing, String> {
        let publish = &self.publish;
        let target = Target::parse(&publish.url, None)?;
        let speaks_lines = publish.url.starts_with("tcp:");
        let head = |target: &Target, headers: &[String]| match speaks_lines {
            true => Template::default(),
            false => Call::head(&target.path, &target.endpoint.host, &lines(headers)),
        };
        let batch = self.batch.as_ref().map(|batch| {
            let target = Target::parse(&batch.url, None)?;
            Ok::<_, String>(Call {
                head: head(&target, &batch.headers),
                before: Template::new(&batch.before),
                item: Template::new(&batch.item),
                between: batch.between.clone().into_bytes(),
                after: Template::new(&batch.after),
            })
        });
        let carrier = match speaks_lines {
            true => Carrier::Lines {
                hello: publish.hello.clone().into_bytes(),
                answer: publish.answer.clone().into_bytes(),
            },
            false => Carrier::Http,
        };
        let one = Call {
            head: head(&target, &publish.headers),
            item: Template::new(&publish.body),
            ..Call::default()
        };
        Ok(Publishing { endpoint: target.endpoint, carrier, one, batch: batch.transpose()? })
    }
}

/// How Downlink is spoken to.
pub(super) struct Downlink<'a> {
    pub(super) url: &'a str,
    pub(super) api_key: &'a str,
    /// What is trusted, if the address begins with `https:`.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) transport: Transport,
    /// Whether each message has an Idempotency-Key.
    pub(super) idempotent: bool,
    /// Whether a batch is lines, and not an array.
    pub(super) lines: bool,
}

impl Downlink<'_> {
    /// # Errors
    /// If the address is none, or has no machine.
    pub(super) fn peer(&self) -> Result<Peer, String> {
        let target = Target::parse(self.url, self.tls.as_ref())?;
        let path = target.path.trim_end_matches('/').to_owned();
        let host = target.endpoint.host.clone();
        let key = format!("Authorization: Bearer {}\r\n", self.api_key);
        let json = format!("{key}Content-Type: application/json\r\n");
        let call = |target: &str, headers: &str, item: &str| Call {
            head: Call::head(&format!("{path}{target}"), &host, headers),
            item: Template::new(item),
            ..Call::default()
        };
        let (idempotency, item_key) = match self.idempotent {
            true => ("Idempotency-Key: {channel}-{key}\r\n", r#","idempotency_key":"{channel}-{key}""#),
            false => ("", ""),
        };
        let text = format!("{key}{idempotency}Content-Type: text/plain\r\n");
        let item = format!(r#"{{"to":"{{channel}}","data":"{{message}}"{item_key}}}"#);
        let batch = match self.lines {
            true => Call {
                between: b"\n".to_vec(),
                after: Template::new("\n"),
                ..call("/v1/messages", &format!("{key}Content-Type: application/x-ndjson\r\n"), &item)
            },
            false => Call {
                before: Template::new("["),
                between: b",".to_vec(),
                after: Template::new("]"),
                ..call("/v1/messages", &json, &item)
            },
        };
        let publishing = Publishing {
            endpoint: target.endpoint.clone(),
            carrier: Carrier::Http,
            one: call("/v1/channels/{channel}/messages", &text, "{message}"),
            batch: Some(batch),
        };
        let (headers, ready) = match self.transport {
            Transport::Ws => {
                ("Sec-WebSocket-Protocol: downlink.v1, downlink.token.{token}\r\n", r#""type":"open""#)
            }
            Transport::Sse => ("Authorization: Bearer {token}\r\n", "event: ready"),
        };
        let target = Target { path: format!("{path}/v1/socket{{after}}"), ..target };
        let opening = Opening {
            request: request(self.transport, &target, headers),
            endpoint: target.endpoint,
            transport: self.transport,
            steps: Vec::new(),
            ready: ready.into(),
            binary: false,
            ping: None,
        };
        let tokens = call("/v1/channels", &json, r#"{"client_id":"{channel}"}"#);
        Ok(Peer { opening, publishing, tokens: Some(tokens), resumes: true })
    }

    /// A call that sends one message to all of these, as one list of ids.
    pub(super) fn to_all(&self, ids: &[String]) -> Result<Call, String> {
        let target = Target::parse(self.url, None)?;
        let path = format!("{}/v1/messages", target.path.trim_end_matches('/'));
        let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", self.api_key);
        let before = format!(r#"[{{"to":["{}"],"data":""#, ids.join(r#"",""#));
        Ok(Call {
            head: Call::head(&path, &target.endpoint.host, &headers),
            before: Template::new(&before),
            item: Template::new("{message}"),
            after: Template::new(r#""}]"#),
            ..Call::default()
        })
    }
}

/// An address, resolved.
struct Target {
    endpoint: Endpoint,
    /// Path and query.
    path: String,
}

impl Target {
    fn parse(url: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Self, String> {
        let wrong = || format!("{url:?} is no address as http://HOST:PORT/PATH");
        // Braces may not stand in an address, and nothing but its path has them.
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(wrong)?;
        let end = rest.find('/').unwrap_or(rest.len());
        let uri: Uri = format!("http://{}", &rest[..end]).parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let secure = matches!(scheme.to_ascii_lowercase().as_str(), "https" | "wss");
        let has_none = authority.as_str().len() == authority.host().len();
        let port = match authority.port_u16() {
            Some(port) => port,
            None if has_none => {
                if secure {
                    443
                } else {
                    80
                }
            }
            None => return Err(wrong()),
        };
        let addresses = (name, port).to_socket_addrs();
        let mut addresses = addresses.map_err(|error| format!("{name} is not known: {error}"))?;
        let address = addresses.next().ok_or_else(|| format!("{name} has no address"))?;
        let tls = match tls.filter(|_| secure) {
            None if secure => return Err(format!("{name}: only Downlink itself is measured over TLS")),
            None => None,
            Some(config) => {
                let name = ServerName::try_from(name.to_owned()).map_err(|_| wrong())?;
                Some((name, Arc::clone(config)))
            }
        };
        let path = if end == rest.len() { "/".to_owned() } else { rest[end..].to_owned() };
        Ok(Self { endpoint: Endpoint { address, host: authority.to_string(), tls }, path })
    }
}

/// The head of the request that opens a socket.
fn request(transport: Transport, target: &Target, headers: &str) -> Template {
    let kind = match transport {
        Transport::Ws => {
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
        Transport::Sse => "Accept: text/event-stream\r\n",
    };
    let (path, host) = (&target.path, &target.endpoint.host);
    Template::new(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{kind}{headers}\r\n"))
}

fn lines(headers: &[String]) -> String {
    headers.iter().map(|header| format!("{header}\r\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_server_becomes_a_peer() {
        let described: Described = toml::from_str(
            r#"
            publish = { url = "tcp://127.0.0.1:4222", hello = "CONNECT\r\n", body = "PUB {channel} {bytes}\r\n{message}\r\n", answer = "+OK" }
            socket = { url = "ws://127.0.0.1:8103/x?id={channel}", transport = "ws", steps = [{ after = "INFO", send = "SUB {channel} 1\r\n" }], ready = "PONG", binary = true }
            "#,
        )
        .unwrap();
        let peer = described.peer(None).unwrap();
        assert_eq!(peer.opening.endpoint.address, "127.0.0.1:8103".parse().unwrap());
        assert_eq!(peer.publishing.endpoint.address, "127.0.0.1:4222".parse().unwrap());
        assert!(matches!(peer.publishing.carrier, Carrier::Lines { .. }));
        let mut out = Vec::new();
        let words = super::super::engine::template::Words { channel: "c1", ..Default::default() };
        peer.opening.request.write(words, &mut out);
        assert!(out.starts_with(b"GET /x?id=c1 HTTP/1.1\r\nHost: 127.0.0.1:8103\r\n"));
        assert!(described.peer(Some(Transport::Sse)).is_err());
    }

    #[test]
    fn addresses_that_are_none_are_refused_with_a_sentence() {
        for url in ["127.0.0.1:80", "http://", "https://127.0.0.1/", "http://127.0.0.1:99999/"] {
            assert!(Target::parse(url, None).is_err(), "{url}");
        }
    }
}
