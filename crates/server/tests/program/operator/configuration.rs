//! Wrong configurations end the program with 64 before a port is bound; what fails later ends it with 1.

use crate::support::server::{Setup, downlink, memory, on_disk, run};
use std::{fs, net::TcpListener, process::Command};

#[track_caller]
fn says(command: &mut Command, code: i32, words: &[&str]) {
    let (found, text) = run(command);
    assert_eq!(found, Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

const GOOD: &str = "durability = \"memory\"\n[api]\nkeys = [\"a-key-of-sixteen-and-more\"]\n[token]\nkey = \
                    \"a-secret-of-thirty-two-bytes-and-more\"\n";

#[test]
fn a_mistake_in_the_file_is_named_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("downlink.toml");
    // A port that is taken shows that none is bound before the mistake is found.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    for (text, words) in [
        (format!("{GOOD}[retention]\nsecond = 5\n"), ["downlink.toml:7", "second"]),
        (format!("{GOOD}[retention]\nseconds = \"long\"\n"), ["downlink.toml:7", "whole number"]),
        (format!("{GOOD}[retention]\nseconds = 0\n"), ["downlink.toml:7", "retention.seconds"]),
        (
            format!("{GOOD}[socket]\nallowed_origins = [\"example.com\"]\n"),
            ["downlink.toml:7", "allowed_origins"],
        ),
        (GOOD.replace("memory", "disk"), ["downlink.toml:1", "durability"]),
        (GOOD.replace("-of-thirty-two-bytes-and-more", ""), ["downlink.toml:5", "32 bytes"]),
        (GOOD.replace("-of-sixteen-and-more", ""), ["downlink.toml:3", "16"]),
        (format!("{GOOD}[nonsense\n"), ["downlink.toml:6", ""]),
    ] {
        fs::write(&file, &text).unwrap();
        for arguments in [&["serve", "--listen", &listen, "--config"][..], &["config", "check", "--config"]] {
            says(downlink().args(arguments).arg(&file), 64, &words);
        }
    }
    says(downlink().args(["serve", "--config", "/nowhere/downlink.toml"]), 64, &["/nowhere/downlink.toml"]);
}

#[test]
fn a_mistake_in_a_variable_or_option_is_named_too() {
    for (name, value) in [
        ("DOWNLINK_RETENTION_SECONDS", "long"),
        ("DOWNLINK_RETENTION_MESSAGES", "0"),
        ("DOWNLINK_DURABILITY", "sometimes"),
        ("DOWNLINK_TOKEN_IN_QUERY", "maybe"),
        ("DOWNLINK_TOKEN_KEY", "short"),
        ("DOWNLINK_API_KEY", "short"),
        ("DOWNLINK_ALLOWED_ORIGINS", "example.com"),
        ("DOWNLINK_EDGE_THREADS", "0"),
        ("DOWNLINK_TOKEN_KEY_SET", "/nowhere/keys.json"),
    ] {
        let (code, text) = memory().env(name, value).fail();
        assert_eq!(code, Some(64), "{name}: {text}");
        assert!(text.contains(name), "{text}");
    }
    let (code, text) = memory().listen("here").fail();
    assert!(code == Some(64) && text.contains("--listen"), "{text}");
    let (code, text) =
        Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").arg("--app").arg("localhost").fail();
    assert!(code == Some(64) && text.contains("--app"), "{text}");
    says(downlink().args(["serve", "--nonsense"]), 2, &["--nonsense"]);
    says(downlink().args(["nonsense"]), 2, &["nonsense"]);
}

#[test]
fn serve_asks_for_its_keys_and_its_directory() {
    says(
        downlink().arg("serve").env("DOWNLINK_DURABILITY", "memory"),
        64,
        &["api.keys", "token.key", "downlink init"],
    );
    let (code, text) = Setup::new("serve").fail();
    assert!(code == Some(64) && text.contains("data_dir"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let server = memory().start();
    let address = server.address.to_string();
    let (code, text) = memory().listen(&address).fail();
    assert!(code == Some(1) && text.contains(&address) && text.contains("taken"), "{code:?}: {text}");
}

#[test]
fn a_data_directory_has_one_process() {
    for durability in ["fsync", "os"] {
        let server = on_disk(durability).start();
        server.api().send("ada", "mine");
        let directory = server.data_dir().to_str().unwrap().to_owned();
        let second =
            Setup::new("serve").env("DOWNLINK_DATA_DIR", &directory).env("DOWNLINK_DURABILITY", durability);
        let (code, text) = second.fail();
        assert!(code == Some(1) && text.contains(&directory), "{code:?}: {text}");
        assert_eq!(server.api().kept("ada"), ["mine"], "the first goes on");
        // A killed process holds nothing.
        assert_eq!(server.restart().api().kept("ada"), ["mine"]);
    }
}

#[test]
fn what_init_writes_is_checked_and_served() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("downlink.toml");
    says(downlink().arg("init").arg(&file), 0, &[]);
    says(downlink().arg("init").arg(&file), 1, &["there already"]);
    says(downlink().args(["config", "check", "--config"]).arg(&file), 0, &[]);
    let text = fs::read_to_string(&file).unwrap();
    let key = text.split("keys = [\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(key.len() >= 32);
    let server = Setup::new("serve")
        .env("DOWNLINK_API_KEY", "")
        .env("DOWNLINK_TOKEN_KEY", "")
        .env("DOWNLINK_DATA_DIR", directory.path().join("data").to_str().unwrap())
        .arg("--config")
        .arg(file.to_str().unwrap())
        .start();
    let bearer = format!("Bearer {key}");
    let answer = server.api().try_call("GET", "/v1/presence", &[("Authorization", &bearer)], b"").unwrap();
    assert_eq!(answer.status, 200);
}
