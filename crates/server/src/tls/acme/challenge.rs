//! Proving in a handshake that this server answers for a domain (RFC 8737).

use super::failure::Failure;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::sign::any_ecdsa_type,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{collections::HashMap, sync::Arc};

/// The protocol that only an authority asks for. Nothing is said on such a connection behind its handshake.
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// The certificates that answer, by domain.
pub(super) type Challenges = HashMap<String, Arc<CertifiedKey>>;

/// Whom handshakes are answered for while an authority looks, and before there is a certificate.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    /// For everybody but the authority.
    usual: Option<Arc<dyn ResolvesServerCert>>,
    challenges: Challenges,
}

impl ResolvesServerCert for Handshakes {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_challenge = hello.alpn().is_some_and(|mut names| names.any(|name| name == PROTOCOL));
        if is_challenge {
            return self.challenges.get(&hello.server_name()?.to_ascii_lowercase()).cloned();
        }
        self.usual.as_ref()?.resolve(hello)
    }
}

/// Handshakes as they are made, and those of an authority that looks.
pub(super) fn answering(before: &ServerConfig, challenges: &Challenges) -> ServerConfig {
    let mut config = before.clone();
    config.alpn_protocols.push(PROTOCOL.to_vec());
    let usual = Some(Arc::clone(&before.cert_resolver));
    config.cert_resolver = Arc::new(Handshakes { usual, challenges: challenges.clone() });
    config
}

/// The certificate that proves it: one for the domain, which vouches for itself and carries what only the account's holder
/// knows.
pub(super) fn certificate(domain: &str, digest: &[u8]) -> Result<CertifiedKey, Failure> {
    let odd =
        |error: &dyn std::fmt::Display| Failure::Odd(format!("its challenge cannot be answered: {error}"));
    let mut params = CertificateParams::new([domain.to_owned()]).map_err(|error| odd(&error))?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(|error| odd(&error))?;
    let certificate = params.self_signed(&key).map_err(|error| odd(&error))?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = any_ecdsa_type(&key).map_err(|error| odd(&error))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}
