//! Carries calls to the server over kept-alive connections, and says in a sentence why one failed.

use crate::{address::Address, call::Call, error::Error, random, retry::Tries, trust, trust::Trust};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{io, time::Duration};
use tokio::time::{sleep, timeout};

/// Loopback and private networks answer in milliseconds; this long is only waited on a network that drops packets.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// As long as the server gives a body, and then some for its answer.
const CALL_TIME: Duration = Duration::from_secs(40);

/// Shorter than the 120 s after which the server closes an idle connection, so that we are first.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// An answer to 10,000 items of which many failed; more than this is not from Downlink.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("downlink-rust/", env!("CARGO_PKG_VERSION")));

/// The connections to one server. Clones share them.
#[derive(Clone)]
pub(crate) struct Http {
    address: Address,
    pool: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl Http {
    /// # Errors
    /// [`Error::InvalidCa`], if the server is to be known by certificates that cannot be read.
    pub(crate) fn new(address: Address, trust: &Trust) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIME));
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .build(
                HttpsConnectorBuilder::new()
                    .with_tls_config(trust.config(address.is_https())?)
                    .https_or_http()
                    .enable_http1()
                    .wrap_connector(connector),
            );
        Ok(Self { address, pool })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Makes a call, again where that is safe and may help, and returns the body of a 2xx answer.
    pub(crate) async fn perform(&self, call: Call, authorization: &HeaderValue) -> Result<Answer, Error> {
        let mut tries = Tries::new(call.repeatable, random::fraction);
        loop {
            let (outcome, wait) = match timeout(CALL_TIME, self.once(&call, authorization)).await {
                Ok(Ok(answer)) if (200..300).contains(&answer.status) => return Ok(answer),
                Ok(Ok(answer)) => {
                    let wait = tries.after_answer(answer.status, answer.retry_after);
                    (Error::from_problem(answer.status, &answer.body), wait)
                }
                Ok(Err(error @ Error::Unreachable(_))) => (error, tries.after_failure()),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(self.silence()),
            };
            match wait {
                Some(wait) => sleep(wait).await,
                None => return Err(outcome),
            }
        }
    }

    async fn once(&self, call: &Call, authorization: &HeaderValue) -> Result<Answer, Error> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = self.address.uri(&call.target)?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization.clone());
        headers.extend(call.headers.iter().cloned());
        read(self.request(request).await?).await.ok_or_else(|| self.lost())
    }

    /// Makes one request and returns its answer as it begins.
    pub(crate) async fn request(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Error> {
        request.headers_mut().insert(USER_AGENT, AGENT);
        self.pool.request(request).await.map_err(|error| self.failure(&error))
    }

    fn silence(&self) -> Error {
        Error::Unreachable(format!("{} gave no answer within {} s", self.address, CALL_TIME.as_secs()))
    }

    fn lost(&self) -> Error {
        Error::Unreachable(format!(
            "the connection to {} was lost before its whole answer came",
            self.address
        ))
    }

    fn failure(&self, error: &legacy::Error) -> Error {
        if !error.is_connect() {
            return self.lost();
        }
        let mut cause: &(dyn std::error::Error + 'static) = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let refused =
            cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
        // The server is there, and cannot be trusted, or does not speak TLS: trying again will not help soon.
        if let Some(why) = trust::failure(error) {
            return Error::Unreachable(format!("no TLS connection to {}: {why}", self.address));
        }
        Error::Unreachable(if refused {
            format!(
                "nothing answers at {}; is the server running? (`downlink dev` starts one, DOWNLINK_URL says where)",
                self.address
            )
        } else {
            format!("cannot connect to {}: {cause}; does DOWNLINK_URL name the right host?", self.address)
        })
    }
}

/// Reads an answer to its end; nothing if it breaks off before.
pub(crate) async fn read(response: Response<Incoming>) -> Option<Answer> {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
    Some(Answer { status, retry_after, body })
}

/// `Retry-After` in seconds; its other form, a date, is not one that Downlink writes.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// `Authorization: Bearer …`, marked so that no log shows it; nothing if a header cannot carry it.
pub(crate) fn bearer(secret: &str) -> Option<HeaderValue> {
    let visible = !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic());
    let mut value = visible.then(|| HeaderValue::from_str(&format!("Bearer {secret}")).ok()).flatten()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_not_shown() {
        let value = bearer("secret-key").unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer secret-key");
        assert!(!format!("{value:?}").contains("secret-key"));
    }

    #[test]
    fn what_a_header_cannot_carry_is_no_bearer() {
        for secret in ["", "a b", "a\nb", "é"] {
            assert!(bearer(secret).is_none(), "{secret:?}");
        }
    }

    #[test]
    fn patience_is_asked_for_in_seconds() {
        let asked = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers)
        };
        assert_eq!(asked("3"), Some(Duration::from_secs(3)));
        assert_eq!(asked("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(asked("-1"), None);
    }
}
