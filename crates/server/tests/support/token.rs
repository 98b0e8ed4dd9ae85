//! Tokens that the server did not make: good ones with times of their own, and forged ones.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The secret of every server of these tests.
pub(crate) const TOKEN_KEY: &str = "a-secret-for-tokens-of-tests-0123456789abcdef";

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims of a good token for the next hour, without a position.
pub(crate) fn claims(id: &str) -> Value {
    json!({"aud": "downlink", "sub": id, "iat": now(), "exp": now() + 3600, "jti": "test"})
}

/// Signs claims with HS256.
pub(crate) fn sign(claims: &Value, key: &str) -> String {
    sign_with(&json!({"alg": "HS256", "typ": "JWT"}), claims, key)
}

/// Signs with a header of one's own; `alg: none` leaves the signature out.
pub(crate) fn sign_with(header: &Value, claims: &Value, key: &str) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    if header["alg"] == "none" {
        return text + ".";
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

/// A token that ends in so many seconds.
pub(crate) fn short(id: &str, seconds: u64) -> String {
    let mut claims = claims(id);
    claims["exp"] = json!(now() + seconds);
    sign(&claims, TOKEN_KEY)
}
