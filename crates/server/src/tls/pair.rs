//! A certificate and its key: from two files to what rustls takes, with a sentence for all that can be wrong.

use super::Files;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    ConfigBuilder, Error, InconsistentKeys, ServerConfig,
    crypto::aws_lc_rs::{Ticketer, default_provider},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{NoServerSessionStorage, ResolvesServerCert, WantsServerCert},
};
use std::{fs, path::Path, sync::Arc};

/// What is wrong: with which option, and a sentence that goes on from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) option: &'static str,
    pub(crate) sentence: String,
}

/// What both files hold.
pub(super) struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";

/// The name of HTTP/2 in a handshake (RFC 9113, 3.2).
pub(crate) const HTTP2: &[u8] = b"h2";

/// What is spoken, the dearest first (RFC 7301). A browser asks for a WebSocket on a connection of HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// One ticket: a client that returns needs one.
const TICKETS: usize = 1;

/// Reads both files.
pub(super) fn read(files: &Files) -> Result<Pair, Mistake> {
    let read = |option, path: &Path| {
        fs::read(path)
            .map_err(|error| wrong(option, format!("names {path:?}, which cannot be read: {error}")))
    };
    Ok(Pair { certificate: read(CERTIFICATE, &files.certificate)?, key: read(KEY, &files.key)? })
}

fn wrong(option: &'static str, sentence: String) -> Mistake {
    Mistake { option, sentence }
}

/// What handshakes are made with when something else knows the certificates.
pub(super) fn serving(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, Error> {
    finished(builder()?.with_cert_resolver(resolver))
}

fn builder() -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_no_client_auth())
}

fn finished(mut config: ServerConfig) -> Result<ServerConfig, Error> {
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    // Who returns shows a ticket, so the server remembers nobody. A new pair has a new ticketer: nobody goes on
    // with what a key that was replaced had begun.
    config.ticketer = Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = TICKETS;
    Ok(config)
}

impl Pair {
    /// Tells whether the files are the same as before, without keeping the key once more.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut prints = digest(&SHA256, &self.certificate).as_ref().to_vec();
        prints.extend_from_slice(digest(&SHA256, &self.key).as_ref());
        digest(&SHA256, &prints).as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// What handshakes are made with.
    pub(super) fn config(&self, files: &Files) -> Result<ServerConfig, Mistake> {
        let (chain, key) = (self.chain(&files.certificate)?, self.key(&files.key)?);
        let unusable = |error: Error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => wrong(
                KEY,
                format!(
                    "names {:?}, a key that does not belong to the certificate in {:?}",
                    files.key, files.certificate
                ),
            ),
            Error::InvalidCertificate(error) => wrong(
                CERTIFICATE,
                format!("names {:?}, whose first certificate is damaged: {error}", files.certificate),
            ),
            error => wrong(KEY, format!("names {:?}, a key that cannot be used: {error}", files.key)),
        };
        let config = builder().map_err(unusable)?.with_single_cert(chain, key).map_err(unusable)?;
        finished(config).map_err(unusable)
    }

    fn chain(&self, path: &Path) -> Result<Vec<CertificateDer<'static>>, Mistake> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain =
            chain.map_err(|error| wrong(CERTIFICATE, format!("names {path:?}, which is no PEM: {error}")))?;
        if chain.is_empty() {
            return Err(wrong(
                CERTIFICATE,
                format!(
                    "names {path:?}, in which there is no certificate; it is to hold a PEM (BEGIN CERTIFICATE) with \
                     the server's own certificate first, then those that vouch for it"
                ),
            ));
        }
        Ok(chain)
    }

    fn key(&self, path: &Path) -> Result<PrivateKeyDer<'static>, Mistake> {
        let text = String::from_utf8_lossy(&self.key);
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(wrong(
                KEY,
                format!(
                    "names {path:?}, a key behind a passphrase; take it off with `openssl pkey -in KEY -out PLAIN_KEY` \
                     and let nobody else read the file"
                ),
            ));
        }
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            // The cause is not told: it may quote what stands there.
            wrong(KEY, format!("names {path:?}, in which there is no private key; it is to hold a PEM (BEGIN PRIVATE KEY)"))
        })
    }
}
