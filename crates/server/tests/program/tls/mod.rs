//! TLS: the same promises, over records.

mod acme;
mod certificates;
mod commands;
mod crowds;
mod endings;
mod messages;
mod mistakes;
mod slow;
