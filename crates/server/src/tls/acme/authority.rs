//! Speaking to an authority: over the same HTTP client as everything else here, with an account that is made once.

use super::{Wanted, failure::Failure, store::Store};
use bytes::Bytes;
use http::Request;
use http_body_util::Limited;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{Account, BodyWrapper, BytesResponse, Error, HttpClient, NewAccount};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{error::Error as StdError, future::Future, pin::Pin, sync::Arc, time::Duration};

/// An authority has this long to answer a call.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// The longest answer is a chain of certificates: some kilobytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The account with the authority: the one that was kept, or a new one.
pub(super) async fn account(wanted: &Wanted, store: &Store) -> Result<Account, Failure> {
    let builder = || Ok::<_, Failure>(Account::builder_with_http(Box::new(Calls::new(wanted)?)));
    if let Some(credentials) = store.account() {
        return Ok(builder()?.from_credentials(credentials).await?);
    }
    let contact = wanted.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    // Whoever names domains in the configuration agrees; its documentation says so.
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder()?.create(&new, wanted.directory.to_string(), None).await?;
    store.keep_account(&credentials).map_err(Failure::Here)?;
    Ok(account)
}

/// The calls of the protocol.
struct Calls(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Calls {
    fn new(wanted: &Wanted) -> Result<Self, Failure> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::Odd(error.to_string()))?;
        let config = match &wanted.authority_certificates {
            Some(pem) => builder.with_root_certificates(roots(pem).map_err(Failure::Odd)?),
            None => builder.with_native_roots().map_err(|error| {
                Failure::Odd(format!(
                    "this machine's certificates cannot be read ({error}); install ca-certificates"
                ))
            })?,
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config.with_no_client_auth())
            .https_only()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

/// Certificates that vouch for an authority's own server.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("is no PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("has a certificate that is damaged: {error}"))?;
    }
    if roots.is_empty() { Err("has no certificate in it (BEGIN CERTIFICATE)".into()) } else { Ok(roots) }
}

impl HttpClient for Calls {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let response = self.0.request(request);
        Box::pin(async move {
            let response = tokio::time::timeout(ANSWER_TIME, response).await;
            let response = response.map_err(|_| Error::Str("an answer within 30 seconds"))?;
            let response = response.map_err(|error| Error::Other(causes(&error).into()))?;
            Ok(BytesResponse::from(response.map(|body| Limited::new(body, ANSWER_BYTES_MAX))))
        })
    }
}

/// An error with what caused it: the last of them tells a person most.
fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
