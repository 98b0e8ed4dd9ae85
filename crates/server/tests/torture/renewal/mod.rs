//! Tokens that end, are renewed, are revoked, and whose keys change; clocks that jump.

mod clocks;
mod endings;
mod renewing;
mod rotation;
