//! Idempotency-Keys and times to live, to the end and through a crash.

mod client;
mod keys;
mod lives;
