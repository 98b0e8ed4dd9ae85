//! A new signing key takes over: who renews its token in time notices nothing but the restarts.

use crate::{
    length::alone,
    load::{Reader, Traffic, World},
    support::{
        server::{Server, on_disk},
        socket::ALL,
    },
};
use checker::Rules;
use std::{fmt::Write, fs, path::Path, thread, time::Duration};

const OLD: (&str, &str) = ("spring", "the-old-secret-for-tokens-0123456789abcdef");
const NEW: (&str, &str) = ("summer", "the-new-secret-for-tokens-0123456789abcdef");

/// The first signs, all verify.
fn write_keys(file: &Path, keys: &[(&str, &str)]) {
    let mut text = String::new();
    for (id, secret) in keys {
        write!(text, "[[token.keys]]\nid = \"{id}\"\nsecret = \"{secret}\"\n").unwrap();
    }
    fs::write(file, text).unwrap();
}

fn restart(mut server: Server) -> Server {
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let server = server.start_again();
    // All come back within the time that they were told, and renew.
    thread::sleep(Duration::from_millis(2_500));
    server
}

#[test]
fn keys_are_rotated_and_nobody_who_renews_is_dropped() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("downlink.toml");
    write_keys(&file, &[OLD]);
    // The keys of the file, not the one that all other tests have.
    let setup = on_disk("fsync").env("DOWNLINK_TOKEN_KEY", "").arg("--config").arg(file.to_str().unwrap());
    let server = setup.start();
    let world = World::new(server.address);
    let channels = vec!["ada".to_owned()];
    let readers = ALL.map(|transport| {
        let asked = world.clone();
        let mut reader = Reader::new(&world, "ada", &[transport], move || asked.token("ada"));
        reader.renew_every = Some(Duration::from_millis(500));
        reader.read()
    });
    let stale = world.token("ada");
    let traffic = Traffic { publishers: 1, pause: Duration::from_millis(10), ..Traffic::default() };
    let publishing = world.publish(&traffic, &channels);
    thread::sleep(Duration::from_millis(700));
    write_keys(&file, &[NEW, OLD]);
    let server = restart(server);
    server.opening(ALL[0], &stale).open();
    write_keys(&file, &[NEW]);
    let server = restart(server);
    for transport in ALL {
        let (code, _) = server.opening(transport, &stale).refused();
        assert!(matches!(code, 401 | 4401), "{transport:?}: a token of the old key is no good: {code}");
    }
    publishing.stop();
    world.end(&channels);
    for (transport, reading) in ALL.iter().zip(readers) {
        let seen = reading.join();
        assert!(seen.closes.iter().all(|code| *code == 1012), "{transport:?}: only the restarts: {seen:?}");
        assert!(seen.renewed > 3, "{transport:?}: {seen:?}");
    }
    world.judge("rotation of keys", Rules::default());
}
