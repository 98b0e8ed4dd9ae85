//! What the journal promises, told from outside: on disks that work, lose power, and fail.
#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

mod append;
mod common;
mod epoch;
mod faults;
mod ledger;
mod model;
mod recovery;
mod refused;
mod restart;
mod retention;
