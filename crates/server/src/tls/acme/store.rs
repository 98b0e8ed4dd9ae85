//! Accounts and certificates in the data directory: for each authority a folder, which nobody else can read.

use super::{super::pair, Wanted};
use crate::tls::{Files, Mistake};
use instant_acme::AccountCredentials;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Where it lies.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// A certificate that was fetched.
pub(super) struct Kept {
    pub(super) config: ServerConfig,
    not_before_ms: u64,
    pub(super) not_after_ms: u64,
}

impl Kept {
    /// A third of its life before its end, there is time for many tries.
    pub(super) fn renew_at_ms(&self) -> u64 {
        self.not_after_ms - self.not_after_ms.saturating_sub(self.not_before_ms) / 3
    }
}

impl Store {
    pub(super) fn new(wanted: &Wanted) -> Self {
        // Those of another authority are no use, nor those of its staging directory.
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = wanted.directory.to_string().chars().map(plain).collect();
        let name = name.trim_start_matches("https").trim_matches('-').to_owned();
        Self { folder: wanted.folder.join(name) }
    }

    /// Key and chain, in one file: so they are replaced at once.
    fn files(&self) -> Files {
        let path = self.folder.join("certificate.pem");
        Files { certificate: path.clone(), key: path }
    }

    /// The certificate that was fetched last, if it is for all these domains.
    pub(super) fn certificate(&self, domains: &[String]) -> Result<Option<Kept>, Mistake> {
        let files = self.files();
        if !files.certificate.exists() {
            return Ok(None);
        }
        let damaged = |why: &str| Mistake {
            option: "acme.domains",
            sentence: format!(
                "has a certificate in {:?} that cannot be used ({why}); delete the file, and another one is fetched",
                files.certificate
            ),
        };
        let config = pair::read(&files).and_then(|pair| pair.config(&files));
        let config = config.map_err(|mistake| damaged(&mistake.sentence))?;
        let der = CertificateDer::from_pem_file(&files.certificate).map_err(|_| damaged("it is no PEM"))?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| damaged("it is damaged"))?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names: Vec<&str> =
            names.iter().flat_map(|names| &names.value.general_names).filter_map(dns_name).collect();
        if !domains.iter().all(|domain| names.iter().any(|name| name.eq_ignore_ascii_case(domain))) {
            return Ok(None);
        }
        let ms = |seconds: i64| u64::try_from(seconds).unwrap_or(0) * 1000;
        let validity = certificate.validity();
        Ok(Some(Kept {
            config,
            not_before_ms: ms(validity.not_before.timestamp()),
            not_after_ms: ms(validity.not_after.timestamp()),
        }))
    }

    pub(super) fn keep_certificate(&self, pem: &str) -> io::Result<()> {
        self.keep("certificate.pem", pem.as_bytes())
    }

    /// The account, if there is one that can be read.
    pub(super) fn account(&self) -> Option<AccountCredentials> {
        let text = fs::read(self.folder.join("account.json")).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|_| tracing::warn!("the account that was kept is damaged; a new one is made"))
            .ok()
    }

    pub(super) fn keep_account(&self, credentials: &AccountCredentials) -> io::Result<()> {
        self.keep("account.json", &serde_json::to_vec(credentials)?)
    }

    pub(super) fn forget_account(&self) {
        if let Err(error) = fs::remove_file(self.folder.join("account.json")) {
            tracing::warn!(%error, "an account that is not taken any more cannot be deleted");
        }
    }

    /// Complete under another name first: a crash in between must not leave a half.
    fn keep(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let fresh = self.folder.join(format!("{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, self.folder.join(name))
    }
}

fn dns_name<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    match name {
        GeneralName::DNSName(name) => Some(name),
        _ => None,
    }
}
