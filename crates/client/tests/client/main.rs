//! The client against the real program, which `cargo build --release` has made (or `DOWNLINK_BIN` names).

mod calls;
mod resume;
mod server;
