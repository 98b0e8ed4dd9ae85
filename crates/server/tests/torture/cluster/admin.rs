//! A word to the NATS servers, as their administrator says it: in NATS's own protocol, which is lines of text.

use super::nats_server::NatsCluster;
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// No answer takes longer, where there is one.
const PATIENCE: Duration = Duration::from_secs(5);

impl NatsCluster {
    /// Which of the servers leads a stream; `None` while nobody does.
    pub(super) fn leader(&self, stream: &str) -> Option<usize> {
        let info = self.ask(&format!("$JS.API.STREAM.INFO.{stream}"))?;
        info["cluster"]["leader"].as_str()?.strip_prefix('n')?.parse().ok()
    }

    /// Has the leader of a stream step down; false if there is none.
    pub(super) fn step_down(&self, stream: &str) -> bool {
        let answer = self.ask(&format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}"));
        answer.is_some_and(|answer| answer["success"] == true)
    }

    /// Asks whichever server answers.
    fn ask(&self, subject: &str) -> Option<Value> {
        let answers = self.servers.iter().map(|server| request(&server.url(), subject));
        answers.flatten().find(|answer| answer.get("error").is_none())
    }
}

fn request(url: &str, subject: &str) -> io::Result<Value> {
    let stream = TcpStream::connect(url.strip_prefix("nats://").unwrap())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut lines, mut out) = (BufReader::new(stream.try_clone()?), stream);
    let asked = format!("CONNECT {{\"verbose\":false}}\r\nSUB answers 1\r\nPUB {subject} answers 0\r\n\r\n");
    out.write_all(asked.as_bytes())?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line.starts_with("-ERR") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.starts_with("PING") {
            out.write_all(b"PONG\r\n")?;
        } else if line.starts_with("MSG ") {
            let length = line.split_whitespace().last().and_then(|text| text.parse().ok());
            let mut answer = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
            lines.read_exact(&mut answer)?;
            return serde_json::from_slice(&answer).map_err(io::Error::from);
        }
    }
}
