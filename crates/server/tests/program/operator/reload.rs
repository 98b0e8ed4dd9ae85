//! SIGHUP: keys and certificates are replaced while sockets stay; a wrong configuration changes nothing.

use crate::support::{
    http::{API_KEY, Api},
    server::{Server, memory},
    token::TOKEN_KEY,
    until,
};
use protocol::socket::Transport;
use std::{fs, path::Path};

const NEW_API_KEY: &str = "the-key-that-came-by-a-signal";
const NEW_TOKEN_KEY: &str = "the-token-key-that-came-by-a-signal-0123";

fn configuration(api: &str, token: &str, more: &str) -> String {
    format!("{more}\n[api]\nkeys = [\"{api}\"]\n[token]\nkey = \"{token}\"\n")
}

fn start(folder: &Path) -> Server {
    let setup =
        memory().env("DOWNLINK_API_KEY", "").env("DOWNLINK_TOKEN_KEY", "").env("DOWNLINK_LOG", "info");
    let setup = setup.log_to(&folder.join("log")).arg("--config");
    setup.arg(folder.join("downlink.toml").to_str().unwrap()).start()
}

fn status(api: &mut Api, key: &str) -> u16 {
    let key = format!("Bearer {key}");
    api.try_call("GET", "/v1/presence", &[("Authorization", &key)], b"").unwrap().status
}

/// Waits until the log has a line with all of these words.
#[track_caller]
fn says(folder: &Path, words: &[&str]) {
    let log = || fs::read_to_string(folder.join("log")).unwrap();
    let has_them = || log().lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(());
    until(&format!("the log says {words:?}"), has_them);
}

#[test]
fn new_keys_count_at_once_and_no_socket_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("downlink.toml");
    fs::write(&file, configuration(API_KEY, TOKEN_KEY, "")).unwrap();
    let server = start(folder.path());
    let mut api = server.api();
    let token = api.token("ada");
    let transports = [Transport::WebSocket, Transport::Sse, Transport::Lines];
    let mut sockets: Vec<_> =
        transports.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    fs::write(&file, configuration(NEW_API_KEY, NEW_TOKEN_KEY, "")).unwrap();
    server.hang_up();
    until("the new key is good", || (status(&mut api, NEW_API_KEY) == 200).then_some(()));
    assert_eq!(status(&mut api, API_KEY), 401, "the old one is not");
    let key = format!("Bearer {NEW_API_KEY}");
    let sent =
        api.try_call("POST", "/v1/channels/ada/messages", &[("Authorization", &key)], b"still here").unwrap();
    assert_eq!((sent.status, sent.json()["sockets"].as_u64()), (201, Some(3)));
    for socket in &mut sockets {
        assert_eq!(socket.text(), "still here");
    }
    // Tokens of the old key open nothing any more; those of the new one do.
    let refused = server.api().try_call(
        "GET",
        "/v1/socket",
        &[("Accept", "application/json"), ("Authorization", &format!("Bearer {token}"))],
        b"",
    );
    assert_eq!(refused.unwrap().code(), "invalid_token");
    let made =
        api.try_call("POST", "/v1/channels", &[("Authorization", &key)], br#"{"client_id": "ada"}"#).unwrap();
    let made = made.json()["token"].as_str().unwrap().to_owned();
    let _another = server.opening(Transport::WebSocket, &made).open();
    says(folder.path(), &["the configuration was read again"]);
}

#[test]
fn a_wrong_configuration_is_refused_with_all_its_mistakes_and_the_old_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("downlink.toml");
    fs::write(&file, configuration(API_KEY, TOKEN_KEY, "")).unwrap();
    let server = start(folder.path());
    let mut socket = server.opening(Transport::WebSocket, &server.api().token("ada")).open();
    fs::write(&file, configuration(NEW_API_KEY, "short", "lissten = 1\ndrain_seconds = 1000")).unwrap();
    server.hang_up();
    says(folder.path(), &["refused", "downlink.toml:1", "did you mean `listen`?"]);
    says(folder.path(), &["refused", "downlink.toml:2", "drain_seconds is 1000"]);
    says(folder.path(), &["refused", "downlink.toml:6", "32 bytes"]);
    says(folder.path(), &["nothing was changed"]);
    assert_eq!(status(&mut server.api(), NEW_API_KEY), 401);
    server.api().send("ada", "as before");
    assert_eq!(socket.text(), "as before");
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(!log.contains(NEW_API_KEY) && !log.contains(API_KEY), "{log}");
    // A right one is taken after it.
    fs::write(&file, configuration(NEW_API_KEY, TOKEN_KEY, "")).unwrap();
    server.hang_up();
    until("the new key is good", || (status(&mut server.api(), NEW_API_KEY) == 200).then_some(()));
}

#[test]
fn what_needs_a_restart_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("downlink.toml");
    fs::write(&file, configuration(API_KEY, TOKEN_KEY, "drain_seconds = 1")).unwrap();
    let server = start(folder.path());
    fs::write(
        &file,
        configuration(NEW_API_KEY, TOKEN_KEY, "drain_seconds = 2") + "[retention]\nseconds = 60\n",
    )
    .unwrap();
    server.hang_up();
    says(folder.path(), &["after a restart", "drain_seconds, retention.seconds"]);
    assert_eq!(status(&mut server.api(), NEW_API_KEY), 200, "keys were replaced all the same");
}
