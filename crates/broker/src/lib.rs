//! Stores, orders and announces messages for all nodes. It never sees a socket.
//!
//! [`broker::Broker`] is the seam: what stands behind it (`local`: a journal on this machine's disk) is chosen when
//! the program starts. `tests/contract.rs` says what every broker must do.

pub mod broker;
pub mod error;
mod expiring;
pub mod key;
pub mod local;
pub mod message;
pub mod nats;
pub mod presence;
