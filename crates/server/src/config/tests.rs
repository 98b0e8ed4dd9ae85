//! Configurations as operators write them, right and wrong.

use super::*;
use std::io::Write;

const KEYS: &str =
    "[api]\nkeys = [\"0123456789abcdef\"]\n[token]\nkey = \"0123456789abcdef0123456789abcdef\"\n";

fn load(text: &str, environment: &[(&str, &str)], overrides: &Overrides) -> Result<Config, Mistakes> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let look_up =
        |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    let sources = Sources { file: Some(file.path()), environment: &look_up, overrides, make_secrets: false };
    Config::load(&sources).map_err(|mistakes| {
        let name = file.path().display().to_string();
        Mistakes(mistakes.0.into_iter().map(|m| m.replace(&name, "downlink.toml")).collect())
    })
}

fn mistakes(text: &str) -> Vec<String> {
    load(text, &[], &Vec::new()).unwrap_err().0
}

#[test]
fn the_command_line_is_over_variables_over_the_file() {
    let text = format!("listen = \"127.0.0.1:1\"\ndata_dir = \"a\"\ndurability = \"os\"\n{KEYS}");
    let environment = [("DOWNLINK_LISTEN", "127.0.0.1:2"), ("DOWNLINK_DATA_DIR", "b")];
    let config = load(&text, &environment, &vec![("listen", "127.0.0.1:3".into())]).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data_dir, Some(PathBuf::from("b")));
    assert_eq!(config.durability, Durability::Os);
}

#[test]
fn a_mistake_names_its_line() {
    let wrong = mistakes(&format!("listen = \"here\"\n\n[retention]\nseconds = 0\n{KEYS}"));
    assert!(wrong.iter().any(|m| m.starts_with("downlink.toml:1: listen is \"here\"")), "{wrong:?}");
    assert!(wrong.iter().any(|m| m.starts_with("downlink.toml:4: retention.seconds is 0")), "{wrong:?}");
    assert!(wrong.iter().any(|m| m.contains("data_dir")), "{wrong:?}");
    assert_eq!(wrong.len(), 3, "all at once");
}

#[test]
fn unknown_options_and_types_are_mistakes_with_a_line() {
    let wrong = mistakes("listen = \"127.0.0.1:1\"\nlissten = 1\n");
    assert!(
        wrong[0].starts_with("downlink.toml:2: unknown option `lissten`; did you mean `listen`?"),
        "{wrong:?}"
    );
    let wrong = mistakes("[retention]\nbytes = \"many\"\n");
    assert!(wrong[0].starts_with("downlink.toml:2: "), "{wrong:?}");
}

/// What is said of a wrong file: line and beginning of each mistake, all of them and no others.
fn tells(text: &str, expected: &[&str]) {
    let wrong = load(text, &[], &Vec::new()).err().map(|mistakes| mistakes.0).unwrap_or_default();
    let told: Vec<&str> = wrong
        .iter()
        .map(|mistake| mistake.trim_start_matches("downlink.toml").trim_start_matches(':').trim())
        .collect();
    let as_expected =
        told.len() == expected.len() && expected.iter().all(|e| told.iter().any(|t| t.starts_with(e)));
    assert!(as_expected, "{text}\n{told:#?}\nbut expected {expected:#?}");
}

#[test]
fn names_that_are_none_are_told_with_what_was_meant() {
    let good = format!("data_dir = \"d\"\n{KEYS}");
    for (text, expected) in [
        (good.clone(), vec![]),
        (
            format!(
                "lissten = 1\ndrain_seconds = \"5\"\ndurability = \"fsnyc\"\n{good}[retentoin]\nseconds = 1\n"
            ),
            vec![
                "1: unknown option `lissten`; did you mean `listen`?",
                "2: drain_seconds is to be a whole number, without quotes",
                "9: unknown section `retentoin`; did you mean [retention]?",
                "3: durability is none of \"fsync\", \"os\", \"memory\"; did you mean \"fsync\"?",
            ],
        ),
        (
            format!("admin_listen = \"here\"\n{good}"),
            vec!["1: admin_listen is \"here\"; write an address and a port"],
        ),
        (format!("seconds = 5\n{good}"), vec!["1: unknown option `seconds`; it belongs below [retention]"]),
        (
            format!("{good}[log]\nlisten = \"x\"\n"),
            vec!["7: unknown option `listen`; it stands above the first section"],
        ),
        (format!("{good}[edge]\ncolour = \"x\"\n"), vec!["7: unknown option `colour`; [edge] has `threads`"]),
        (
            format!("log = \"info\"\n{good}"),
            vec!["1: log is a section: write [log], and its options below it"],
        ),
        (
            format!("{good}[listen]\nport = 1\n"),
            vec!["6: listen is an option, not a section: write listen ="],
        ),
        (
            format!("{good}[log]\nlevel = \"inof\"\nformat = \"jsom\"\n"),
            vec![
                "8: log.format is none of \"text\", \"json\"; did you mean \"json\"?",
                "7: log.level is to be error, warn",
            ],
        ),
    ] {
        tells(&text, &expected);
    }
}

