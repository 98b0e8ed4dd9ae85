//! `config check`: is it right, and if not, what all is wrong.

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
