//! The signed grant with which a page opens a channel: a JWT (RFC 7519), checked against a keyring.

use crate::{
    cursor::Cursor,
    id::ClientId,
    limits::{
        TOKEN_BYTES_MAX, TOKEN_FUTURE_LEEWAY_SECONDS, TOKEN_LIFE_LEEWAY_SECONDS, TOKEN_MINUTES_MAX,
        TOKEN_SECRET_BYTES_MIN,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, jwk::JwkSet};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use std::{
    borrow::Cow,
    fmt,
    sync::{Mutex, PoisonError},
};

/// The audience that every token names, so that another service's JWT of the same key is no grant here.
pub const AUDIENCE: &str = "downlink";

/// What a token grants. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose channel it opens.
    pub client_id: ClientId,
    /// When it was made; stands in for the position of a token that has none.
    pub issued_at: u64,
    /// From then on it opens nothing.
    pub expires_at: u64,
    /// Where a socket starts that has no cursor of its own.
    pub start: Option<Cursor>,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, altered, of another key or audience, or with impossible times.
    #[error("the token is not one that this server accepts; ask the application for a new one")]
    Invalid,
    /// A good token whose time is over.
    #[error("the token's time is over; ask the application for a new one")]
    TimedOut,
}

/// Why a key was not taken into the keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// HS256 with less than 32 bytes can be guessed.
    #[error("a token key needs at least 32 bytes; this one has {0} (`downlink init` makes good ones)")]
    TooShort(usize),
    /// Two keys with one name: a token could mean either.
    #[error("two token keys are named {0:?}; give each an id of its own")]
    SameName(String),
    /// The text is not a JSON Web Key Set.
    #[error("not a JSON Web Key Set (RFC 7517): {0}")]
    NotJwks(String),
    /// A key of the set cannot be used.
    #[error(
        "key {0:?} of the key set cannot verify tokens; use EdDSA, ES256 or RS256 with a `kid` and an `alg`"
    )]
    Unusable(String),
}

/// Signs tokens with one shared secret (HS256): the server's own, and those of an application that has the secret.
pub struct Signer {
    header: Header,
    key: EncodingKey,
}

/// The keys that verify tokens; the first one signs.
pub struct Keyring {
    /// The first is taken for tokens without `kid`.
    keys: Vec<Key>,
    signer: Signer,
    /// The first part of the last good token, and its key: tokens of one maker differ only behind it, and reading it
    /// costs more than checking a signature.
    known: Mutex<Option<(Box<str>, usize)>>,
}

struct Key {
    name: String,
    /// The key's one algorithm. The token does not choose.
    algorithm: Algorithm,
    decoding: DecodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cur: Option<String>,
}

#[derive(Deserialize)]
struct ReadClaims<'a> {
    aud: ForUs,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    iat: f64,
    exp: f64,
    #[serde(borrow)]
    cur: Option<Cow<'a, str>>,
}

/// Whether [`AUDIENCE`] is the audience, or one of it (RFC 7519, 4.1.3: one name or a list of them).
struct ForUs(bool);

impl<'de> Deserialize<'de> for ForUs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = ForUs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an audience or a list of them")
            }

            fn visit_str<E>(self, name: &str) -> Result<ForUs, E> {
                Ok(ForUs(name == AUDIENCE))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ForUs, A::Error> {
                let mut for_us = false;
                while let Some(name) = names.next_element::<Cow<'_, str>>()? {
                    for_us |= name == AUDIENCE;
                }
                Ok(ForUs(for_us))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

// === impl Signer ===

impl Signer {
    /// A signer with a shared secret; the `name` becomes the token's `kid`.
    ///
    /// # Errors
    /// [`KeyError::TooShort`].
    pub fn new(name: Option<String>, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < TOKEN_SECRET_BYTES_MIN {
            return Err(KeyError::TooShort(secret.len()));
        }
        let header = Header { kid: name, ..Header::new(Algorithm::HS256) };
        Ok(Self { header, key: EncodingKey::from_secret(secret) })
    }

    /// Makes a token. `unique` is the `jti`: two calls never give the same token.
    #[must_use]
    pub fn sign(&self, grant: &Grant, unique: &str) -> String {
        let claims = Claims {
            aud: AUDIENCE,
            sub: grant.client_id.as_str(),
            iat: grant.issued_at,
            exp: grant.expires_at,
            jti: unique,
            cur: grant.start.map(|cursor| cursor.to_string()),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).expect("HS256 signs any claims")
    }
}

impl fmt::Debug for Signer {
    /// The key's name only: the key must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("name", &self.header.kid).finish_non_exhaustive()
    }
}

// === impl Keyring ===