#[test]
fn values_of_another_kind_are_told_with_what_is_right() {
    let good = format!("data_dir = \"d\"\n{KEYS}");
    for (text, expected) in [
        (
            format!("{good}[retention]\nseconds = -1\nmessages = 1.5\nbytes = 5\n"),
            vec![
                "7: retention.seconds is to be a whole number that is not below 0",
                "8: retention.messages is to be a whole number",
                "9: retention.bytes is 5; it must be",
            ],
        ),
        (
            format!("{good}[socket]\ntoken_in_query = \"yes\"\nallowed_origins = \"https://a.example\"\n"),
            vec![
                "7: socket.token_in_query is to be true or false, without quotes",
                "8: socket.allowed_origins is to be a list: put brackets around it",
            ],
        ),
        (
            "data_dir = \"d\"\n[api]\nkeys = \"0123456789abcdef\"\n[token]\nkey = 5\nkeys = [\"x\"]\n".into(),
            vec![
                "3: api.keys is to be a list: put brackets around it",
                "5: token.key is to be a text: put it in quotes",
                "6: token.keys is to be a list of tables with `id`, `secret`",
            ],
        ),
        (
            "data_dir = \"d\"\n[[api.keys]]\nname = \"shop\"\nscopes = [\"sned\"]\nsecret = \"short\"\n[[api.keys]]\nnmae = \"b\"\n\
             secret = \"0123456789abcdef\"\n[token]\nkey = \"0123456789abcdef0123456789abcdef\"\n"
                .into(),
            vec!["6: api.keys has a key without `name`", "7: unknown member `nmae`; did you mean `name`?"],
        ),
        (
            "data_dir = \"d\"\n[[api.keys]]\nname = \"shop\"\nscopes = [\"sned\"]\nsecret = \"short\"\n[[api.keys]]\nname = \"shop\"\n\
             secret = \"0123456789abcdef\"\nscopes = []\n[token]\nkey = \"0123456789abcdef0123456789abcdef\"\n"
                .into(),
            vec![
                "2: api.keys has the key \"shop\" with an unknown scope; there are \"send\", \"create\", \"read\", \"admin\"; did you mean \"send\"?",
                "2: api.keys has a key \"shop\" of under 16 characters",
                "6: api.keys has the key \"shop\" with no scope",
                "6: api.keys has two keys of the name \"shop\"",
            ],
        ),
    ] {
        tells(&text, &expected);
    }
}

#[test]
fn all_else_that_is_wrong_is_told_with_it() {
    let good = format!("data_dir = \"d\"\n{KEYS}");
    for (text, expected) in [
        (
            format!("{good}[tls]\ncertificate = \"/nowhere/a.pem\"\nkey = \"/nowhere/a.key\"\n"),
            vec!["7: tls.certificate names \"/nowhere/a.pem\", which cannot be read"],
        ),
        (
            format!("{good}key_set = \"/nowhere/jwks.json\"\n"),
            vec!["6: token.key_set names \"/nowhere/jwks.json\", which cannot be read"],
        ),
        (
            "listen = \"here\"\ndata_dir = \ndrain_seconds = x\nretention = 5\n".into(),
            vec!["2: is no TOML here", "3: is no TOML here", "4: retention is a section"],
        ),
        (String::new(), vec!["data_dir is needed", "api.keys is missing", "token.key is missing"]),
    ] {
        tells(&text, &expected);
    }
}

#[test]
fn what_changed_is_known_without_keeping_what_was_said() {
    let text = format!("data_dir = \"d\"\n{KEYS}[retention]\nseconds = 60\n");
    let one = load(&text, &[], &Vec::new()).unwrap();
    let other = text.replace("60", "61").replace("0123456789abcdef\"]", "fedcba9876543210\"]");
    let two = load(&other, &[("DOWNLINK_LOG", "debug")], &Vec::new()).unwrap();
    assert_eq!(
        one.said.changed(&two.said).collect::<Vec<_>>(),
        ["api.keys", "retention.seconds", "log.level"]
    );
    assert_eq!(one.said.changed(&one.said).count(), 0);
    assert!(!format!("{:?}", one.said).contains("0123456789abcdef"));
}

#[test]
fn a_wrong_variable_is_named() {
    let wrong = load(KEYS, &[("DOWNLINK_RETENTION_BYTES", "lots")], &Vec::new()).unwrap_err();
    assert!(wrong.0.contains(&"DOWNLINK_RETENTION_BYTES: must be a whole number".into()), "{wrong:?}");
}

