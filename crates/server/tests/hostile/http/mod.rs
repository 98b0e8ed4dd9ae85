//! Requests that want to be two, or none, or endless.

mod application;
mod forms;
mod json;
mod sizes;
mod smuggling;
mod targets;

use crate::support::{http::Response, http::read_response, wire::Wire};
use std::{io, net::SocketAddr, time::Duration};

/// So long a second answer is waited for.
const QUIET: Duration = Duration::from_millis(150);

/// What came back for some bytes.
pub(super) struct Heard {
    pub(super) answers: Vec<Response>,
    /// The server ended the connection.
    pub(super) ended: bool,
}

impl Heard {
    /// The statuses; a 0 at the end for a connection that was ended.
    pub(super) fn told(&self) -> Vec<u16> {
        let statuses = self.answers.iter().map(|answer| answer.status);
        statuses.chain(self.ended.then_some(0)).collect()
    }
}

/// Writes bytes and reads everything that comes back, until the server ends or is quiet.
pub(super) fn exchange(address: SocketAddr, bytes: &[u8]) -> Heard {
    let mut wire = Wire::connect(address).unwrap();
    // It may be ended while this is written; then what it said is still there to be read.
    let _ = wire.send(bytes);
    let mut heard = Heard { answers: Vec::new(), ended: false };
    loop {
        // The first answer is waited for as long as it takes, for a head that will never be complete included.
        if !heard.answers.is_empty() {
            wire.patience = QUIET;
        }
        match read_response(&mut wire) {
            Ok(answer) => heard.answers.push(answer),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return heard,
            Err(_) => {
                heard.ended = true;
                return heard;
            }
        }
    }
}
