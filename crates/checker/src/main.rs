//! Checks a history.

fn main() {}
