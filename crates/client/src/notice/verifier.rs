//! Tells presence notices of Downlink from forged, altered and replayed ones.

use crate::{
    clock,
    notice::{
        body,
        secret::{self, InvalidSecret},
    },
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    env, fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A replayed notice is refused after this long; clocks may differ by as much.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Digits of a timestamp; 12 last for 30,000 years, and fit into any time that a system knows.
const TIMESTAMP_DIGITS_MAX: usize = 12;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// A client id has come, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same when a notice comes twice.
    pub id: String,
    /// When it was sent, this time.
    pub time: SystemTime,
    /// Who.
    pub client_id: String,
    /// Whether the client id has a socket open now.
    pub connected: bool,
    /// Rises with every notice of a client id: one that is not above the last one's is old news.
    pub generation: u64,
}

/// Why a request is not believed to be a notice of Downlink. Answer it with 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNotice {
    /// One of the three headers is not there.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// It is old or comes from the future, or does not say when it was sent.
    #[error("the notice is over five minutes old or ahead, or its timestamp is no number of seconds")]
    BadTimestamp,
    /// It was not signed with one of the secrets, or altered since.
    #[error("the notice is not signed with DOWNLINK_PRESENCE_SECRET")]
    WrongSignature,
    /// It was signed by who has the secret, but it is no notice.
    #[error("the body is signed, but it is no presence notice")]
    Unreadable,
}

/// Judges presence notices by the secrets that they are signed with (Standard Webhooks).
///
/// Anybody can post to an application. Only what is signed is believed: neither the path of a request nor its
/// Content-Type decides anything.
pub struct NoticeVerifier {
    keys: Vec<hmac::Key>,
}

/// The headers that matter.
#[derive(Debug)]
struct Signed {
    id: String,
    timestamp: String,
    signatures: String,
}

// === impl NoticeVerifier ===

impl NoticeVerifier {
    /// A verifier with these secrets: `whsec_` and base64, several separated by commas while one is replaced by
    /// another.
    ///
    /// # Errors
    /// [`InvalidSecret`].
    pub fn new(secrets: &str) -> Result<Self, InvalidSecret> {
        Ok(Self { keys: secret::keys(secrets)? })
    }

    /// A verifier with the secrets in `DOWNLINK_PRESENCE_SECRET`.
    ///
    /// # Errors
    /// [`InvalidSecret`], also if it is not set.
    pub fn from_env() -> Result<Self, InvalidSecret> {
        Self::new(&env::var("DOWNLINK_PRESENCE_SECRET").unwrap_or_default())
    }

    /// Returns what a notice says, if it is one of Downlink.
    ///
    /// `headers` are all of the request's, as pairs of name and value: a reference to a `HeaderMap` will do, or a list
    /// of pairs. Upper and lower case of names do not matter. `body` is the body as it came, before any parser.
    ///
    /// A notice may come twice, and late: see [`Notice::generation`].
    ///
    /// # Errors
    /// [`InvalidNotice`].
    pub fn verify<N, V>(
        &self,
        headers: impl IntoIterator<Item = (N, V)>,
        body: &[u8],
    ) -> Result<Notice, InvalidNotice>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        self.verify_at(headers, body, clock::now())
    }

    /// The same, judged by another time than now.
    ///
    /// # Errors
    /// [`InvalidNotice`].
    pub fn verify_at<N, V>(
        &self,
        headers: impl IntoIterator<Item = (N, V)>,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Notice, InvalidNotice>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let signed = Signed::read(headers)?;
        let time = read_timestamp(&signed.timestamp, now).ok_or(InvalidNotice::BadTimestamp)?;
        if !self.is_signed(&signed, body) {
            return Err(InvalidNotice::WrongSignature);
        }
        let body::Told { client_id, connected, generation } =
            body::read(body).ok_or(InvalidNotice::Unreadable)?;
        Ok(Notice { id: signed.id, time, client_id, connected, generation })
    }

    /// Whether one of the signatures is made with one of the keys.
    fn is_signed(&self, signed: &Signed, body: &[u8]) -> bool {
        let mut found = false;
        for key in &self.keys {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{}.{}.", signed.id, signed.timestamp).as_bytes());
            context.update(body);
            // Compared as text: base64 has several spellings of the same bytes, and only one is expected.
            let right = BASE64_STANDARD.encode(context.sign());
            let given = signed.signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
            for one in given {
                // All are compared, each in constant time: how long it takes tells nothing of how near one was.
                found |= verify_slices_are_equal(right.as_bytes(), one.as_bytes()).is_ok();
            }
        }
        found
    }
}

impl fmt::Debug for NoticeVerifier {
    /// How many secrets there are, never which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoticeVerifier").field("secrets", &self.keys.len()).finish()
    }
}

// === impl Signed ===

impl Signed {
    /// The first of each name counts.
    fn read<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, InvalidNotice>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut found = [(ID, None), (TIMESTAMP, None), (SIGNATURE, None)];
        for (name, value) in headers {
            let slot = found.iter_mut().find(|(wanted, _)| name.as_ref().eq_ignore_ascii_case(wanted));
            if let Some((_, slot @ None)) = slot {
                // Downlink's are ASCII; what is not will not be signed either.
                *slot = Some(String::from_utf8_lossy(value.as_ref()).into_owned());
            }
        }
        let [id, timestamp, signatures] =
            found.map(|(name, value)| value.ok_or(InvalidNotice::MissingHeader(name)));
        Ok(Self { id: id?, timestamp: timestamp?, signatures: signatures? })
    }
}

// === impl InvalidNotice ===

impl InvalidNotice {
    /// The stable word for what is wrong, the same in every SDK.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            InvalidNotice::MissingHeader(_) => "missing_header",
            InvalidNotice::BadTimestamp => "bad_timestamp",
            InvalidNotice::WrongSignature => "wrong_signature",
            InvalidNotice::Unreadable => "unreadable",
        }
    }
}

/// The time that a timestamp names, if it is near enough to `now`.
fn read_timestamp(text: &str, now: SystemTime) -> Option<SystemTime> {
    // Digits only: neither a sign nor a fraction nor an exponent.
    if text.len() > TIMESTAMP_DIGITS_MAX || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(text.parse().ok()?))?;
    let off = now.duration_since(time).unwrap_or_else(|error| error.duration());
    (off <= TOLERANCE).then_some(time)
}

#[cfg(test)]
mod tests;
