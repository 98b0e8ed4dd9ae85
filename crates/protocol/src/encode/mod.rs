//! The form that each transport gives to frames. Every function appends to `out`; nothing here keeps state.

pub mod json;
pub mod lines;
pub mod long_poll;
pub mod sse;
pub mod websocket;
