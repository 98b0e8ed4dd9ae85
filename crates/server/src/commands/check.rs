//! `config`: is it right, and if not, what all is wrong; and what follows from it.

use crate::{
    cli::{ConfigArgs, Failure, say},
    serve,
};

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let config = serve::load(args, Vec::new(), false)?;
    config.keyring().map_err(|sentence| Failure { code: crate::cli::BAD_CONFIG, sentence })?;
    say("The configuration is right.");
    Ok(())
}

/// The secrets that applications are to be given, the newest first.
pub(crate) fn presence_secret(args: &ConfigArgs) -> Result<(), Failure> {
    let config = serve::load(args, Vec::new(), false)?;
    let secrets: Vec<&str> = config.presence.secrets.iter().map(crate::config::Secret::expose).collect();
    say(&secrets.join(","));
    Ok(())
}
