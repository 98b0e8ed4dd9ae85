//! A certificate that the server fetches by itself, and renews (ACME, RFC 8555), by the challenge that is answered in a
//! handshake (TLS-ALPN-01, RFC 8737): so it needs no other port than its own.
//!
//! What was fetched lies in the data directory, and is served as one from files is. Whatever goes wrong is said in the
//! log and tried again; what is there is served meanwhile.

mod authority;
mod challenge;
mod failure;
mod order;
mod store;

use super::{Certificates, Mistake, pair};
use challenge::Handshakes;
use delivery::clock::Clock;
use failure::Failure;
use http::Uri;
use rustls::ServerConfig;
use std::{path::PathBuf, sync::Arc, time::Duration};
use store::{Kept, Store};

pub(crate) use authority::roots;
pub(crate) use challenge::PROTOCOL;

/// What is to be fetched, and from whom.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Not empty; in lower case.
    pub(crate) domains: Vec<String>,
    /// Where the authority writes to when something is wrong with the account.
    pub(crate) email: Option<String>,
    /// The authority's directory.
    pub(crate) directory: Uri,
    /// Who vouches for the authority's own server, as PEM; otherwise whom this machine trusts.
    pub(crate) authority_certificates: Option<Vec<u8>>,
    /// Where accounts and certificates are kept.
    pub(crate) folder: PathBuf,
}

/// Fetches and renews.
#[derive(Debug)]
pub(super) struct Acme {
    wanted: Wanted,
    store: Store,
}

/// A clock may jump, and a machine may sleep: it is looked at so often at least whether it is time to renew.
const LOOK_INTERVAL: Duration = Duration::from_secs(3600);

impl Acme {
    /// What is wanted, and what handshakes are made with until there is something newer.
    ///
    /// # Errors
    /// [`Mistake`], if what was kept cannot be read.
    pub(super) fn new(wanted: Wanted) -> Result<(Self, ServerConfig), Mistake> {
        let store = Store::new(&wanted);
        let kept = store.certificate(&wanted.domains)?;
        let config = match &kept {
            Some(kept) => kept.config.clone(),
            None => pair::serving(Arc::new(Handshakes::default())).map_err(|error| Mistake {
                option: "acme.domains",
                sentence: format!("cannot be served: {error}"),
            })?,
        };
        Ok((Self { wanted, store }, config))
    }

    /// Fetches whenever it is time to, for as long as it runs.
    pub(super) async fn run(&self, certificates: &Certificates) {
        let clock = Clock::start();
        let mut kept = self.store.certificate(&self.wanted.domains).ok().flatten();
        let mut failures = 0;
        loop {
            let renew_at_ms = kept.as_ref().map_or(0, Kept::renew_at_ms);
            let left = Duration::from_millis(renew_at_ms.saturating_sub(clock.now_ms()));
            if !left.is_zero() {
                tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
                continue;
            }
            match self.fetch(certificates).await {
                Ok(new) => {
                    failures = 0;
                    certificates.serve(new.config.clone());
                    tracing::info!(
                        domains = self.wanted.domains.join(", "),
                        until = crate::time::rfc3339(new.not_after_ms),
                        "there is a new certificate; handshakes are made with it from now on"
                    );
                    kept = Some(new);
                }
                Err(failure) => {
                    failures += 1;
                    let pause = failure.pause(failures);
                    let directory = &self.wanted.directory;
                    let meanwhile = match &kept {
                        Some(kept) => {
                            format!(
                                "the old one is served, until {}",
                                crate::time::rfc3339(kept.not_after_ms)
                            )
                        }
                        None => "nobody can connect until there is one".to_owned(),
                    };
                    tracing::error!(
                        "no certificate from {directory}: {failure}; {meanwhile}; tried again in {} seconds",
                        pause.as_secs()
                    );
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Fetches a certificate and keeps it.
    async fn fetch(&self, certificates: &Certificates) -> Result<Kept, Failure> {
        let account = authority::account(&self.wanted, &self.store).await?;
        let before = certificates.current();
        let result = order::run(&account, &self.wanted.domains, |challenges| {
            certificates.serve(challenge::answering(&before, challenges));
        })
        .await;
        // Handshakes as they were, whatever came of it.
        certificates.serve(ServerConfig::clone(&before));
        if result.as_ref().is_err_and(Failure::is_of_account) {
            // The authority does not know it (any more): the next try makes a new one.
            self.store.forget_account();
        }
        let pem = result?;
        self.store.keep_certificate(&pem).map_err(Failure::Here)?;
        let kept = self.store.certificate(&self.wanted.domains);
        let kept = kept.map_err(|mistake| Failure::Odd(mistake.sentence))?;
        kept.ok_or_else(|| Failure::Odd("what it issued does not fit what was asked for".into()))
    }
}
