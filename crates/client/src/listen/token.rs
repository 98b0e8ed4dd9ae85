//! Where a listener's tokens come from: given once, or fetched whenever the last one has timed out.

use crate::{answers::Channel, error::Error};
use protocol::cursor::Cursor;
use std::{
    fmt,
    future::{Future, ready},
    pin::Pin,
};

/// Any error of whoever fetches tokens.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A token on its way.
pub(crate) type Fetching = Pin<Box<dyn Future<Output = Result<FreshToken, TokenFailure>> + Send>>;

/// A token, and where a listener starts that has no cursor of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshToken {
    /// Opens the channel.
    pub token: String,
    /// The channel's place when the token was made, if known. Held apart from the token because the first token may
    /// time out before it opened anything; the next one would start later.
    pub cursor: Option<Cursor>,
}

/// Why there is no token.
#[derive(Debug)]
pub struct TokenFailure {
    pub(crate) temporary: bool,
    pub(crate) cause: BoxError,
}

/// Gives a listener its tokens.
pub struct TokenSource(Kind);

enum Kind {
    Given(String),
    Fetched(Box<dyn Fn() -> Fetching + Send + Sync>),
}

// === impl FreshToken ===

impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshToken").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

impl From<String> for FreshToken {
    fn from(token: String) -> Self {
        Self { token, cursor: None }
    }
}

impl From<Channel> for FreshToken {
    fn from(channel: Channel) -> Self {
        Self { token: channel.token, cursor: Some(channel.cursor) }
    }
}

// === impl TokenFailure ===

impl TokenFailure {
    /// The listener asks again later.
    pub fn temporary(cause: impl Into<BoxError>) -> Self {
        Self { temporary: true, cause: cause.into() }
    }

    /// The listener ends with this.
    pub fn permanent(cause: impl Into<BoxError>) -> Self {
        Self { temporary: false, cause: cause.into() }
    }
}

impl From<Error> for TokenFailure {
    fn from(error: Error) -> Self {
        Self { temporary: error.is_temporary(), cause: error.into() }
    }
}

// === impl TokenSource ===

impl TokenSource {
    /// Tokens that `fetch` gets, say from the application's own server. It is asked for the first one, and again
    /// whenever the server takes the last one no longer.
    pub fn new<F, R, T, E>(fetch: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<FreshToken>,
        E: Into<TokenFailure>,
    {
        Self(Kind::Fetched(Box::new(move || {
            let fetching = fetch();
            Box::pin(async move { fetching.await.map(Into::into).map_err(Into::into) })
        })))
    }

    /// Whether another token can be had when one is refused.
    pub(crate) fn renewable(&self) -> bool {
        matches!(self.0, Kind::Fetched(_))
    }

    pub(crate) fn fetch(&self) -> Fetching {
        match &self.0 {
            Kind::Given(token) => Box::pin(ready(Ok(token.clone().into()))),
            Kind::Fetched(fetch) => fetch(),
        }
    }
}

impl From<String> for TokenSource {
    fn from(token: String) -> Self {
        Self(Kind::Given(token))
    }
}

impl From<&str> for TokenSource {
    fn from(token: &str) -> Self {
        token.to_owned().into()
    }
}

impl fmt::Debug for TokenSource {
    /// Never the token itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.renewable() { "TokenSource(fetched)" } else { "TokenSource(given)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_shown() {
        let fresh = FreshToken::from("eyJ.secret".to_owned());
        assert!(!format!("{fresh:?} {:?}", TokenSource::from("eyJ.secret")).contains("secret"));
    }

    #[tokio::test]
    async fn a_source_may_be_any_async_function() {
        let source = TokenSource::new(|| async { Err::<String, _>(TokenFailure::temporary("not now")) });
        assert!(source.renewable());
        assert!(source.fetch().await.unwrap_err().temporary);
        assert_eq!(TokenSource::from("t").fetch().await.unwrap().token, "t");
    }
}
