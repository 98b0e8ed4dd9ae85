//! The calls of the API, one by one.

mod back;
mod cases;
mod idempotency;
mod lane;
mod limits;
mod look;
mod many;
mod one;
mod rates;
mod scopes;
