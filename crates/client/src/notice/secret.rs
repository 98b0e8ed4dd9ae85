//! The secrets of notices: `whsec_` and base64, several while one is replaced by another.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::limits::NOTICE_SECRET_BYTES_MIN;

/// How secrets begin (Standard Webhooks).
const PREFIX: &str = "whsec_";

/// There is no secret to judge notices by, or one of those given is none. That is no fault of who sent the notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a presence secret is whsec_ and base64 of at least 24 bytes; set DOWNLINK_PRESENCE_SECRET to that of the server \
     (`downlink config presence-secret` prints it), or give it"
)]
pub struct InvalidSecret;

impl InvalidSecret {
    /// The stable word for it, the same in every SDK.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "invalid_secret"
    }
}

/// Reads secrets that are separated by commas.
pub(super) fn keys(secrets: &str) -> Result<Vec<hmac::Key>, InvalidSecret> {
    let secrets = secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty());
    let keys = secrets.map(key).collect::<Result<Vec<_>, _>>()?;
    // Without a key nobody's signature would be right, which must not look like a forged notice.
    if keys.is_empty() { Err(InvalidSecret) } else { Ok(keys) }
}

fn key(secret: &str) -> Result<hmac::Key, InvalidSecret> {
    let encoded = secret.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
    // The cause is dropped: it would name a letter of the secret.
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
    // A key that can be guessed proves nothing, and an empty one is known to everybody.
    if bytes.len() < NOTICE_SECRET_BYTES_MIN {
        return Err(InvalidSecret);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_of(bytes: usize) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn several_stand_between_commas() {
        assert_eq!(keys(&secret_of(24)).unwrap().len(), 1);
        assert_eq!(keys(&format!(" {} , {},", secret_of(24), secret_of(64))).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let (short, good) = (secret_of(23), secret_of(24));
        let halfway = format!("{good},{short}");
        let bare = good.strip_prefix(PREFIX).unwrap();
        for wrong in ["", " , ", "secret", PREFIX, "whsec_?", "whsec_é", &short, &halfway, bare] {
            assert_eq!(keys(wrong).map(|keys| keys.len()), Err(InvalidSecret), "{wrong:?}");
        }
    }
}
