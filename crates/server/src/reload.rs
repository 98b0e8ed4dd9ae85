//! SIGHUP: the configuration is read again. Keys and certificates are replaced while the node runs; no socket ends.
//!
//! A configuration with a mistake changes nothing: all of its mistakes are in the log, and the one that was there goes on.
//! Options that are read at the start alone are named when they have changed.

use crate::{cli::Failure, config::Config, config::Said, node::Node, systemd, tls::Certificates};
use std::sync::Arc;

/// What is replaced. Everything else needs a restart.
const REPLACED: &[&str] = &["api.keys", "token.key", "token.key_set", "presence.secret"];

/// Reads the configuration again, from where it came from at the start.
pub(crate) struct Reload<'a> {
    load: &'a dyn Fn() -> Result<Config, Failure>,
    /// What was said at the start: what needs a restart is compared with it.
    said: &'a Said,
    certificates: Option<Arc<Certificates>>,
}

impl<'a> Reload<'a> {
    pub(crate) fn new(config: &'a Config, load: &'a dyn Fn() -> Result<Config, Failure>) -> Self {
        Self { load, said: &config.said, certificates: config.certificates.clone() }
    }

    /// Reads it, and replaces what can be replaced.
    pub(crate) fn again(&self, node: &Node) {
        match (self.load)().and_then(|config| self.replace(node, &config)) {
            Ok(restart) if restart.is_empty() => {
                tracing::info!("the configuration was read again: keys and certificates are the new ones");
                systemd::tell("STATUS=The configuration was read again.");
            }
            Ok(restart) => {
                let options = restart.join(", ");
                tracing::warn!(
                    %options,
                    "the configuration was read again: keys and certificates are the new ones; these options count after a restart"
                );
                systemd::tell(&format!(
                    "STATUS=The configuration was read again; a restart is needed for {options}."
                ));
            }
            Err(Failure { sentence, .. }) => {
                for mistake in sentence.lines() {
                    tracing::error!("the new configuration is refused: {mistake}");
                }
                tracing::error!("nothing was changed: the configuration that was there goes on");
                systemd::tell("STATUS=The new configuration is refused, see the log; the old one goes on.");
            }
        }
    }

    /// The options that have changed and need a restart.
    fn replace(&self, node: &Node, config: &Config) -> Result<Vec<&'static str>, Failure> {
        let keyring = config.keyring().map_err(Failure::new)?;
        let service = &node.service;
        service.replace_api_keys(config.api_keys.clone());
        *service.hub.keyring.write() = Arc::new(keyring);
        if let Some(notices) = &service.notices {
            notices.sign_with(config.presence.keys());
        }
        if let (Some(serving), Some(read)) = (&self.certificates, &config.certificates) {
            serving.take_over(read);
        }
        Ok(self.said.changed(&config.said).filter(|path| !REPLACED.contains(path)).collect())
    }
}
