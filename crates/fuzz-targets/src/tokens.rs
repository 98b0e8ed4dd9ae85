//! Tokens: whatever they say, and however a good one was altered.

use crate::input::Input;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use protocol::{
    limits::{TOKEN_FUTURE_LEEWAY_SECONDS, TOKEN_LIFE_LEEWAY_SECONDS, TOKEN_MINUTES_MAX},
    token::{Grant, Keyring, looks_like_token},
};
use std::sync::LazyLock;

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"a-secret-of-at-least-32-bytes-for-fuzzing";

/// Public keys as an application would give them (RFC 8037, A.2; RFC 7515, A.3.1).
const KEY_SET: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty":"EC","crv":"P-256","kid":"ec","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
     "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let mut keyring = Keyring::new(&[("first".into(), SECRET.to_vec())]).expect("the secret is long enough");
    keyring.add_key_set(KEY_SET).expect("the set is in order");
    keyring
});

/// The first byte chooses: any text; any header and claims under a good signature; a good token with altered bytes;
/// any key set.
pub fn tokens(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => {
            let Ok(text) = std::str::from_utf8(input.rest()) else { return };
            assert!(KEYRING.verify(text, NOW).is_err(), "nobody signed this");
        }
        1 => {
            let header_bytes = usize::from(input.byte());
            let (header, claims) = (input.bytes(header_bytes), input.rest());
            signed(header, claims);
        }
        2 => altered(input),
        _ => {
            let Ok(text) = std::str::from_utf8(input.rest()) else { return };
            let mut keyring = Keyring::new(&[("first".into(), SECRET.to_vec())]).expect("as above");
            // Any verdict; no key may slip in that verifies what is signed with nothing.
            let _ = keyring.add_key_set(text);
            assert!(keyring.verify(&token(br#"{"alg":"none"}"#, b"{}"), NOW).is_err());
        }
    }
}

/// What is granted is within all bounds, whatever was signed.
fn signed(header: &[u8], claims: &[u8]) {
    let token = token(header, claims);
    let Ok(grant) = KEYRING.verify(&token, NOW) else { return };
    assert!(looks_like_token(&token) || !header.starts_with(b"{\""), "a send would take it for a client id");
    let life_max = u64::from(TOKEN_MINUTES_MAX) * 60 + TOKEN_LIFE_LEEWAY_SECONDS;
    assert!(grant.expires_at > NOW && grant.issued_at <= NOW + TOKEN_FUTURE_LEEWAY_SECONDS, "{grant:?}");
    assert!(grant.expires_at - grant.issued_at <= life_max, "{grant:?}");
    assert_eq!(KEYRING.verify(&KEYRING.sign(&grant, "again"), NOW).as_ref(), Ok(&grant));
    assert!(KEYRING.verify(&token, grant.expires_at).is_err(), "it ends when it says");
}

/// Signs with the first key of the ring, which is for HS256.
fn token(header: &[u8], claims: &[u8]) -> String {
    let text = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256);
    format!("{text}.{}", signature.expect("HS256 signs anything"))
}

/// A good token of which any byte was altered is none.
fn altered(mut input: Input<'_>) {
    let client_id = "ada".parse().expect("a client id");
    let grant = Grant { client_id, issued_at: NOW, expires_at: NOW + 60, start: None };
    let good = KEYRING.sign(&grant, "one");
    let mut bytes = good.clone().into_bytes();
    while !input.is_empty() {
        let at = input.below(bytes.len() + 1);
        match (input.byte(), bytes.get_mut(at)) {
            (0, Some(_)) => drop(bytes.remove(at)),
            (byte, Some(place)) if byte & 0x80 == 0 => *place = byte,
            (byte, _) => bytes.insert(at, byte & 0x7f),
        }
        if bytes.is_empty() {
            return;
        }
    }
    let Ok(text) = String::from_utf8(bytes) else { return };
    assert_eq!(KEYRING.verify(&text, NOW).is_ok(), text == good, "{text}");
}
