//! What the query of a call says: decoded values, the one recipient of a send, how long a poll waits.

use crate::limits::{WAIT_SECONDS_DEFAULT, WAIT_SECONDS_MAX};
use percent_encoding::percent_decode_str;

/// A send's query names something else than its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a send takes one parameter, `to`, once; for many recipients post items (see the README for the API)"
)]
pub struct NotOneRecipient;

/// A poll that would wait for ever, or for no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wait is 0 to 60 seconds")]
pub struct InvalidWait;

/// The decoded value of a parameter; `+` is a space, as forms write it.
#[must_use]
pub fn value(query: &str, name: &str) -> Option<Vec<u8>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| percent_decode_str(&value.replace('+', " ")).collect())
    })
}

/// The recipient that a send's query names: the only parameter there is, and there once. Any other would be a message
/// that goes elsewhere than its sender meant.
///
/// # Errors
/// [`NotOneRecipient`].
pub fn recipient(query: &str, named_by_path: bool) -> Result<Option<Vec<u8>>, NotOneRecipient> {
    let mut names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next());
    match (names.next(), names.next()) {
        (None, _) => Ok(None),
        (Some(Some("to")), None) if !named_by_path => Ok(value(query, "to")),
        _ => Err(NotOneRecipient),
    }
}

/// How many seconds a long-poll waits.
///
/// # Errors
/// [`InvalidWait`].
pub fn wait_seconds(query: &str) -> Result<u32, InvalidWait> {
    let Some(text) = value(query, "wait") else { return Ok(WAIT_SECONDS_DEFAULT) };
    let seconds = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<u32>().ok());
    seconds.filter(|seconds| *seconds <= WAIT_SECONDS_MAX).ok_or(InvalidWait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        assert_eq!(value("a=1&to=a%2Fb+c&x", "to").unwrap(), b"a/b c");
        assert_eq!(value("x", "x").unwrap(), b"");
        assert_eq!(value("a=1", "to"), None);
    }

    #[test]
    fn a_send_has_one_recipient_in_its_query_or_none() {
        assert_eq!(recipient("", false).unwrap(), None);
        assert_eq!(recipient("to=ada", false).unwrap().unwrap(), b"ada");
        for wrong in ["too=ada", "to=ada&to=bob", "to=ada&x=1", "x"] {
            assert_eq!(recipient(wrong, false), Err(NotOneRecipient), "{wrong}");
        }
        assert_eq!(recipient("to=ada", true), Err(NotOneRecipient));
    }

    #[test]
    fn a_poll_waits_a_minute_at_most() {
        assert_eq!(wait_seconds("after=k3f.1"), Ok(25));
        assert_eq!(wait_seconds("wait=0"), Ok(0));
        assert_eq!(wait_seconds("wait=60"), Ok(60));
        for wrong in ["wait", "wait=", "wait=61", "wait=-1", "wait=1.5", "wait=%FF"] {
            assert_eq!(wait_seconds(wrong), Err(InvalidWait), "{wrong}");
        }
    }
}
