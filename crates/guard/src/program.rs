//! The whole program: what one `POST` to an open WebSocket takes, from the request's first byte to the answer's last.
//!
//! The program runs twice, with few messages and with many; what the second run took more is what messages take.

use crate::{
    callgrind::{Counted, command, directory, not_started},
    codec,
    figures::Figures,
};
use protocol::message::Data;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

const API_KEY: &str = "a-key-for-counting-0123456789";

/// Few and many.
const MESSAGES: [u32; 2] = [200, 700];

/// The program's allocator, as it is linked into it.
const ALLOCATIONS: [&str; 5] =
    ["_rjem_malloc", "_rjem_mallocx", "_rjem_calloc", "_rjem_realloc", "_rjem_rallocx"];

/// Longer than anything here takes, also under valgrind.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what a message takes.
pub(crate) fn count(figures: &mut Figures) -> Result<(), String> {
    let directory = directory("program")?;
    let mut counted = Vec::new();
    for messages in MESSAGES {
        let out = directory.join(format!("callgrind.out.{messages}"));
        let mut least: Option<Counted> = None;
        // The program also does what is due by the clock. That takes least in the run that took least.
        for _ in 0..2 {
            send(&out, messages).map_err(|error| format!("downlink under valgrind: {error}"))?;
            let run = Counted::read(&out)?;
            if least.as_ref().is_none_or(|least| run.instructions < least.instructions) {
                least = Some(run);
            }
        }
        counted.extend(least);
    }
    let more = f64::from(MESSAGES[1] - MESSAGES[0]);
    let each = |of: &dyn Fn(&Counted) -> f64| (of(&counted[1]) - of(&counted[0])) / more;
    let profile = directory.join(format!("callgrind.out.{}", MESSAGES[1])).display().to_string();
    figures.least_instructions("program.post", each(&|counted| counted.instructions), profile);
    figures.least_allocations("program.post", each(&|counted| counted.calls(&ALLOCATIONS)));
    Ok(())
}

/// Runs the program for so many messages.
fn send(out: &Path, messages: u32) -> Result<(), String> {
    let program = crate::callgrind::built("downlink")?;
    if !program.is_file() {
        return Err(format!("{} is missing: `cargo build --release` makes it", program.display()));
    }
    let mut command = command(out, &[], &program);
    command.args(["serve", "--listen", "127.0.0.1:0"]).envs([
        ("DOWNLINK_DURABILITY", "memory"),
        ("DOWNLINK_API_KEY", API_KEY),
        ("DOWNLINK_TOKEN_KEY", "a-token-key-for-counting-0123456789"),
        ("DOWNLINK_EDGE_THREADS", "1"),
        ("DOWNLINK_DRAIN_SECONDS", "0"),
        ("DOWNLINK_LOG", "error"),
    ]);
    let child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(&error))?;
    let mut running = Running(child);
    let address = running.address()?;
    talk(&address, messages).map_err(|error| error.to_string())?;
    running.stop()
}

/// Opens a socket and sends messages to it, one after the other over one connection.
fn talk(address: &str, messages: u32) -> std::io::Result<()> {
    let connect = || -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    // As applications do: creates and sends on one connection.
    let mut api = connect()?;
    let created = ask(&mut api, "/v1/channels", "application/json", br#"{"client_id":"ada"}"#)?;
    let token = created.split_once(r#""token":""#).and_then(|(_, rest)| rest.split_once('"'));
    let token = token.map(|(token, _)| token).ok_or_else(|| wrong(&created))?;
    let mut socket = connect()?;
    write!(
        socket,
        "GET /v1/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: downlink.v1, downlink.token.{token}\r\n\r\n"
    )?;
    let mut bytes = [0; 4096];
    let read = socket.read(&mut bytes)?;
    if !bytes[..read].windows(6).any(|window| window == b"\"open\"") {
        return Err(wrong(&String::from_utf8_lossy(&bytes[..read])));
    }
    let data = codec::text();
    let Data::Text(_) = &data else { unreachable!("it is a text") };
    for _ in 0..messages {
        ask(&mut api, "/v1/channels/ada/messages", "text/plain; charset=utf-8", data.bytes())?;
        // Whoever publishes sends, so it is there before the answer is.
        if socket.read(&mut bytes)? < data.bytes().len() {
            return Err(std::io::Error::other("a message did not arrive"));
        }
    }
    Ok(())
}

/// One call; the answer with its head.
fn ask(api: &mut TcpStream, path: &str, kind: &str, body: &[u8]) -> std::io::Result<String> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {API_KEY}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    api.write_all(&request)?;
    let mut bytes = [0; 4096];
    let read = api.read(&mut bytes)?;
    let answer = String::from_utf8_lossy(&bytes[..read]).into_owned();
    if answer.starts_with("HTTP/1.1 201 ") && answer.ends_with('}') {
        Ok(answer)
    } else {
        Err(wrong(&answer))
    }
}

fn wrong(answer: &str) -> std::io::Error {
    let first = answer.lines().next().unwrap_or_default();
    std::io::Error::other(format!("the server answered otherwise than expected: {first:?}"))
}

/// The program while it runs; ended when dropped.
struct Running(Child);

impl Running {
    /// Waits until it listens.
    fn address(&mut self) -> Result<String, String> {
        let stdout = self.0.stdout.take().ok_or("standard output is not read")?;
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|error| error.to_string())?;
            if let Some(address) = line.strip_prefix("listening on http://") {
                return Ok(address.to_owned());
            }
        }
        Err("it ended before it listened".into())
    }

    /// Ends it in order, so that callgrind writes what it counted.
    fn stop(mut self) -> Result<(), String> {
        kill_process(Pid::from_child(&self.0), Signal::TERM).map_err(|error| error.to_string())?;
        let status = self.0.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
