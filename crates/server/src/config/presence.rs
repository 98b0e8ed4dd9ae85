//! Who is told of who comes and goes, and how.

use super::{Check, Secret, written};
use crate::notices::Format;
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Uri;
use protocol::limits;
use std::time::Duration;

/// What the configuration says of presence.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Where notices go; `None`: the application is told nothing.
    pub(crate) url: Option<Uri>,
    pub(crate) format: Format,
    /// As applications get them (`whsec_…`), the newest first.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) grace: Duration,
    pub(crate) silence: Duration,
}

/// How secrets begin (Standard Webhooks).
const PREFIX: &str = "whsec_";

impl Check<'_> {
    pub(super) fn presence(
        &mut self,
        written: written::Presence,
        token_keys: &[(String, Secret)],
    ) -> Presence {
        let url = written.url.and_then(|text| self.url(&text));
        let formats = [("appengine", Format::AppEngine), ("standard", Format::Standard)];
        let format = self.one_of("presence.format", written.format.as_deref(), &formats);
        let mut secrets: Vec<Secret> = written
            .secret
            .iter()
            .flat_map(|text| text.split(','))
            .map(|text| Secret::new(text.trim().to_owned()))
            .collect();
        if secrets.len() > 2 || secrets.iter().any(|secret| key(secret).is_none()) {
            let what = format!(
                "must be {PREFIX:?} and base64 of {} bytes or more; at most two, separated by a comma",
                limits::NOTICE_SECRET_BYTES_MIN
            );
            self.wrong("presence.secret", &what);
        }
        if secrets.is_empty() {
            secrets.extend(token_keys.first().map(|(_, key)| derived(key)));
        }
        Presence {
            url,
            format,
            secrets,
            grace: Duration::from_secs(self.within(&Self::GRACE_SECONDS, written.grace_seconds)),
            silence: Duration::from_secs(self.within(&Self::SILENCE_SECONDS, written.silence_seconds)),
        }
    }

    fn url(&mut self, text: &str) -> Option<Uri> {
        let uri: Option<Uri> = text.parse().ok();
        let good = uri.filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if good.is_none() {
            // It may hold a password, so it is not repeated.
            self.wrong(
                "presence.url",
                "is no address that notices can go to; write one as \"http://127.0.0.1:8080\", without a user",
            );
        }
        good
    }
}

impl Presence {
    /// The keys that sign.
    pub(crate) fn keys(&self) -> Vec<Vec<u8>> {
        self.secrets.iter().filter_map(key).collect()
    }
}

/// The bytes that a secret stands for.
fn key(secret: &Secret) -> Option<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
    (bytes.len() >= limits::NOTICE_SECRET_BYTES_MIN).then_some(bytes)
}

/// The secret of who has not chosen one: it follows from the key of tokens, so that it is the same on every start and
/// every node.
fn derived(token_key: &Secret) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token_key.expose().as_bytes());
    let tag = hmac::sign(&key, b"downlink presence notices");
    Secret::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(tag)))
}
