//! Writing a history down, and reading one.

use crate::event::Event;
use parking_lot::Mutex;
use std::{
    fmt,
    io::{self, BufRead, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A history while it happens; clones write into the same one, from any thread.
#[derive(Clone, Default)]
pub struct History {
    events: Arc<Mutex<Vec<Event>>>,
    sends: Arc<AtomicU64>,
}

/// A text that is no history.
#[derive(Debug)]
pub enum InvalidHistory {
    /// It could not be read.
    Io(io::Error),
    /// A line (counted from 1) is no event.
    Line(usize, serde_json::Error),
}

impl History {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event behind all others.
    pub fn record(&self, event: Event) {
        self.events.lock().push(event);
    }

    /// A number for a send that no other send has.
    pub fn next_send(&self) -> u64 {
        self.sends.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What happened so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().clone()
    }

    /// Writes the history down, one event a line, so that it can be checked or looked at later.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, mut into: impl Write) -> io::Result<()> {
        for event in &*self.events.lock() {
            serde_json::to_writer(&mut into, event)?;
            into.write_all(b"\n")?;
        }
        into.flush()
    }

    /// Reads the events of a history that was written down. Empty lines do not count.
    ///
    /// # Errors
    /// [`InvalidHistory`], with the line that is wrong.
    pub fn read(from: impl BufRead) -> Result<Vec<Event>, InvalidHistory> {
        let mut events = Vec::new();
        for (index, line) in from.lines().enumerate() {
            let line = line.map_err(InvalidHistory::Io)?;
            if !line.trim().is_empty() {
                let event = serde_json::from_str(&line);
                events.push(event.map_err(|error| InvalidHistory::Line(index + 1, error))?);
            }
        }
        Ok(events)
    }
}

impl fmt::Display for InvalidHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the history cannot be read: {error}"),
            Self::Line(line, error) => write!(f, "line {line} is no event: {error}"),
        }
    }
}

impl std::error::Error for InvalidHistory {}
