//! Tokens as an attacker and a forgetful operator would send them.

use super::*;
use crate::cursor::{Epoch, Offset};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn ring() -> Keyring {
    Keyring::new(&[("new".into(), SECRET.to_vec()), ("old".into(), vec![7; 32])]).unwrap()
}

fn a_grant() -> Grant {
    Grant {
        client_id: "ada".parse().unwrap(),
        issued_at: NOW,
        expires_at: NOW + 7200,
        start: Some(Cursor::new(Epoch(46_000), Offset(12))),
    }
}

/// Signs as an application with a JWT library of its own would.
fn signed(claims: &serde_json::Value, kid: Option<&str>, secret: &[u8], algorithm: Algorithm) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn own(claims: &serde_json::Value) -> Result<Grant, TokenError> {
    ring().verify(&signed(claims, None, SECRET, Algorithm::HS256), NOW)
}

#[test]
fn what_was_signed_is_granted_until_it_expires() {
    let ring = ring();
    let token = ring.sign(&a_grant(), "1");
    assert_eq!(ring.verify(&token, NOW), Ok(a_grant()));
    assert_eq!(ring.verify(&token, NOW + 7199), Ok(a_grant()));
    assert_eq!(ring.verify(&token, NOW + 7200), Err(TokenError::TimedOut));
    assert_ne!(token, ring.sign(&a_grant(), "2"));
}

#[test]
fn any_altered_character_is_refused() {
    let ring = ring();
    let token = ring.sign(&a_grant(), "1");
    for index in 0..token.len() {
        for other in ['A', 'B', '-', '.'] {
            let mut altered = token.clone().into_bytes();
            if altered[index] == other as u8 {
                continue;
            }
            altered[index] = other as u8;
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(ring.verify(&altered, NOW), Err(TokenError::Invalid), "character {index}");
        }
    }
}

#[test]
fn the_kid_picks_the_key_and_its_algorithm() {
    let claims = json!({"aud": "downlink", "sub": "ada", "iat": NOW, "exp": NOW + 60});
    let ring = ring();
    let verify = |kid, secret: &[u8], alg| ring.verify(&signed(&claims, kid, secret, alg), NOW).is_ok();
    assert!(verify(Some("old"), &[7; 32], Algorithm::HS256), "an older key still verifies");
    assert!(verify(None, SECRET, Algorithm::HS256), "without kid, the first key");
    assert!(!verify(None, &[7; 32], Algorithm::HS256), "without kid, only the first key");
    assert!(!verify(Some("new"), &[7; 32], Algorithm::HS256), "another key's signature");
    assert!(!verify(Some("unknown"), SECRET, Algorithm::HS256));
    assert!(!verify(Some("new"), SECRET, Algorithm::HS512), "the token does not choose the algorithm");
}

#[test]
fn makers_take_turns_and_none_vouches_for_another() {
    let ring = ring();
    let claims = json!({"aud": AUDIENCE, "sub": "ada", "iat": NOW, "exp": NOW + 60});
    let token = |kid, secret: &[u8]| signed(&claims, kid, secret, Algorithm::HS256);
    for _ in 0..2 {
        for (kid, secret, other) in [(Some("new"), &SECRET[..], &[7; 32]), (Some("old"), &[7; 32], SECRET)] {
            assert!(ring.verify(&token(kid, secret), NOW).is_ok(), "{kid:?}");
            // The same header as the last good token's, of another key.
            assert_eq!(ring.verify(&token(kid, other), NOW), Err(TokenError::Invalid), "{kid:?}");
        }
        assert!(ring.verify(&token(None, SECRET), NOW).is_ok());
    }
}

