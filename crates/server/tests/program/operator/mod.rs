//! What an operator meets: the command line, the configuration, sentences, codes, logs.

mod commands;
mod configuration;
mod doctor;
mod reload;
