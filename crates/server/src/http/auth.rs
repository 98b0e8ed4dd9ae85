//! Who may call the API.

use super::error::Problem;
use crate::service::Service;
use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, header};
use std::sync::Arc;

/// Proof that a request brought a key of the API.
pub(super) struct ApiKey;

impl FromRequestParts<Arc<Service>> for ApiKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        require(service, &parts.headers)
    }
}

/// Checks the key of a request.
pub(super) fn require(service: &Service, headers: &HeaderMap) -> Result<ApiKey, Problem> {
    let key = bearer(headers).ok_or_else(Problem::invalid_api_key)?;
    if service.is_api_key(key) { Ok(ApiKey) } else { Err(Problem::invalid_api_key()) }
}

/// What follows `Bearer` (RFC 6750, 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    credentials(headers.get(header::AUTHORIZATION)?.as_bytes())
}

/// The same of the header's value.
pub(super) fn credentials(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}
