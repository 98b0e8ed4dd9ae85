//! What is fuzzed: each target a plain function of bytes that panics when a promise is broken.
//!
//! `fuzz/` runs them with libFuzzer; `tests/corpus.rs` replays what was found, on the stable toolchain, with every run
//! of the tests. A target interprets its bytes; any bytes are a valid input.

mod bodies;
mod cursors;
mod frames;
mod input;
mod ledger;
mod operations;
mod records;
mod recovery;
mod tokens;
mod words;

pub use bodies::bodies;
pub use cursors::cursors;
pub use frames::frames;
pub use ledger::ledger;
pub use operations::operations;
pub use records::records;
pub use recovery::recovery;
pub use tokens::tokens;
pub use words::words;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// All targets by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("bodies", bodies),
    ("cursors", cursors),
    ("frames", frames),
    ("ledger", ledger),
    ("operations", operations),
    ("records", records),
    ("recovery", recovery),
    ("tokens", tokens),
    ("words", words),
];
