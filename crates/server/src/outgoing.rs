//! A client for the operator's own addresses: where presence notices go, and traces.

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{sync::Arc, time::Duration};

/// A client that keeps its connections for a moment.
pub(crate) type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Shorter than applications keep an idle connection (gunicorn 2 s, Node 5 s): one that ends in the moment in which a request is
/// written to it costs that try. Whoever has much to say keeps his connections busy.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// A client for an address; `option` is where it was written.
///
/// # Errors
/// A sentence, if the system's certificates are needed and cannot be read.
pub(crate) fn client(url: &Uri, option: &str) -> Result<Client, String> {
    let roots = match url.scheme_str() {
        Some("https") => HttpsConnectorBuilder::new().with_native_roots().map_err(|error| {
            format!(
                "{option} is https, and the system's certificates cannot be read ({error}); install ca-certificates"
            )
        })?,
        _ => HttpsConnectorBuilder::new().with_tls_config(no_tls()?),
    };
    let connector = roots.https_or_http().enable_http1().build();
    Ok(legacy::Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_MAX).build(connector))
}

/// A client without certificates, for an address that needs none.
fn no_tls() -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}
