//! Certificates are replaced while the server runs.

use crate::support::{
    server::{Server, memory},
    socket::STREAMS,
    tls::{Authority, Pair},
    until,
    wire::Wire,
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::Duration,
};

/// The certificate that a handshake gets now.
fn served(server: &Server, authority: &Authority) -> Vec<u8> {
    Wire::shaken(server.address, &authority.client()).unwrap().certificate().unwrap()
}

#[track_caller]
fn changes(server: &Server, authority: &Authority, to: &Pair) {
    until("the new certificate", || (served(server, authority) == to.certificate_der()).then_some(()));
}

#[test]
fn a_certificate_that_is_replaced_is_used_from_then_on_and_open_sockets_stay() {
    let authority = Authority::new();
    // As certbot and Kubernetes lay them: links that are moved.
    let folder = authority.folder();
    for file in [authority.certificate(), authority.key()] {
        let first = file.with_added_extension("first");
        fs::rename(&file, &first).unwrap();
        symlink(&first, &file).unwrap();
    }
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<_> = STREAMS.map(|transport| server.opening(transport, &token).open()).into();
    // Links to other files, each replaced by renaming.
    let second = authority.issue();
    for (file, text) in [(authority.certificate(), &second.certificate), (authority.key(), &second.key)] {
        let (target, link) = (file.with_added_extension("second"), folder.join("link"));
        fs::write(&target, text).unwrap();
        symlink(&target, &link).unwrap();
        fs::rename(&link, &file).unwrap();
    }
    changes(&server, &authority, &second);
    // A new file in its place.
    let third = authority.issue();
    for (file, text) in [(authority.certificate(), &third.certificate), (authority.key(), &third.key)] {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), &file).unwrap();
    }
    changes(&server, &authority, &third);
    // Written over.
    let fourth = authority.issue();
    fs::write(authority.key(), &fourth.key).unwrap();
    fs::write(authority.certificate(), &fourth.certificate).unwrap();
    changes(&server, &authority, &fourth);
    api.send("ada", "still here");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "still here");
    }
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_and_the_old_one_goes_on() {
    let authority = Authority::new();
    let log = authority.folder().join("log");
    fs::set_permissions(authority.key(), fs::Permissions::from_mode(0o644)).unwrap();
    let server = memory().tls(&authority).log_to(&log).start();
    let logged = |words: &str| fs::read_to_string(&log).unwrap().matches(words).count();
    assert_eq!(logged("everybody on this machine can read the private key"), 1);
    let first = served(&server, &authority);
    let other = authority.issue();
    let mut refused = 0;
    for (certificate, key, words) in [
        (None, Some(other.key.as_str()), "does not belong to the certificate"),
        (Some("nothing\n"), None, "there is no certificate"),
        (Some(""), Some(""), "there is no certificate"),
    ] {
        let kept = [fs::read(authority.certificate()).unwrap(), fs::read(authority.key()).unwrap()];
        if let Some(text) = certificate {
            fs::write(authority.certificate(), text).unwrap();
        }
        if let Some(text) = key {
            fs::write(authority.key(), text).unwrap();
        }
        refused += 1;
        until("a refusal", || {
            (logged("the new certificate is refused, the old one goes on") == refused).then_some(())
        });
        assert!(logged(words) > 0, "{words}");
        // It is said once.
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(logged("is refused"), refused);
        assert_eq!(served(&server, &authority), first);
        fs::write(authority.certificate(), &kept[0]).unwrap();
        fs::write(authority.key(), &kept[1]).unwrap();
        // What is there again is what it has.
        std::thread::sleep(Duration::from_millis(1_500));
    }
    fs::remove_file(authority.key()).unwrap();
    until("a refusal", || (logged("cannot be read") == 1).then_some(()));
    assert_eq!(served(&server, &authority), first);
    fs::write(authority.certificate(), &other.certificate).unwrap();
    fs::write(authority.key(), &other.key).unwrap();
    changes(&server, &authority, &other);
    assert!(!fs::read_to_string(&log).unwrap().contains("PRIVATE KEY-----"), "keys are not logged");
}
