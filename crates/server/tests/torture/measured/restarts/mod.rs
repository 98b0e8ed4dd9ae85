//! Stops and starts: how soon a server is ready, what a stop finishes, and how everybody comes back.

mod crowd;
mod frames;
mod orderly;
mod ready;
mod rolling;
