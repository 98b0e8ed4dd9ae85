//! The commands: what they print, and what they complain of.

use super::{BODY, Secrets, WRONG_KEY};
use crate::support::{
    application::SECRET,
    http::API_KEY,
    server::{downlink, memory},
    token::TOKEN_KEY,
};
use std::{fs, process::Output};

/// What a command said on either output.
fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn no_mistake_in_a_configuration_is_told_with_the_value_that_stands_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("downlink.toml");
    let mut secrets = Secrets::new();
    secrets.add("the secret of notices", SECRET);
    secrets.add("a password in a URL", "user:password-of-the-application");
    let good = format!("[api]\nkeys = [\"{API_KEY}\"]\n[token]\nkey = \"{TOKEN_KEY}\"\n");
    for text in [
        // Forgotten brackets, quotation marks, lines; values of the wrong kind.
        good.replace(&format!("[\"{API_KEY}\"]"), &format!("\"{API_KEY}\"")),
        good.replace(&format!("[\"{API_KEY}\"]"), &format!("[{API_KEY}]")),
        good.replace(&format!("\"{TOKEN_KEY}\""), &format!("\"{TOKEN_KEY}")),
        good.replace(&format!("\"{TOKEN_KEY}\""), &format!("[\"{TOKEN_KEY}\"]")),
        good.replace(&format!("key = \"{TOKEN_KEY}\""), &format!("keys = [\"{TOKEN_KEY}\"]")),
        good.replace(&format!("key = \"{TOKEN_KEY}\""), &format!("keys = [{{secret = \"{TOKEN_KEY}\"}}]")),
        good.replace("[token]\n", ""),
        good.replace("[api]\n", &format!("[api]\n\"{API_KEY}\n")),
        good.replace("[api]\n", &format!("api = \"{API_KEY}\"\n[api]\n")),
        format!("{good}[presence]\nsecret = [\"{SECRET}\"]\n"),
        format!("{good}[presence]\nsecret = \"{SECRET}=====\"\n"),
        format!("{good}[presence]\nsecret = \"not-whsec-but-{SECRET}\"\n"),
        format!("{good}[presence]\nurl = \"http://user:password-of-the-application@127.0.0.1/\"\n"),
        format!("{good}[retention]\nseconds = \"{TOKEN_KEY}\"\n"),
        format!("{good}{TOKEN_KEY} {API_KEY}\n"),
    ] {
        fs::write(&file, &text).unwrap();
        for arguments in
            [&["serve", "--listen", "127.0.0.1:0", "--config"][..], &["config", "check", "--config"]]
        {
            let output = downlink().args(arguments).arg(&file).output().unwrap();
            assert_eq!(output.status.code(), Some(64), "{}\n{text}", said(&output));
            secrets.are_not_in("the complaint", &said(&output));
        }
    }
    for (name, value) in [
        ("DOWNLINK_PRESENCE_SECRET", format!("x{SECRET}")),
        ("DOWNLINK_PRESENCE_URL", "http://user:password-of-the-application@127.0.0.1/".to_owned()),
        ("DOWNLINK_RETENTION_SECONDS", TOKEN_KEY.to_owned()),
        ("DOWNLINK_TOKEN_IN_QUERY", TOKEN_KEY.to_owned()),
    ] {
        let (code, complaint) = memory().env(name, &value).fail();
        assert_eq!(code, Some(64), "{name}: {complaint}");
        secrets.are_not_in("the complaint", &complaint);
    }
}

#[test]
fn a_good_configuration_is_checked_and_written_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("downlink.toml");
    let output = downlink().arg("init").arg(&file).output().unwrap();
    assert!(output.status.success());
    let text = fs::read_to_string(&file).unwrap();
    let mut secrets = Secrets::new();
    for (line, what) in
        [("keys = [\"", "the API key"), ("key = \"", "the token key"), ("secret = \"", "the secret")]
    {
        // Not from the comments, which show how it is written.
        let value = text.lines().find_map(|written| written.strip_prefix(line)).unwrap();
        secrets.add(what, value.split('"').next().unwrap());
    }
    secrets.are_not_in("what init says", &said(&output));
    let output = downlink().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert!(output.status.success());
    secrets.are_not_in("what config check says", &said(&output));
    secrets.add("the API key of the environment", API_KEY);
    for arguments in
        [&["--help"][..], &["send", "--help"], &["serve", "--help"], &["channel", "create", "--help"]]
    {
        let output = downlink().args(arguments).env("DOWNLINK_API_KEY", API_KEY).output().unwrap();
        assert!(output.status.success());
        secrets.are_not_in("the help", &said(&output));
    }
}

#[test]
fn commands_that_fail_do_not_tell_what_they_were_given() {
    let server = memory().start();
    let url = format!("http://{}", server.address);
    let mut secrets = Secrets::new();
    let token = server.api().token("ada");
    secrets.add_token("a token", &token);
    let nobody = "http://127.0.0.1:9";
    let mut damaged = token.clone();
    damaged.replace_range(token.len() - 9..token.len() - 4, "AAAAA");
    secrets.add_token("a damaged token", &damaged);
    for (url, key, arguments) in [
        (&*url, WRONG_KEY, &["send", "ada", BODY][..]),
        (&url, WRONG_KEY, &["channel", "create", "ada"]),
        (&url, WRONG_KEY, &["presence"]),
        (&url, API_KEY, &["listen", &damaged]),
        (&url, API_KEY, &["send", "", BODY]),
        (&url, API_KEY, &["send", "ada", BODY, "--ttl", "99999999"]),
        (nobody, API_KEY, &["send", "ada", BODY]),
        (nobody, API_KEY, &["channel", "create", "ada"]),
        ("not-a-url", API_KEY, &["send", "ada", BODY]),
    ] {
        let mut command = downlink();
        command
            .args(arguments)
            .env("DOWNLINK_URL", url)
            .env("DOWNLINK_API_KEY", key)
            .env("DOWNLINK_LOG", "trace");
        let output = command.output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        secrets.are_not_in(&format!("what {} says", arguments[0]), &said(&output));
    }
}
