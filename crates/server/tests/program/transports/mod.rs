//! Four transports, one behaviour.

mod gaps;
mod handshake;
mod limits;
mod origins;
mod pings;
mod polls;
mod resume;
mod slow_readers;
mod tokens;
mod violations;
mod words;
