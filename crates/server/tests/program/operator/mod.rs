//! What an operator meets: the command line, the configuration, sentences, codes, logs.

mod addresses;
mod commands;
mod configuration;
mod doctor;
mod metrics;
mod ready;
mod reload;
mod requests;
mod traces;
