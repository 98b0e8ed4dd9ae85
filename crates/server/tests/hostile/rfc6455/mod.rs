//! RFC 6455, case by case: each a table's line, on a connection of its own to one server that all share.
//!
//! The cases re-express the groups that conformance suites for WebSockets know (framing, lengths, control frames,
//! fragmentation, UTF-8, closing, limits, opening), as far as they apply to a server whose clients say small JSON texts.

mod case;
mod closing;
mod control;
mod fragments;
mod framing;
mod handshake;
mod lengths;
mod utf8;
mod words;

use crate::{
    alone::together,
    support::{
        opening::Opening,
        server::memory,
        socket::Socket,
        websocket::{CLOSE, PONG, TEXT, frame, read},
        wire::Wire,
    },
};
use case::{Case, End, Step, Table};
use protocol::socket::Transport;
use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, atomic::AtomicUsize, atomic::Ordering},
    thread,
    time::Duration,
};

/// The server must have ended a connection by then: well before its first ping, which would end a silent one too.
const BOUND: Duration = Duration::from_secs(10);

/// Between two writes, so that they are two reads for the server.
const PAUSE: Duration = Duration::from_millis(2);

/// Connections at once.
const WORKERS: usize = 12;

/// Issue and promise alike: so many at least.
const CASES_MIN: usize = 250;

#[test]
fn every_case() {
    let _together = together();
    let server = memory().start();
    let (address, token) = (server.address, server.api().token("ada"));
    let mut table = Table::default();
    for add in [framing::add, lengths::add, control::add, fragments::add, utf8::add, closing::add, words::add]
    {
        add(&mut table);
    }
    let cases = table.0;
    let failures = Mutex::new(Vec::new());
    for_each(&cases, |case| {
        if let Err(found) = play(address, &token, case) {
            failures.lock().unwrap().push(format!("{}: wanted {:?}, got {found}", case.name, case.end));
        }
    });
    let openings = handshake::cases(&token);
    for_each(&openings, |opening| {
        if let Err(found) = opening.play(address) {
            failures.lock().unwrap().push(format!("{}: wanted {:?}, got {found}", opening.name, opening.end));
        }
    });
    let failures = failures.into_inner().unwrap();
    let count = cases.len() + openings.len();
    println!("RFC 6455: {count} cases, {} of them of the handshake", openings.len());
    assert!(failures.is_empty(), "{} of {count} cases fail:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= CASES_MIN, "only {count} cases");
    let names: std::collections::HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "each case has a name of its own");
}

/// Takes the cases one after the other, on a few threads.
fn for_each<T: Sync>(cases: &[T], play: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    play(case);
                }
            });
        }
    });
}

/// Plays a case; what came instead, if it is not what must come.
fn play(address: SocketAddr, token: &str, case: &Case) -> Result<(), String> {
    let mut socket: Socket = Opening::new(address, Transport::WebSocket, token).open();
    let wire = &mut socket.wire;
    wire.patience = BOUND;
    for (index, step) in case.steps.iter().enumerate() {
        match step {
            Step::Send(bytes) => {
                if index > 0 {
                    thread::sleep(PAUSE);
                }
                // It may have been ended meanwhile; what it was told is looked at below.
                let _ = wire.send(bytes);
            }
            Step::Pong(payload) => match read(wire) {
                Ok((PONG, found)) if found == *payload => {}
                other => return Err(format!("{other:?} for a pong")),
            },
        }
    }
    ended(wire, case.end)
}

/// Looks at how it ends.
fn ended(wire: &mut Wire, end: End) -> Result<(), String> {
    match end {
        End::GoesOn => {
            wire.send(&case::ping(b"still there?")).map_err(|error| error.to_string())?;
            let found = read(wire);
            if !matches!(&found, Ok((PONG, payload)) if payload == b"still there?") {
                return Err(format!("{found:?}"));
            }
            wire.send(&case::close(1000, b"")).map_err(|error| error.to_string())?;
            ended(wire, End::Answered)
        }
        End::Answered => close_frame(wire, 1000),
        End::Closed(code) => {
            match read(wire) {
                Ok((TEXT, text)) if json_code(&text) == Some(code.into()) => {}
                Ok((TEXT, text)) => return Err(String::from_utf8_lossy(&text).into_owned()),
                other => return Err(format!("{other:?}")),
            }
            close_frame(wire, code)
        }
    }
}

fn json_code(text: &[u8]) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(text).ok()?;
    (value["type"] == "close").then(|| value["code"].as_u64())?
}

/// The protocol's close frame, and behind it nothing but the end.
fn close_frame(wire: &mut Wire, code: u16) -> Result<(), String> {
    let (opcode, payload) = read(wire).map_err(|error| format!("no close frame: {error}"))?;
    if opcode != CLOSE || payload.get(..2) != Some(&code.to_be_bytes()) {
        return Err(format!("opcode {opcode} with {payload:?}, no close frame with {code}"));
    }
    if std::str::from_utf8(&payload[2..]).is_err() {
        return Err("a reason that is not UTF-8".into());
    }
    match wire.rest() {
        Ok(rest) if rest.is_empty() => Ok(()),
        Ok(rest) => Err(format!("{} bytes behind the close frame", rest.len())),
        // It was ended while the client was still speaking.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(format!("not ended: {error}")),
    }
}

/// A frame of the client with its payload masked by this key.
fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(first, payload);
    let start = bytes.len() - payload.len();
    bytes[start - 4..start].copy_from_slice(&mask);
    for (byte, (plain, mask)) in bytes[start..].iter_mut().zip(payload.iter().zip(mask.iter().cycle())) {
        *byte = plain ^ mask;
    }
    bytes
}
