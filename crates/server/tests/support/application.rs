//! An application that is told who comes and goes, and answers as a test wants it to.

use super::{PATIENCE, until};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// The secret of the notices of these tests.
pub(crate) const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiBub3RpY2VzIG9mIHRlc3Rz";

/// A notice as it came.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// When it came.
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) connected: bool,
    pub(crate) generation: u64,
    /// What it was answered: 0 for nothing at all.
    pub(crate) status: u16,
}

/// What a notice is answered with, and after how long.
pub(crate) type Answer = (Duration, &'static str);

type Decide = Box<dyn FnMut(&Notice) -> Answer + Send>;

/// An application on a port of its own.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    notices: Arc<Mutex<Vec<Notice>>>,
    decide: Arc<Mutex<Decide>>,
}

pub(crate) const TAKEN: Answer = (Duration::ZERO, "204 No Content");

impl Application {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let listener = until("the port is free", || TcpListener::bind(address).ok());
        let address = listener.local_addr().unwrap();
        let notices: Arc<Mutex<Vec<Notice>>> = Arc::default();
        let decide: Arc<Mutex<Decide>> = Arc::new(Mutex::new(Box::new(|_| TAKEN)));
        let (kept, decider) = (Arc::clone(&notices), Arc::clone(&decide));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, decider) = (Arc::clone(&kept), Arc::clone(&decider));
                thread::spawn(move || serve(stream, &kept, &decider));
            }
        });
        Self { address, notices, decide }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on notices are answered so.
    pub(crate) fn answers(&self, decide: impl FnMut(&Notice) -> Answer + Send + 'static) {
        *self.decide.lock().unwrap() = Box::new(decide);
    }

    /// Every try so far.
    pub(crate) fn tries(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    /// The notices of a client id that were taken, in order: `true` for connected.
    pub(crate) fn told(&self, client: &str) -> Vec<bool> {
        let taken = |notice: &&Notice| notice.client == client && (200..300).contains(&notice.status);
        self.notices.lock().unwrap().iter().filter(taken).map(|notice| notice.connected).collect()
    }

    /// Waits until a client id's notices are these.
    #[track_caller]
    pub(crate) fn hears(&self, client: &str, expected: &[bool]) {
        self.hears_within(PATIENCE, client, expected);
    }

    #[track_caller]
    pub(crate) fn hears_within(&self, patience: Duration, client: &str, expected: &[bool]) {
        let deadline = Instant::now() + patience;
        while self.told(client) != expected {
            assert!(Instant::now() < deadline, "{client} is {:?}, not {expected:?}", self.told(client));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// When a client id's last notice came.
    pub(crate) fn last_at(&self, client: &str) -> Instant {
        self.tries().iter().rev().find(|notice| notice.client == client).unwrap().at
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Notice>>, decide: &Mutex<Decide>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut notice = read(&mut reader)?;
        let (delay, status) = (decide.lock().unwrap())(&notice);
        notice.status = status[..3].parse().unwrap_or(0);
        kept.lock().unwrap().push(notice);
        thread::sleep(delay);
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
        let answer = if status.starts_with("204") { "HTTP/1.1 204 No Content\r\n\r\n" } else { &answer };
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

/// Reads a notice, and checks all that no notice may lack.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Notice> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let found = lines.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        found.unwrap_or_else(|| panic!("a notice has {name}"))
    };
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    let key = BASE64_STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{time}.{body}").as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(tag)));
    let path = lines[0].strip_prefix("POST ").unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned();
    let (client, connected, generation) = parse(&header("content-type"), &body);
    let (at, status) = (Instant::now(), 0);
    Some(Notice { at, path, id, client, connected, generation, status })
}

fn parse(kind: &str, body: &str) -> (String, bool, u64) {
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        assert_eq!(kind, "application/json");
        let document: serde_json::Value = serde_json::from_str(body).unwrap();
        let connected = document["type"] == "channel.connected";
        assert!(connected || document["type"] == "channel.disconnected");
        let data = &document["data"];
        return (data["client_id"].as_str().unwrap().into(), connected, data["generation"].as_u64().unwrap());
    };
    let body = body.strip_suffix(&format!("--{boundary}--\r\n")).unwrap();
    let delimiter = format!("--{boundary}\r\n");
    let parts = body.split(delimiter.as_str()).skip(1);
    let values: Vec<(String, String)> = parts
        .map(|part| {
            let (head, value) = part.strip_suffix("\r\n").unwrap().split_once("\r\n\r\n").unwrap();
            let name = head.split('"').nth(1).unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let [(from, client), (state, word), (generation, number)] = &values[..] else { panic!("{values:?}") };
    assert_eq!((&**from, &**state, &**generation), ("from", "state", "generation"));
    assert!(word == "connected" || word == "disconnected");
    (client.clone(), word == "connected", number.parse().unwrap())
}
