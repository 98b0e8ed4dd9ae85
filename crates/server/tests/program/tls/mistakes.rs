//! What is wrong with certificate and key is said before a port is bound, with exit code 64.

use crate::support::{
    server::{downlink, memory, run},
    tls::Authority,
};
use std::{fs, path::Path};

/// Starts with these files: it must end with 64 and these words.
#[track_caller]
fn ends(certificate: Option<&Path>, key: Option<&Path>, words: &[&str]) {
    let mut setup = memory();
    for (name, file) in [("DOWNLINK_TLS_CERTIFICATE", certificate), ("DOWNLINK_TLS_KEY", key)] {
        if let Some(file) = file {
            setup = setup.env(name, file.to_str().unwrap());
        }
    }
    let (code, text) = setup.fail();
    assert_eq!(code, Some(64), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn each_mistake_has_a_sentence() {
    let authority = Authority::new();
    let (certificate, key) = (authority.certificate(), authority.key());
    let file = |name: &str, text: &str| {
        let path = authority.folder().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let other = authority.issue();
    let (other_key, empty) = (file("other.key", &other.key), file("empty", ""));
    let nowhere = Path::new("/nowhere/at.all");
    ends(Some(&certificate), None, &["DOWNLINK_TLS_KEY: tls.key is missing"]);
    ends(None, Some(&key), &["DOWNLINK_TLS_CERTIFICATE: tls.certificate is missing"]);
    ends(Some(nowhere), Some(&key), &["tls.certificate names \"/nowhere/at.all\"", "cannot be read"]);
    ends(Some(&certificate), Some(nowhere), &["tls.key names \"/nowhere/at.all\"", "cannot be read"]);
    ends(Some(&certificate), Some(&other_key), &["tls.key", "does not belong to the certificate"]);
    ends(Some(&key), Some(&key), &["tls.certificate", "there is no certificate"]);
    ends(Some(&empty), Some(&key), &["tls.certificate", "there is no certificate"]);
    ends(Some(&certificate), Some(&certificate), &["tls.key", "there is no private key"]);
    for locked in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    ] {
        ends(
            Some(&certificate),
            Some(&file("locked.key", locked)),
            &["tls.key", "passphrase", "openssl pkey"],
        );
    }
    let torn = file("torn.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    ends(Some(&torn), Some(&key), &["tls.certificate", "damaged"]);
    let half = file("half.pem", &fs::read_to_string(&certificate).unwrap()[..200]);
    ends(Some(&half), Some(&key), &["tls.certificate", "no PEM"]);
}

#[test]
fn config_check_looks_at_both_files_and_names_the_line() {
    let authority = Authority::new();
    let text = |key: &Path| {
        format!(
            "durability = \"memory\"\n[api]\nkeys = [\"a-key-of-sixteen-and-more\"]\n[token]\nkey = \
             \"a-secret-of-thirty-two-bytes-and-more\"\n[tls]\ncertificate = {:?}\nkey = {key:?}\n",
            authority.certificate(),
        )
    };
    let file = authority.folder().join("downlink.toml");
    fs::write(&file, text(&authority.key())).unwrap();
    let (code, said) = run(downlink().args(["config", "check", "--config"]).arg(&file));
    assert_eq!(code, Some(0), "{said}");
    fs::write(&file, text(Path::new("/nowhere/key"))).unwrap();
    let (code, said) = run(downlink().args(["config", "check", "--config"]).arg(&file));
    assert_eq!(code, Some(64));
    assert!(said.contains("downlink.toml:8: tls.key names \"/nowhere/key\""), "{said}");
}
