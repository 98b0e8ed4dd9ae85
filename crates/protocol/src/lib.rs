//! What is said between Downlink, its applications and its browsers: words, limits, frames, tokens.
//!
//! No I/O and no clock: whoever calls brings the bytes and the time, so every hard case is a plain unit test.

pub mod client_word;
pub mod close;
pub mod cursor;
pub mod encode;
pub mod frame;
pub mod id;
pub mod item;
pub mod limits;
pub mod message;
pub mod query;
pub mod socket;
pub mod token;
pub mod websocket;
