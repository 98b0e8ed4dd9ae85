//! What a handshake agrees on: HTTP/2 with whoever offers it, unless it is turned off.

use crate::support::{
    server::{Server, memory},
    tls::{Authority, Tls},
    until,
    wire::Wire,
};
use std::fs;

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What is agreed on with a client that offers these.
fn agreed(server: &Server, client: &Tls, offered: &[&[u8]]) -> Option<Vec<u8>> {
    let mut wire = Wire::shaken(server.address, &client.speaking(offered)).unwrap();
    wire.tls().alpn_protocol().map(<[u8]>::to_vec)
}

#[test]
fn http_2_is_spoken_with_whoever_offers_it() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let agreed = |offered: &[&[u8]]| agreed(&server, &authority.client(), offered);
    assert_eq!(agreed(&[HTTP2, HTTP1]).as_deref(), Some(HTTP2));
    assert_eq!(agreed(&[HTTP1, HTTP2]).as_deref(), Some(HTTP2), "the server prefers it");
    assert_eq!(agreed(&[HTTP1]).as_deref(), Some(HTTP1));
    assert_eq!(agreed(&[]), None);
}

#[test]
fn turned_off_it_is_spoken_with_nobody_also_with_a_new_certificate() {
    let authority = Authority::new();
    let server = memory().env("DOWNLINK_TLS_HTTP2", "false").tls(&authority).start();
    let client = authority.client();
    let is_off = || {
        assert_eq!(agreed(&server, &client, &[HTTP2, HTTP1]).as_deref(), Some(HTTP1));
        // Who speaks nothing else is told so in the handshake (RFC 7301, 3.2).
        assert!(Wire::shaken(server.address, &client.speaking(&[HTTP2])).is_err());
    };
    is_off();
    let served = || Wire::shaken(server.address, &client).unwrap().certificate();
    let renew = || {
        let pair = authority.issue();
        fs::write(authority.key(), &pair.key).unwrap();
        fs::write(authority.certificate(), &pair.certificate).unwrap();
        pair
    };
    let pair = renew();
    until("it is taken up", || (served() == Some(pair.certificate_der())).then_some(()));
    is_off();
    let pair = renew();
    server.hang_up();
    until("it is taken up", || (served() == Some(pair.certificate_der())).then_some(()));
    is_off();
}
