//! Structured logs to standard error, as text or JSON.

use crate::config::Config;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// Begins logging.
///
/// # Errors
/// A sentence, for a level that cannot be read.
pub(crate) fn start(config: &Config) -> Result<(), String> {
    // Else each frame that breaks a rule of HTTP/2 is a line, and peers decide how many there are.
    // And what goes to NATS and comes from it, messages and tokens, is in the lines of its client.
    let filter = EnvFilter::try_new(format!("h2=error,async_nats=info,{}", config.log_level))
        .map_err(|error| format!("log.level: {error}; write error, warn, info, debug or trace"))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Else a line that cannot be written, on a full disk for example, is complained of with `eprintln`, which panics
    // when that cannot be written either. The thread that logs is the one that stores messages.
    let builder = builder.log_internal_errors(false);
    // A second start in one process, as tests do, changes nothing.
    let _ = if config.log_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    Ok(())
}
