//! What can go wrong with a call, by what a caller does about it. No text here ever holds a token or a key.

use serde::Deserialize;

/// A call was refused, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's address is none that this client can use.
    #[error("{0}")]
    InvalidUrl(&'static str),
    /// The certificates by which the server is to be known cannot be used.
    #[error("{0}")]
    InvalidCa(String),
    /// The call needs an API key, and none was given.
    #[error("no API key; set DOWNLINK_API_KEY or give one (`downlink dev` prints its own)")]
    NoApiKey,
    /// The API key cannot stand in a header.
    #[error("an API key has visible ASCII characters only; the one given has others")]
    InvalidApiKey,
    /// The idempotency key cannot stand in a header.
    #[error("an idempotency key has visible ASCII characters only; the one given has others")]
    InvalidIdempotencyKey,
    /// The server answered with a problem (RFC 9457).
    #[error("{detail} ({code}, HTTP {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable word for what happened, such as `invalid_client_id`.
        code: String,
        /// A sentence that says what to do.
        detail: String,
    },
    /// No answer came. Whether a send that ended so was stored is unknown; sending it again with the same idempotency
    /// key within ten minutes is safe either way.
    #[error("{0}")]
    Unreachable(String),
    /// Something answered that is not Downlink.
    #[error(
        "the answer from {url} is not one of Downlink (HTTP {status}); is something else listening there?"
    )]
    Unexpected {
        /// The server's address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

impl Error {
    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Error::Unreachable(_) => true,
            Error::Refused { status, .. } => matches!(status, 429 | 502..=504 | 507),
            _ => false,
        }
    }

    /// The stable word for what happened.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Error::InvalidUrl(_) => "invalid_url",
            Error::InvalidCa(_) => "invalid_ca",
            Error::NoApiKey | Error::InvalidApiKey => "invalid_api_key",
            Error::InvalidIdempotencyKey => "invalid_idempotency_key",
            Error::Refused { code, .. } => code,
            Error::Unreachable(_) => "unreachable",
            Error::Unexpected { .. } => "unexpected_answer",
        }
    }

    /// Reads a problem document, or makes do with the bare status where a proxy answered.
    pub(crate) fn from_problem(status: u16, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Problem {
            code: String,
            detail: Option<String>,
            title: Option<String>,
        }
        let unexplained = || format!("the answer was HTTP {status}, with no reason given");
        match serde_json::from_slice::<Problem>(body) {
            Ok(Problem { code, detail, title }) => {
                Error::Refused { status, code, detail: detail.or(title).unwrap_or_else(unexplained) }
            }
            Err(_) => Error::Refused { status, code: format!("http_{status}"), detail: unexplained() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_says_what_happened() {
        let body = br#"{"type":"about:blank","status":400,"code":"invalid_client_id","detail":"Too long."}"#;
        let error = Error::from_problem(400, body);
        assert_eq!(error.code(), "invalid_client_id");
        assert_eq!(error.to_string(), "Too long. (invalid_client_id, HTTP 400)");
        assert!(!error.is_temporary());
    }

    #[test]
    fn a_proxys_page_is_a_status() {
        let error = Error::from_problem(502, b"<html>Bad Gateway</html>");
        assert_eq!(error.code(), "http_502");
        assert!(error.is_temporary());
    }
}
