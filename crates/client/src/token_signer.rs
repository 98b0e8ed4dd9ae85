//! Tokens that the application signs itself, with the server's token key and without a call.

use crate::{clock, random};
use protocol::{
    id::{ClientId, InvalidClientId},
    limits::{TOKEN_MINUTES_DEFAULT, TOKEN_MINUTES_MAX},
    token::{Grant, Signer},
};
use std::{
    env, fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// Makes tokens without a call, for an application that makes many of them, or makes them while the server cannot be
/// reached. Whoever has the key can make tokens for every client id.
///
/// A token of [`Client::create_channel`](crate::Client::create_channel) starts exactly where the channel is; one that is
/// signed here knows no place, so it starts 5 seconds before it was made.
///
/// ```
/// # fn run() -> Result<(), client::SignError> {
/// let signer = client::TokenSigner::from_env()?; // DOWNLINK_TOKEN_KEY, the same as the server's
/// let token = signer.sign("ada", Some(60))?;
/// # Ok(())
/// # }
/// ```
pub struct TokenSigner {
    signer: Signer,
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no key, or one that is too short.
    #[error("a token key has at least 32 bytes; set DOWNLINK_TOKEN_KEY to that of the server, or give it")]
    InvalidKey,
    /// The client id is empty or too long.
    #[error(transparent)]
    InvalidClientId(#[from] InvalidClientId),
    /// The duration is not one that a token may have.
    #[error("a token lives 1 to 1440 minutes")]
    InvalidDuration,
}

// === impl TokenSigner ===

impl TokenSigner {
    /// A signer with the server's token key, a text of at least 32 bytes.
    ///
    /// # Errors
    /// [`SignError::InvalidKey`].
    pub fn new(key: &str) -> Result<Self, SignError> {
        Self::named(None, key)
    }

    /// The same, where the server has several keys: `key_id` is the key's `id` in its `[[token.keys]]`.
    ///
    /// # Errors
    /// [`SignError::InvalidKey`].
    pub fn with_key_id(key: &str, key_id: &str) -> Result<Self, SignError> {
        Self::named(Some(key_id.to_owned()), key)
    }

    /// A signer with the key in `DOWNLINK_TOKEN_KEY`.
    ///
    /// # Errors
    /// [`SignError::InvalidKey`], also if it is not set.
    pub fn from_env() -> Result<Self, SignError> {
        Self::new(&env::var("DOWNLINK_TOKEN_KEY").unwrap_or_default())
    }

    fn named(key_id: Option<String>, key: &str) -> Result<Self, SignError> {
        let signer = Signer::new(key_id, key.as_bytes()).map_err(|_| SignError::InvalidKey)?;
        Ok(Self { signer })
    }

    /// Signs a token with which a page opens the channel of `client_id`. `duration_minutes` is 1 to 1440, 120 if not
    /// given.
    ///
    /// # Errors
    /// [`SignError::InvalidClientId`] and [`SignError::InvalidDuration`].
    pub fn sign(&self, client_id: &str, duration_minutes: Option<u32>) -> Result<String, SignError> {
        self.sign_at(client_id, duration_minutes, clock::now())
    }

    /// The same, for a token that begins at `now`.
    ///
    /// # Errors
    /// [`SignError::InvalidClientId`] and [`SignError::InvalidDuration`].
    pub fn sign_at(
        &self,
        client_id: &str,
        duration_minutes: Option<u32>,
        now: SystemTime,
    ) -> Result<String, SignError> {
        let client_id: ClientId = client_id.parse()?;
        let minutes = duration_minutes.unwrap_or(TOKEN_MINUTES_DEFAULT);
        if !(1..=TOKEN_MINUTES_MAX).contains(&minutes) {
            return Err(SignError::InvalidDuration);
        }
        // A clock that stands before 1970 makes a token whose time is long over, which the server says.
        let issued_at = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let expires_at = issued_at + 60 * u64::from(minutes);
        let grant = Grant { client_id, issued_at, expires_at, start: None };
        Ok(self.signer.sign(&grant, &random::unique()))
    }
}

impl fmt::Debug for TokenSigner {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenSigner").field(&self.signer).finish()
    }
}

// === impl SignError ===

impl SignError {
    /// The stable word for what is wrong, the same in every SDK.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            SignError::InvalidKey => "invalid_key",
            SignError::InvalidClientId(_) => "invalid_client_id",
            SignError::InvalidDuration => "invalid_duration",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "a-token-key-of-more-than-32-bytes";

    #[test]
    fn two_tokens_are_never_the_same() {
        let signer = TokenSigner::new(KEY).unwrap();
        assert_ne!(signer.sign_at("ada", None, UNIX_EPOCH), signer.sign_at("ada", None, UNIX_EPOCH));
    }

    #[test]
    fn the_key_is_not_shown() {
        let signer = TokenSigner::with_key_id(KEY, "2026-11").unwrap();
        let shown = format!("{signer:?}");
        assert!(shown.contains("2026-11") && !shown.contains(KEY), "{shown}");
        let short = &KEY[..31];
        let refused = TokenSigner::new(short).unwrap_err();
        assert!(!format!("{refused:?} {refused}").contains(short));
        assert!(refused.to_string().contains("DOWNLINK_TOKEN_KEY"), "it says what to do");
    }
}
