//! This node's sockets: which channels are open here, where each socket stands, and how frames get to it.
//!
//! A channel is a log and a socket is a cursor in it. There is no queue, task or timer for a socket: announcing raises
//! a number, and whoever holds a socket's small lock sends from its cursor to that number ([`catch_up`]).

pub mod catch_up;
pub mod channel;
pub mod clock;
pub mod counters;
mod drain;
pub mod edge;
pub mod entry;
pub mod histogram;
pub mod hub;
pub mod open;
pub mod pipe;
pub mod poll;
pub mod presence;
pub mod socket;
pub mod standing;
pub mod stream;
pub mod tail;
pub mod timeline;
pub mod tls;
mod turn;
pub mod word;
mod written;

// Under `tests`, since it is one; inside the crate, since it takes the place of connections and clock.
#[cfg(test)]
#[path = "../tests/simulation/mod.rs"]
mod simulation;