#[test]
fn alg_none_is_refused() {
    let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = part(json!({"aud": "downlink", "sub": "ada", "iat": NOW, "exp": NOW + 60}));
    for alg in ["none", "None", "NONE"] {
        let token = format!("{}.{claims}.", part(json!({"alg": alg, "typ": "JWT"})));
        assert_eq!(ring().verify(&token, NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn audience_and_times_are_checked() {
    let with = |aud: serde_json::Value, iat: u64, exp: u64| {
        own(&json!({"aud": aud, "sub": "ada", "iat": iat, "exp": exp})).map(|_| ())
    };
    let invalid = Err(TokenError::Invalid);
    assert_eq!(with(json!("downlink"), NOW, NOW + 60), Ok(()));
    assert_eq!(with(json!(["other", "downlink"]), NOW, NOW + 60), Ok(()));
    assert_eq!(with(json!("other"), NOW, NOW + 60), invalid);
    assert_eq!(with(json!(null), NOW, NOW + 60), invalid);
    assert_eq!(own(&json!({"sub": "ada", "iat": NOW, "exp": NOW + 60})), Err(TokenError::Invalid));
    assert_eq!(with(json!("downlink"), NOW + 30, NOW + 60), Ok(()), "clocks differ a little");
    assert_eq!(with(json!("downlink"), NOW + 31, NOW + 60), invalid, "iat in the future");
    assert_eq!(with(json!("downlink"), NOW, NOW + 86_460), Ok(()), "a day and a minute");
    assert_eq!(with(json!("downlink"), NOW, NOW + 86_461), invalid, "longer than a day");
    assert_eq!(with(json!("downlink"), NOW - 60, NOW), Err(TokenError::TimedOut));
    assert_eq!(own(&json!({"aud": "downlink", "sub": "ada", "exp": NOW + 60})), Err(TokenError::Invalid));
    assert_eq!(
        own(&json!({"aud": "downlink", "sub": "", "iat": NOW, "exp": NOW + 60})),
        Err(TokenError::Invalid)
    );
}

#[test]
fn a_token_signed_outside_needs_no_position() {
    let grant =
        own(&json!({"aud": "downlink", "sub": "ada", "iat": NOW as f64 + 0.5, "exp": NOW + 60})).unwrap();
    assert_eq!((grant.start, grant.issued_at), (None, NOW));
}

#[test]
fn garbage_is_invalid_not_a_fault() {
    for text in ["", ".", "..", "a.b.c", "eyJ.eyJ.x", &"x".repeat(5000), "é.é.é"] {
        assert_eq!(ring().verify(text, NOW), Err(TokenError::Invalid), "{text:?}");
    }
}

#[test]
fn short_and_ambiguous_keys_are_refused() {
    let ring = |keys: &[(&str, usize)]| {
        let keys: Vec<_> = keys.iter().map(|(name, length)| ((*name).to_owned(), vec![1; *length])).collect();
        Keyring::new(&keys).map(|_| ())
    };
    assert_eq!(ring(&[("a", 32), ("b", 32)]), Ok(()));
    assert_eq!(ring(&[("a", 31)]), Err(KeyError::TooShort(31)));
    assert_eq!(ring(&[("a", 32), ("a", 32)]), Err(KeyError::SameName("a".into())));
}

#[test]
fn debug_shows_names_alone() {
    assert_eq!(format!("{:?}", ring()), r#"["new", "old"]"#);
    let signer = Signer::new(Some("new".into()), SECRET).unwrap();
    assert_eq!(format!("{signer:?}"), r#"Signer { name: Some("new"), .. }"#);
}

#[test]
fn a_signer_without_a_name_signs_for_the_first_key() {
    let signer = Signer::new(None, SECRET).unwrap();
    let grant = Grant { start: None, ..a_grant() };
    assert_eq!(ring().verify(&signer.sign(&grant, "1"), NOW), Ok(grant.clone()));
    let other = Signer::new(None, &[7; 32]).unwrap();
    assert_eq!(ring().verify(&other.sign(&grant, "1"), NOW), Err(TokenError::Invalid));
    assert_eq!(Signer::new(None, &SECRET[1..]).map(|_| ()), Err(KeyError::TooShort(31)));
}

#[test]
fn an_application_may_sign_with_its_own_private_key() {
    // Key pair and signature of RFC 8037, appendix A; only the public half is configured.
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "app",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    let mut ring = ring();
    ring.add_key_set(&set.to_string()).unwrap();
    // PKCS#8 (RFC 8410) around the seed of that appendix.
    let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend(seed);
    let header = Header { kid: Some("app".into()), ..Header::new(Algorithm::EdDSA) };
    let claims = json!({"aud": "downlink", "sub": "ada", "iat": NOW, "exp": NOW + 60});
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&der)).unwrap();
    assert_eq!(ring.verify(&token, NOW).unwrap().client_id.as_str(), "ada");
    // The public key's bytes as an HMAC secret: the classic confusion.
    let public = BASE64_URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let confused = signed(&claims, Some("app"), &public, Algorithm::HS256);
    assert_eq!(ring.verify(&confused, NOW), Err(TokenError::Invalid));
}

#[test]
fn key_sets_that_cannot_verify_are_refused_with_their_name() {
    let symmetric = json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "s", "k": "AAAA"}]});
    assert_eq!(ring().add_key_set(&symmetric.to_string()), Err(KeyError::Unusable("s".into())));
    assert!(matches!(ring().add_key_set("{"), Err(KeyError::NotJwks(_))));
}
