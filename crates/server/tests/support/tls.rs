//! Certificates that live as long as a test, and clients that believe them.

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
    version::TLS13,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tempfile::TempDir;

/// A certificate authority of the test's own.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// How a client speaks TLS.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Pair {
    /// The certificate as it goes over the wire.
    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        let lines: String = self.certificate.lines().filter(|line| !line.starts_with('-')).collect();
        BASE64_STANDARD.decode(lines).unwrap()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

impl Authority {
    /// A new one, which has written its certificate to [`file`](Self::file), and a server's to
    /// [`certificate`](Self::certificate) and [`key`](Self::key).
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("an authority of the tests, {}", MADE.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let this = Self { issuer, folder: tempfile::tempdir().unwrap() };
        fs::write(this.file(), pem("CERTIFICATE", this.issuer.der())).unwrap();
        let pair = this.issue();
        fs::write(this.certificate(), pair.certificate).unwrap();
        fs::write(this.key(), pair.key).unwrap();
        this
    }

    /// A fresh certificate for `localhost` and the loopback address.
    pub(crate) fn issue(&self) -> Pair {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a server of the tests");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", &key.serialize_der()),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// By which clients know the server.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder().join("server.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder().join("server.key")
    }

    /// A client that trusts this authority, with the newest version.
    pub(crate) fn client(&self) -> Tls {
        self.client_of(&TLS13)
    }

    pub(crate) fn client_of(&self, version: &'static SupportedProtocolVersion) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Tls(Arc::new(config))
    }
}

impl Tls {
    /// A client that trusts those in a PEM, with the newest version.
    pub(crate) fn trusting(pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }

    /// The same, which offers these protocols.
    pub(crate) fn speaking(&self, protocols: &[&[u8]]) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self(Arc::new(config))
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    /// A connection before its handshake.
    pub(crate) fn connection(&self) -> ClientConnection {
        ClientConnection::new(Arc::clone(&self.0), "localhost".try_into().unwrap()).unwrap()
    }
}
