//! Who may call the API, and for what.

use super::error::Problem;
use crate::{
    keys::{NotAdmitted, Scope},
    rates::TooOften,
    service::Service,
};
use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;

/// Proofs that a request brought a key with the scope that they are named after.
macro_rules! proofs {
    ($($name:ident: $scope:ident, $what:literal;)*) => {$(
        #[doc = $what]
        pub(super) struct $name(#[allow(dead_code, reason = "only what is limited by key looks at it")] pub(super) Bearer);

        impl FromRequestParts<Arc<Service>> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
                require(service, &parts.headers, Scope::$scope).map(Self)
            }
        }
    )*};
}

proofs! {
    MayCreate: Create, "The request may make tokens.";
    MayRead: Read, "The request may look at channels.";
    MayAdmin: Admin, "The request may do what no other scope is for.";
}

/// The key that a request brought, which is good for what it asks.
pub(super) struct Bearer(HeaderValue);

impl Bearer {
    pub(super) fn text(&self) -> &[u8] {
        credentials(self.0.as_bytes()).unwrap_or_default()
    }
}

/// Checks the key of a request.
pub(super) fn require(service: &Service, headers: &HeaderMap, scope: Scope) -> Result<Bearer, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(Problem::invalid_api_key)?;
    let key = credentials(value.as_bytes()).ok_or_else(Problem::invalid_api_key)?;
    service.admit(key, scope)?;
    // Shared with the header, not copied.
    Ok(Bearer(value.clone()))
}

/// What somebody is told who does something too often; and it is counted.
pub(super) fn refused_for(service: &Service, why: TooOften) -> Problem {
    service.rates.refused(why.limit).add(1);
    Problem::too_many_requests(why)
}

impl From<NotAdmitted> for Problem {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::UnknownKey => Self::invalid_api_key(),
            NotAdmitted::MissingScope(scope) => Self::missing_scope(scope),
        }
    }
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