impl Keyring {
    /// A keyring of shared secrets: `(name, secret)`, the first one signs.
    ///
    /// # Errors
    /// [`KeyError`] for a short secret or a name that is taken.
    ///
    /// # Panics
    /// Without any secret; the configuration always has one.
    pub fn new(secrets: &[(String, Vec<u8>)]) -> Result<Self, KeyError> {
        let (name, secret) = secrets.first().expect("the configuration has a token key or makes one");
        let signer = Signer::new(Some(name.clone()), secret)?;
        let mut ring = Self { keys: Vec::new(), signer, known: Mutex::default() };
        for (name, secret) in secrets {
            if secret.len() < TOKEN_SECRET_BYTES_MIN {
                return Err(KeyError::TooShort(secret.len()));
            }
            ring.add(name.clone(), Algorithm::HS256, DecodingKey::from_secret(secret))?;
        }
        Ok(ring)
    }

    /// Adds the public keys with which an application signs tokens by itself: a JSON Web Key Set (RFC 7517).
    ///
    /// # Errors
    /// [`KeyError`] for a text that is no key set, or a key in it that cannot be used.
    pub fn add_key_set(&mut self, json: &str) -> Result<(), KeyError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|error| KeyError::NotJwks(error.to_string()))?;
        for jwk in &set.keys {
            let name = jwk.common.key_id.clone().unwrap_or_default();
            let unusable = || KeyError::Unusable(name.clone());
            let algorithm = jwk.common.key_algorithm.and_then(|a| a.to_string().parse().ok());
            let algorithm = algorithm
                .filter(|a| matches!(a, Algorithm::EdDSA | Algorithm::ES256 | Algorithm::RS256))
                .ok_or_else(unusable)?;
            if name.is_empty() {
                return Err(unusable());
            }
            self.add(name.clone(), algorithm, DecodingKey::from_jwk(jwk).map_err(|_| unusable())?)?;
        }
        Ok(())
    }

    fn add(&mut self, name: String, algorithm: Algorithm, decoding: DecodingKey) -> Result<(), KeyError> {
        if self.keys.iter().any(|key| key.name == name) {
            return Err(KeyError::SameName(name));
        }
        self.keys.push(Key { name, algorithm, decoding });
        Ok(())
    }

    /// Makes a token with the first key. `unique` is the `jti`: two calls never give the same token.
    #[must_use]
    pub fn sign(&self, grant: &Grant, unique: &str) -> String {
        self.signer.sign(grant, unique)
    }

    /// Checks a token. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`TokenError`]. What is wrong with an invalid token is not said: it would only help who forges one.
    pub fn verify(&self, token: &str, now: u64) -> Result<Grant, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        self.read(token, now).unwrap_or(Err(TokenError::Invalid))
    }

    /// `None` for what is no token of one of the keys. The library's own reading of a whole token reads the header and
    /// the claims twice each; times and audience are checked below, by the hub's clock.
    fn read(&self, token: &str, now: u64) -> Option<Result<Grant, TokenError>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let known = self.known(header);
        let index = known.or_else(|| self.key_of(token))?;
        let key = &self.keys[index];
        let is_good =
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key.decoding, key.algorithm);
        is_good.ok().filter(|good| *good)?;
        if known.is_none() {
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((header.into(), index));
        }
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        Some(grant(&serde_json::from_slice(&claims).ok()?, now))
    }

    fn known(&self, header: &str) -> Option<usize> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(text, _)| **text == *header).map(|(_, index)| *index)
    }

    /// The key that a token's header names.
    fn key_of(&self, token: &str) -> Option<usize> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let index = header.kid.map_or(Some(0), |name| self.keys.iter().position(|key| key.name == name))?;
        (self.keys[index].algorithm == header.alg).then_some(index)
    }
}

/// Whether a text has the form of a token: three parts, the first a JSON object in base64url. Decides how a send's
/// target is read; says nothing about whether the token is good.
#[must_use]
pub fn looks_like_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() == 2
}

fn grant(claims: &ReadClaims<'_>, now: u64) -> Result<Grant, TokenError> {
    // RFC 7519 allows fractions; seconds are enough here. Out of range, a cast saturates.
    let (issued_at, expires_at) = (claims.iat as u64, claims.exp as u64);
    let life_max = u64::from(TOKEN_MINUTES_MAX) * 60 + TOKEN_LIFE_LEEWAY_SECONDS;
    if !claims.aud.0
        || issued_at > now + TOKEN_FUTURE_LEEWAY_SECONDS
        || expires_at <= issued_at
        || expires_at - issued_at > life_max
    {
        return Err(TokenError::Invalid);
    }
    let client_id = claims.sub.parse().map_err(|_| TokenError::Invalid)?;
    let start = match claims.cur.as_deref() {
        None | Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| TokenError::Invalid)?),
    };
    if expires_at <= now {
        return Err(TokenError::TimedOut);
    }
    Ok(Grant { client_id, issued_at, expires_at, start })
}

impl fmt::Debug for Keyring {
    /// Names only: a key must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}

#[cfg(test)]
mod tests;
