//! What is believed beside and around the conformance cases.

use super::*;
use hyper::HeaderMap;

const BODY: &str = r#"{"type":"channel.connected","data":{"client_id":"ada","generation":7}}"#;
const NOW: u64 = 1_700_000_000;

fn secret(letter: u8) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode([letter; 32]))
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A good signature of the body.
fn signature(letter: u8, id: &str, timestamp: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[letter; 32]);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{BODY}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(tag))
}

fn verify(timestamp: &str, signatures: &str) -> Result<Notice, InvalidNotice> {
    let headers = [(ID, "notice_1"), (TIMESTAMP, timestamp), (SIGNATURE, signatures)];
    NoticeVerifier::new(&secret(b'k')).unwrap().verify_at(headers, BODY.as_bytes(), at(NOW))
}

#[test]
fn headers_come_in_many_shapes() {
    let verifier = NoticeVerifier::new(&secret(b'k')).unwrap();
    let (time, signature) = (NOW.to_string(), signature(b'k', "notice_1", "1700000000"));
    let plain = [("webhook-id", "notice_1"), ("webhook-timestamp", &time), ("webhook-signature", &signature)];
    let (mut map, mut owned) = (HeaderMap::new(), Vec::new());
    for (name, value) in plain {
        map.insert(name, value.parse().unwrap());
        owned.push((name.to_uppercase(), value.as_bytes().to_vec()));
    }
    let owned = || owned.iter().map(|(name, value)| (name, value));
    let body = BODY.as_bytes();
    for verified in [
        verifier.verify_at(plain, body, at(NOW)),
        verifier.verify_at(&map, body, at(NOW)),
        verifier.verify_at(owned(), body, at(NOW)),
        verifier.verify_at(owned().chain([(&"Webhook-Signature".into(), &b"v1,no".to_vec())]), body, at(NOW)),
    ] {
        assert_eq!(verified.unwrap().client_id, "ada");
    }
}

#[test]
fn one_good_signature_is_enough_wherever_it_stands() {
    let good = signature(b'k', "notice_1", "1700000000");
    for signatures in [format!("{good} v1,AAAA"), format!("v1,AAAA {good}"), format!("v1a,A {good} v2,A")] {
        assert!(verify("1700000000", &signatures).is_ok(), "{signatures}");
    }
    let headers = [(ID, "notice_1"), (TIMESTAMP, "1700000000"), (SIGNATURE, &*good)];
    for secrets in [[secret(b'o'), secret(b'k')], [secret(b'k'), secret(b'o')]] {
        let verifier = NoticeVerifier::new(&secrets.join(" , ")).unwrap();
        assert!(verifier.verify_at(headers, BODY.as_bytes(), at(NOW)).is_ok());
    }
}

#[test]
fn odd_signatures_are_wrong_ones() {
    let good = signature(b'k', "notice_1", "1700000000");
    let unpadded = good.trim_end_matches('=');
    let (other, with_comma) = (signature(b'o', "notice_1", "1700000000"), good.replace("v1,", "v1,,"));
    for wrong in ["", ",", " ", "v1, v1,", "v1,é", unpadded, &other, &with_comma, &good.replace(',', " ")] {
        assert_eq!(verify("1700000000", wrong), Err(InvalidNotice::WrongSignature), "{wrong:?}");
    }
    // Whoever knows that nothing is set must not be able to sign with nothing.
    let empty = hmac::Key::new(hmac::HMAC_SHA256, b"");
    let tag = hmac::sign(&empty, format!("notice_1.1700000000.{BODY}").as_bytes());
    let wrong = verify("1700000000", &format!("v1,{}", BASE64_STANDARD.encode(tag)));
    assert_eq!(wrong, Err(InvalidNotice::WrongSignature));
}

#[test]
fn only_plain_seconds_near_now_are_a_timestamp() {
    for (timestamp, good) in [
        ("1700000000", true),
        ("1699999700", true),
        ("1699999699", false),
        ("1700000300", true),
        ("1700000301", false),
        ("+1700000000", false),
        ("1700000000 ", false),
        ("١٧٠٠٠٠٠٠٠٠", false),
        ("0001700000000", false),
        (&"9".repeat(5000), false),
        ("999999999999", false),
    ] {
        let verified = verify(timestamp, &signature(b'k', "notice_1", timestamp)).map(|_| ());
        let expected = if good { Ok(()) } else { Err(InvalidNotice::BadTimestamp) };
        assert_eq!(verified, expected, "{timestamp:.30}");
    }
}

#[test]
fn the_clock_is_that_of_the_machine_unless_given() {
    let good = signature(b'k', "notice_1", "1700000000");
    let headers = [(ID, "notice_1"), (TIMESTAMP, "1700000000"), (SIGNATURE, &*good)];
    let verifier = NoticeVerifier::new(&secret(b'k')).unwrap();
    assert_eq!(verifier.verify(headers, BODY.as_bytes()), Err(InvalidNotice::BadTimestamp));
    let now = clock::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let fresh = signature(b'k', "notice_1", &now);
    let headers = [(ID, "notice_1"), (TIMESTAMP, &*now), (SIGNATURE, &*fresh)];
    assert!(verifier.verify(headers, BODY.as_bytes()).is_ok());
}

#[test]
fn no_secret_is_shown() {
    let given = secret(b'k');
    let key = given.strip_prefix("whsec_").unwrap();
    let verifier = NoticeVerifier::new(&given).unwrap();
    assert_eq!(format!("{verifier:?}"), "NoticeVerifier { secrets: 1 }");
    let refused = NoticeVerifier::new(&given[1..]).unwrap_err();
    let good = signature(b'k', "notice_1", "1700000000");
    let altered = [(ID, "notice_2"), (TIMESTAMP, "1700000000"), (SIGNATURE, &*good)];
    let forged = verifier.verify_at(altered, BODY.as_bytes(), at(NOW)).unwrap_err();
    let shown = format!("{refused:?} {refused} {forged:?} {forged}");
    for word in [key, &good, "kkkk"] {
        assert!(!shown.contains(word), "{shown}");
    }
}
