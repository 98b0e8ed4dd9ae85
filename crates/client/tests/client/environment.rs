//! Keys and secrets from the environment. A process cannot change its own, so each try is one of its own.

use client::{NoticeVerifier, TokenSigner};
use std::{env, process::Command};

const EXPECTED: &str = "DOWNLINK_TEST_EXPECTED";

const KEY: &str = "a-token-key-of-more-than-32-bytes";
const SECRETS: &str = "whsec_cHJlc2VuY2Utc2VjcmV0LW9mLXRoZS1ydXN0LXRlc3Rz, \
                       whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXJ1c3QtdGVzdHM=";

fn found() -> String {
    let signer = match TokenSigner::from_env() {
        Ok(signer) => format!("{:?}", signer.sign("ada", None).is_ok()),
        Err(error) => error.code().into(),
    };
    let verifier = match NoticeVerifier::from_env() {
        Ok(verifier) => format!("{verifier:?}"),
        Err(error) => error.code().into(),
    };
    format!("{signer}, {verifier}")
}

#[test]
fn keys_and_secrets_are_those_of_the_environment() {
    if let Ok(expected) = env::var(EXPECTED) {
        assert_eq!(found(), expected);
        return;
    }
    for (key, secrets, expected) in [
        (Some(KEY), Some(SECRETS), "true, NoticeVerifier { secrets: 2 }"),
        (None, None, "invalid_key, invalid_secret"),
        (Some(""), Some(""), "invalid_key, invalid_secret"),
        (Some(&KEY[..31]), Some(&SECRETS[..20]), "invalid_key, invalid_secret"),
    ] {
        let mut again = Command::new(env::current_exe().unwrap());
        again.args(["--exact", "environment::keys_and_secrets_are_those_of_the_environment"]);
        again.env(EXPECTED, expected);
        for (name, value) in [("DOWNLINK_TOKEN_KEY", key), ("DOWNLINK_PRESENCE_SECRET", secrets)] {
            match value {
                Some(value) => again.env(name, value),
                None => again.env_remove(name),
            };
        }
        let output = again.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{expected}: {said}");
    }
}
