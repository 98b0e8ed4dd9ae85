//! A line on a terminal that says how far a measurement is; nothing anywhere else.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use super::clock::{Clock, nanoseconds};

/// Often enough to look alive.
const PAUSE: Duration = Duration::from_millis(100);

const WIDTH: usize = 24;

pub(super) struct Progress {
    shown: bool,
    clock: Clock,
    /// When it may be drawn again.
    next: u64,
    label: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { shown: io::stderr().is_terminal(), clock: Clock::start(), next: 0, label: String::new() }
    }

    /// What is being done from now on.
    pub(super) fn begin(&mut self, label: &str) {
        label.clone_into(&mut self.label);
        self.next = 0;
    }

    pub(super) fn at(&mut self, done: u64, of: u64) {
        let now = self.clock.now();
        if !self.shown || now < self.next {
            return;
        }
        self.next = now + nanoseconds(PAUSE);
        let line = line(&self.label, done, of);
        // A terminal that is gone does not stop a measurement.
        let _ = write!(io::stderr(), "\r\x1b[K{line}").and_then(|()| io::stderr().flush());
    }

    /// Takes the line away, so that something else can be said.
    pub(super) fn clear(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        self.next = 0;
    }
}

fn line(label: &str, done: u64, of: u64) -> String {
    let share = if of == 0 { 1.0 } else { (done as f64 / of as f64).min(1.0) };
    let full = (share * WIDTH as f64) as usize;
    format!("{label:<28} [{}{}] {:3.0} %", "#".repeat(full), ".".repeat(WIDTH - full), share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_bar_fills() {
        assert!(line("opening", 0, 10).contains("[........................]   0 %"));
        assert!(line("opening", 5, 10).contains("[############............]  50 %"));
        assert!(line("opening", 11, 10).contains("[########################] 100 %"));
        assert!(line("nothing", 0, 0).contains("100 %"));
    }
}
