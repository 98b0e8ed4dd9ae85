//! Stops and starts: how soon a server is ready, and how everybody comes back.

mod crowd;
mod frames;
mod ready;
mod rolling;
