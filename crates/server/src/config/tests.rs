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
    assert!(wrong[0].starts_with("downlink.toml:2: unknown field `lissten`"), "{wrong:?}");
    let wrong = mistakes("[retention]\nbytes = \"many\"\n");
    assert!(wrong[0].starts_with("downlink.toml:2: "), "{wrong:?}");
}

#[test]
fn a_wrong_variable_is_named() {
    let wrong = load(KEYS, &[("DOWNLINK_RETENTION_BYTES", "lots")], &Vec::new()).unwrap_err();
    assert_eq!(wrong.0, ["DOWNLINK_RETENTION_BYTES: must be a whole number"]);
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
            options::Kind::List => "[\"x\"]",
        };
        let text = match option.path.split_once('.') {
            None => format!("{} = {value}\n", option.path),
            Some((section, name)) => format!("[{section}]\n{name} = {value}\n"),
        };
        if let Err(Mistakes(wrong)) = load(&text, &[], &Vec::new()) {
            assert!(wrong.iter().all(|m| !m.contains("unknown field")), "{}: {wrong:?}", option.path);
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
