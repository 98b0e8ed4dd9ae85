//! Certificates that the server fetches by itself, from a real authority.

use crate::support::{
    http::Api,
    pebble::{Pebble, Place, logged},
    server::{Server, Setup, on_disk},
    tls::{Authority, Tls},
    until,
    wire::Wire,
};
use protocol::socket::Transport;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn setup(place: &Place, authority: &Authority, domains: &str, log: &Path) -> Setup {
    on_disk("os")
        .env("DOWNLINK_ACME_DOMAINS", domains)
        .env("DOWNLINK_ACME_EMAIL", "somebody@example.com")
        .env("DOWNLINK_ACME_DIRECTORY", &place.directory())
        .env("DOWNLINK_ACME_CA_FILE", authority.file().to_str().unwrap())
        .env("DOWNLINK_LOG", "info")
        .spoken_to_by(&authority.client())
        .log_to(log)
}

/// The certificate that a handshake is made with, if the client believes it.
fn certificate(server: &Server, client: &Tls) -> Option<Vec<u8>> {
    Wire::shaken(server.address, client).ok()?.certificate()
}

fn everything_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { everything_below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_certificate_is_fetched_and_renewed_and_kept() {
    let (authority, place) = (Authority::new(), Place::free());
    let log = authority.folder().join("log");
    let server = setup(&place, &authority, "localhost", &log).start();
    assert_eq!(certificate(&server, &authority.client()), None, "there is none yet");
    until("it says that nobody is there", || {
        let text = logged(&log);
        (text.contains("it cannot be reached") && text.contains("tried again in 5 seconds")).then_some(())
    });
    let pebble = Pebble::start(&place, &authority, server.address.port(), 24);
    let client = pebble.client();
    let first = until("there is a certificate", || certificate(&server, &client));
    let mut api = Api::new(server.address).with(Some(&client));
    let mut socket = server.opening(Transport::WebSocket, &api.token("ada")).with(Some(&client)).open();
    let second = until("it is renewed", || certificate(&server, &client).filter(|next| *next != first));
    api.send("ada", "the socket is still there");
    assert_eq!(socket.text(), "the socket is still there");
    // Only while an authority looks is it answered; and on such a connection there is no HTTP.
    assert_eq!(certificate(&server, &client.speaking(&[b"acme-tls/1"])), None);
    for path in everything_below(&server.data_dir().join("acme")) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path:?}");
    }
    drop(pebble);
    let server = server.restart();
    assert_eq!(certificate(&server, &client), Some(second), "what was fetched is there at once");
    let text = logged(&log);
    assert!(text.contains("there is a new certificate"), "{text}");
    assert!(!text.contains("PRIVATE KEY"), "{text}");
}

#[test]
fn an_authority_that_refuses_is_heard_and_the_server_goes_on() {
    let (authority, place) = (Authority::new(), Place::free());
    // It looks at a port where nobody is.
    let pebble = Pebble::start(&place, &authority, 1, 3600);
    for (domains, says) in [
        ("blocked-domain.example", &["it refuses (rejectedIdentifier)"][..]),
        ("localhost", &["localhost: ", "port 443"]),
    ] {
        let log = authority.folder().join(format!("log {domains}"));
        let server = setup(&place, &authority, domains, &log).start();
        until("it says what is wrong", || {
            let text = logged(&log);
            says.iter()
                .chain(&["nobody can connect until there is one", "tried again in 120 seconds"])
                .all(|part| text.contains(part))
                .then_some(())
        });
        // It is there, and has nothing to show.
        assert_eq!(certificate(&server, &pebble.client()), None);
    }
    assert!(pebble.log().contains("POST"), "they asked");
}

#[test]
fn what_is_no_authority_is_told_apart() {
    let authority = Authority::new();
    let other = crate::support::server::memory().tls(&authority).start();
    let log = authority.folder().join("log");
    let _server = on_disk("os")
        .env("DOWNLINK_ACME_DOMAINS", "localhost")
        .env("DOWNLINK_ACME_DIRECTORY", &format!("https://localhost:{}/healthz", other.address.port()))
        .env("DOWNLINK_ACME_CA_FILE", authority.file().to_str().unwrap())
        .spoken_to_by(&authority.client())
        .log_to(&log)
        .start();
    until("it says so", || logged(&log).contains("acme.directory").then_some(()));
}
