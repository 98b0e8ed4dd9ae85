//! By which certificates a server is known.

use crate::error::Error;
use hyper_rustls::ConfigBuilderExt as _;
use hyper_util::client::legacy;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{io, path::Path, sync::Arc};

/// Who vouches for the server.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trust {
    /// Whom this machine trusts.
    #[default]
    Platform,
    /// These alone, as PEM: a certificate authority of one's own, or a certificate that vouches for itself.
    Pem(Arc<[u8]>),
}

impl Trust {
    /// # Errors
    /// [`Error::InvalidCa`].
    pub(crate) fn from_file(path: &Path) -> Result<Self, Error> {
        let pem = std::fs::read(path);
        let pem =
            pem.map_err(|error| Error::InvalidCa(format!("{} cannot be read: {error}", path.display())))?;
        let trust = Self::Pem(pem.into());
        trust.roots().map_err(|why| Error::InvalidCa(format!("{}: {why}", path.display())))?;
        Ok(trust)
    }

    /// What connections are made with. Without TLS nothing is read from anywhere.
    pub(crate) fn config(&self, with_tls: bool) -> Result<ClientConfig, Error> {
        let roots = match self {
            _ if !with_tls => RootCertStore::empty(),
            Self::Pem(_) => self.roots().map_err(Error::InvalidCa)?,
            Self::Platform => {
                let config = builder()?.with_native_roots().map_err(|error| {
                    Error::InvalidCa(format!(
                        "this machine's certificates cannot be read ({error}); install ca-certificates, or name \
                         the server's own with DOWNLINK_CA_FILE"
                    ))
                })?;
                return Ok(config.with_no_client_auth());
            }
        };
        Ok(builder()?.with_root_certificates(roots).with_no_client_auth())
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        if let Self::Pem(pem) = self {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("it is no PEM: {error}"))?;
                roots.add(certificate).map_err(|error| format!("a certificate in it is damaged: {error}"))?;
            }
            if roots.is_empty() {
                return Err("there is no certificate in it (BEGIN CERTIFICATE)".into());
            }
        }
        Ok(roots)
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::InvalidCa(error.to_string()))
}

/// Why a handshake failed, if it was a handshake that did.
pub(crate) fn failure(error: &legacy::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref() {
            return Some(sentence(tls));
        }
        // Connectors wrap it in errors of the system's kind, which do not name what they hold as their source.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held),
            None => cause.source(),
        };
    }
    None
}

fn sentence(error: &rustls::Error) -> String {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => {
            "nobody who is trusted here vouches for its certificate; DOWNLINK_CA_FILE names a PEM file with those who \
             do"
                .into()
        }
        InvalidMessage(_) => "what answers does not speak TLS; is it http://?".into(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_without_certificates_is_refused_with_a_sentence() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let refused = |path: &Path| Trust::from_file(path).unwrap_err().to_string();
        assert!(refused(file.path()).contains("there is no certificate in it"));
        writeln!(file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").unwrap();
        assert!(refused(file.path()).contains("damaged"));
        assert!(refused(Path::new("/nowhere/ca.pem")).contains("/nowhere/ca.pem cannot be read"));
    }

    #[test]
    fn without_tls_nothing_is_read() {
        assert!(Trust::Platform.config(false).is_ok());
        assert!(Trust::Pem(b"nothing".as_slice().into()).config(false).is_ok());
        assert!(Trust::Pem(b"nothing".as_slice().into()).config(true).is_err());
    }
}
