//! What is under way on a connection of HTTP/2, and when the connection is over.
//!
//! One that has nothing to do costs a descriptor and memory, as any other; and an answer that its peer does not take is
//! kept as a whole. Both end after a while.

use super::super::connection::Connection;
use protocol::limits;
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};
use tokio::sync::Notify;

/// Milliseconds since the server's start.
type Milliseconds = u64;

/// The requests and sockets of a connection.
pub(super) struct Streams {
    connection: Rc<Connection>,
    /// Each with the time since when its peer has taken nothing of an answer; `None` if it is not the peer that is waited
    /// for.
    all: RefCell<Slab<Option<Milliseconds>>>,
    /// Since when there are none.
    quiet_since: Cell<Milliseconds>,
    /// There are none any more, or a peer is waited for.
    changed: Notify,
}

/// One of them, until all of its answer has been taken or it is given up.
pub(super) struct Counted {
    streams: Rc<Streams>,
    index: usize,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It has had nothing to do for a while.
    Idle,
    /// Its peer does not take its answers.
    Stuck,
}

impl Streams {
    pub(super) fn new(connection: Rc<Connection>) -> Rc<Self> {
        let quiet_since = Cell::new(now(&connection));
        Rc::new(Self { connection, all: RefCell::default(), quiet_since, changed: Notify::new() })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Counts a request that has come.
    pub(super) fn begin(this: &Rc<Self>) -> Counted {
        this.connection.place().busy();
        Counted { streams: Rc::clone(this), index: this.all.borrow_mut().insert(None) }
    }

    /// Waits until the connection is over, by having nothing to do for as long as `idle` from now on.
    pub(super) async fn over(&self, idle: Duration) -> Over {
        let begun = now(&self.connection);
        loop {
            let Some((at, over)) = self.next_end(begun, idle) else {
                self.changed.notified().await;
                continue;
            };
            match at.saturating_sub(now(&self.connection)) {
                0 => return over,
                // What changes meanwhile is seen then.
                left => tokio::time::sleep(Duration::from_millis(left)).await,
            }
        }
    }

    /// When the connection is over if nothing changes.
    fn next_end(&self, begun: Milliseconds, idle: Duration) -> Option<(Milliseconds, Over)> {
        let all = self.all.borrow();
        if all.is_empty() {
            return Some((self.quiet_since.get().max(begun) + idle.as_millis() as u64, Over::Idle));
        }
        let oldest = all.iter().filter_map(|(_, since)| *since).min()?;
        Some((oldest + limits::ANSWER_TIME.as_millis() as u64, Over::Stuck))
    }
}

impl Counted {
    pub(super) fn connection(&self) -> &Rc<Connection> {
        &self.streams.connection
    }

    /// Says whether the peer has to take something before the answer goes on.
    pub(super) fn waits_for_peer(&self, waits: bool) {
        let since = waits.then(|| now(&self.streams.connection));
        self.streams.all.borrow_mut()[self.index] = since;
        if waits {
            self.streams.changed.notify_waiters();
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let streams = &self.streams;
        let mut all = streams.all.borrow_mut();
        all.remove(self.index);
        if all.is_empty() {
            streams.quiet_since.set(now(&streams.connection));
            streams.connection.answered_now();
            streams.changed.notify_waiters();
        }
    }
}

fn now(connection: &Connection) -> Milliseconds {
    connection.edge().hub().clock.elapsed_ms()
}
