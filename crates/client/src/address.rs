//! Where the server is: checked once, so that every call only appends to it.

use crate::error::Error;
use hyper::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use std::fmt;

/// Where `downlink dev` and `downlink serve` listen unless told otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7171";

/// RFC 3986, 2.3: everything but the unreserved characters is escaped, so that every client id fits into a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The server's address without a slash at its end; it may have a path, for a Downlink behind a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let url = url.trim();
        let uri: Uri = url.parse().map_err(|_| NOT_AN_ADDRESS)?;
        let authority = uri.authority().ok_or(NOT_AN_ADDRESS)?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let scheme = scheme.filter(|_| !authority.host().is_empty()).ok_or(NOT_AN_ADDRESS)?;
        // A user name would show in logs and errors, and a query would meet that of each call.
        if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
            return Err(Error::InvalidUrl(
                "the server's address has no user name, query or fragment; the API key goes into \
                 DOWNLINK_API_KEY",
            ));
        }
        Ok(Self(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'))))
    }

    /// Whether connections are to be made with TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The address of one call; `target` begins with a slash and is escaped.
    pub(crate) fn uri(&self, target: &str) -> Result<Uri, Error> {
        format!("{self}{target}")
            .parse()
            .map_err(|_| Error::InvalidUrl("the address is too long for a request"))
    }
}

const NOT_AN_ADDRESS: Error =
    Error::InvalidUrl("give the server's address as http://HOST:PORT or https://HOST:PORT");

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text as it stands in a query.
pub(crate) fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_and_a_prefix_are_fine() {
        for (given, kept) in [
            ("http://127.0.0.1:7171", "http://127.0.0.1:7171"),
            (" http://localhost/ ", "http://localhost"),
            ("HTTP://[::1]:80/push/", "http://[::1]:80/push"),
            ("HTTPS://example.com/", "https://example.com"),
        ] {
            let address = Address::parse(given).unwrap();
            assert_eq!(address.to_string(), kept);
            assert_eq!(address.is_https(), kept.starts_with("https"));
        }
    }

    #[test]
    fn other_addresses_are_refused_with_a_sentence() {
        for url in ["", "127.0.0.1:7171", "/v1", "ftp://a", "http://", "https://:7171", "localhost"] {
            assert!(Address::parse(url).unwrap_err().to_string().contains("http://HOST:PORT"), "{url:?}");
        }
        for url in ["http://key@host", "http://host?x=1", "http://host/#a"] {
            assert!(Address::parse(url).unwrap_err().to_string().contains("DOWNLINK_API_KEY"), "{url:?}");
        }
    }

    #[test]
    fn every_client_id_fits_into_a_query() {
        let id = "a/b?c&d=e+f%g h~é\n..";
        let target = format!("/v1/messages?to={}", escaped(id));
        let uri = Address::parse(DEFAULT_URL).unwrap().uri(&target).unwrap();
        let query = uri.query().unwrap().strip_prefix("to=").unwrap();
        assert!(query.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        assert_eq!(percent_encoding::percent_decode_str(query).decode_utf8().unwrap(), id);
    }
}
