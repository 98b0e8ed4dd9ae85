//! Reads a history of what was sent, answered and received, and says which promise it breaks.
//!
//! Whatever runs a load against Downlink, or against a simulation of it, writes down what it saw as [`Event`]s, in the
//! order in which it saw them; [`check`] then compares the whole history with the promises of a channel:
//!
//! 1. Offsets of a channel rise within an epoch; no reader gets a message twice or out of order, and none that nobody sent.
//! 2. What was answered as stored reaches every reader that listened in time.
//! 3. What a reader misses is said by a gap, and no gap is said when nothing is missing.
//! 4. What any reader got is not forgotten: every other reader of the channel gets it too.
//! 6. Notices of a client id alternate, with rising generations, and the last one is true.
//! 7. A send that is repeated under its Idempotency-Key is stored once.
//!
//! (Promise 5, that everything has a bound, is about memory and not about a history.) The checker knows nothing of the server: no clock,
//! no network, no file format. What it demands follows from the order of events alone: "before" means earlier in the list.
//! Of things that happen at once any order may be written down, with one rule: **an event that begins something is
//! recorded before it is begun, and one that reports something after it has happened.** Then an order in the list
//! that matters is an order that was.
//!
//! ```
//! use checker::{Event, History, Rules, check};
//!
//! let history = History::new();
//! history.record(Event::Begin { reader: "page".into(), channel: "ada".into(), from: None });
//! history.record(Event::Send { send: 1, channel: "ada".into(), value: "hello".into(), key: None, expires: false });
//! history.record(Event::Stored { send: 1, place: Some("k3f.12".parse()?) });
//! history.record(Event::Message { reader: "page".into(), place: Some("k3f.12".parse()?), value: "hello".into() });
//! history.record(Event::End { reader: "page".into() });
//! let report = check(&history.events(), Rules::default());
//! assert!(report.violations.is_empty(), "{report}");
//! # Ok::<(), checker::InvalidPlace>(())
//! ```
//!
//! From other languages: write one event a line as JSON, with the fields of [`Event`] in lower case, for example
//! `{"event":"stored","send":1,"place":"k3f.12"}`, and run `downlink-checker history.ndjson`.

mod check;
mod event;
mod history;
mod report;

pub use check::{Rules, check};
pub use event::{Event, InvalidPlace, Place};
pub use history::{History, InvalidHistory};
pub use report::{Report, Violation};