#[test]
fn keys_are_never_in_a_mistake() {
    let secret = "a secret of less than 32";
    let text = format!("data_dir = \"d\"\n[api]\nkeys = [\"short key\"]\n[token]\nkey = \"{secret}\"\n");
    let wrong = mistakes(&text);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong.iter().all(|m| !m.contains(secret) && !m.contains("short key")), "{wrong:?}");
    let wrong = mistakes(&format!("[token]\nkey = \"{secret}\nlisten = 3\n"));
    assert!(wrong.iter().all(|m| !m.contains(secret)), "{wrong:?}");
}

#[test]
fn every_option_of_the_table_is_one_of_the_file() {
    for option in OPTIONS {
        let value = match option.kind {
            options::Kind::Text => "\"x\"",
            options::Kind::Number => "1",
            options::Kind::Switch => "true",
            options::Kind::Fraction => "0.5",
            options::Kind::List => "[\"x\"]",
        };
        let text = match option.path.split_once('.') {
            None => format!("{} = {value}\n", option.path),
            Some((section, name)) => format!("[{section}]\n{name} = {value}\n"),
        };
        if let Err(Mistakes(wrong)) = load(&text, &[], &Vec::new()) {
            assert!(wrong.iter().all(|m| !m.contains("unknown option")), "{}: {wrong:?}", option.path);
        }
    }
}

#[test]
fn missing_keys_are_made_once_and_kept() {
    let api = |config: &Config| config.api_keys.for_everything().unwrap().expose().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let overrides = vec![("data_dir", directory.path().join("data").display().to_string())];
    let nothing = |_: &str| None;
    let sources = Sources { file: None, environment: &nothing, overrides: &overrides, make_secrets: true };
    let (one, two) = (Config::load(&sources).unwrap(), Config::load(&sources).unwrap());
    assert_eq!(api(&one), api(&two));
    assert_eq!(one.token_keys[0].1.expose(), two.token_keys[0].1.expose());
    assert_eq!(one.hash_secret().unwrap(), two.hash_secret().unwrap());
    assert_ne!(api(&one), one.token_keys[0].1.expose());
    assert!(!format!("{one:?}").contains(&api(&one)));
}

#[test]
fn a_damaged_hash_key_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let overrides = vec![("data_dir", directory.path().display().to_string())];
    let nothing = |_: &str| None;
    let sources = Sources { file: None, environment: &nothing, overrides: &overrides, make_secrets: true };
    let config = Config::load(&sources).unwrap();
    let secret = config.hash_secret().unwrap();
    let path = directory.path().join("hash.key");
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() - 1 {
        let mut bad = good.clone();
        for bit in [1, 0x80] {
            bad[at] = good[at] ^ bit;
            std::fs::write(&path, &bad).unwrap();
            let error = config.hash_secret().unwrap_err();
            assert!(error.contains("hash.key") && error.contains("restore it"), "byte {at}: {error}");
        }
    }
    std::fs::write(&path, &good).unwrap();
    assert_eq!(config.hash_secret().unwrap(), secret);
}

#[test]
fn all_that_is_wrong_with_fetching_a_certificate_is_said_at_once() {
    let text = format!(
        "durability = \"memory\"\n[acme]\ndomains = [\"*.example.com\", \"192.0.2.1\", \"good.example\"]\n\
         directory = \"http://authority.example\"\nca_file = \"/nowhere\"\n[tls]\nkey = \"k.pem\"\n{KEYS}"
    );
    let wrong = mistakes(&text);
    for part in [
        "downlink.toml:3: acme.domains stands beside",
        "downlink.toml:3: acme.domains has \"*.example.com\"",
        "downlink.toml:3: acme.domains has \"192.0.2.1\"",
        "downlink.toml:4: acme.directory is \"http://authority.example\"",
        "downlink.toml:5: acme.ca_file names \"/nowhere\", which cannot be read",
        "downlink.toml:3: acme.domains needs a data_dir",
    ] {
        assert!(wrong.iter().any(|mistake| mistake.starts_with(part)), "{part}: {wrong:?}");
    }
    assert_eq!(wrong.len(), 6, "{wrong:?}");
}

#[test]
fn without_domains_nothing_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let text = |acme: &str| {
        format!("data_dir = {:?}\n{acme}{KEYS}", folder.path().join("data").display().to_string())
    };
    assert!(load(&text("[acme]\ndomains = []\n"), &[], &Vec::new()).unwrap().certificates.is_none());
    let wanted = load(&text("[acme]\ndomains = [\"Push.Example.com\"]\n"), &[], &Vec::new()).unwrap();
    assert!(wanted.certificates.is_some());
    assert!(!folder.path().join("data").exists(), "a look at a configuration makes no files");
}
