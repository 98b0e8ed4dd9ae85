//! The real program on disks that fail, fill up, write half, lie, and lose what was never synced.
//!
//! The program runs with a small library before the C library (`shim.c`), so that one call of many goes wrong, in a
//! server that runs and has sockets open on all transports. What was sent, answered and received becomes a history that
//! `downlink-checker` holds against the promises.

mod damage;
mod errors;
mod faults;
mod full;
mod ledger;
mod power;
mod ready;
mod recovery;
mod story;
mod torn;
