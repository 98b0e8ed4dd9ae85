//! A session against a client that keeps to the rules, and against bytes that do not.

use super::*;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs::default_provider,
    version::{TLS12, TLS13},
};
use std::io::{ErrorKind, Read, Write};

/// A server's and a client's configuration that fit together.
fn configs(version: &'static SupportedProtocolVersion) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain = vec![made.cert.der().clone()];
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// Both ends, with nothing in between.
struct Pair {
    session: Session,
    client: ClientConnection,
    /// So many bytes go up at once.
    piece: usize,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion, piece: usize) -> Self {
        let (server, client) = configs(version);
        let client = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
        Self { session: Session::new(server).unwrap(), client, piece }
    }

    fn shaken(version: &'static SupportedProtocolVersion, piece: usize) -> Self {
        let mut pair = Self::new(version, piece);
        while pair.session.is_handshaking() || pair.client.is_handshaking() {
            pair.exchange().unwrap();
        }
        pair.exchange().unwrap();
        pair
    }

    /// Everything that one end has for the other.
    fn exchange(&mut self) -> Result<(), Error> {
        let mut up = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut up).unwrap();
        }
        let result = up.chunks(self.piece).try_for_each(|piece| self.session.receive(piece));
        let down = self.session.outgoing().to_vec();
        self.session.sent(down.len());
        let mut rest = &down[..];
        while !rest.is_empty() {
            self.client.read_tls(&mut rest).unwrap();
            self.client.process_new_packets()?;
        }
        result
    }

    fn heard_by_client(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.client.reader().read_to_end(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => bytes,
            result => result.map(|_| bytes).unwrap(),
        }
    }

    fn heard_by_session(&mut self) -> Vec<u8> {
        let (mut bytes, mut chunk) = (Vec::new(), [0; 100]);
        loop {
            match self.session.take_plain(&mut chunk) {
                0 => return bytes,
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
    }

    fn at_rest(&self) -> bool {
        let session = &self.session;
        [&session.incoming, &session.plain, &session.outgoing].iter().all(|buffer| buffer.capacity() == 0)
    }
}

#[test]
fn both_versions_carry_both_directions_and_nothing_is_kept_at_rest() {
    for version in [&TLS12, &TLS13] {
        for piece in [1, 7, 100_000] {
            let mut pair = Pair::shaken(version, piece);
            for round in 0..50_u8 {
                let up = vec![round; usize::from(round) * 100];
                pair.client.writer().write_all(&up).unwrap();
                let down = vec![round; RECORD_BYTES_MAX - usize::from(round)];
                pair.session.send(&down).unwrap();
                pair.exchange().unwrap();
                assert_eq!(pair.heard_by_session(), up, "{version:?} in pieces of {piece}");
                assert_eq!(pair.heard_by_client(), down);
            }
            assert!(pair.at_rest(), "{version:?} in pieces of {piece}: {:?}", pair.session);
        }
    }
}

#[test]
fn a_farewell_is_said_and_heard() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::shaken(version, 1000);
        pair.session.send(b"the last word").unwrap();
        pair.session.close();
        pair.session.close();
        pair.exchange().unwrap();
        let mut bytes = Vec::new();
        // At an end without a farewell this is an error.
        pair.client.reader().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"the last word");
        pair.client.writer().write_all(b"bye").unwrap();
        pair.client.send_close_notify();
        pair.exchange().unwrap();
        assert!(pair.session.peer_closed());
        assert_eq!(pair.heard_by_session(), b"bye");
    }
}

#[test]
fn keys_are_renewed_in_both_directions_while_it_runs() {
    let mut pair = Pair::shaken(&TLS13, 1000);
    for _ in 0..5 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"up").unwrap();
        pair.exchange().unwrap();
        assert_eq!(pair.heard_by_session(), b"up");
        // The server's own new keys go out with what it says next.
        pair.session.send(b"down").unwrap();
        pair.exchange().unwrap();
        assert_eq!(pair.heard_by_client(), b"down");
    }
}

#[test]
fn what_is_no_tls_is_an_error_that_is_said() {
    let (server, _) = configs(&TLS13);
    let no_client_hello = [22, 3, 1, 0, 4, 2, 0, 0, 0];
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &no_client_hello, &[0xff; 64]] {
        let mut session = Session::new(Arc::clone(&server)).unwrap();
        session.receive(bytes).unwrap_err();
        // An alert (21), to who speaks TLS at all.
        let alert = session.outgoing().first();
        assert!(alert.is_none_or(|kind| *kind == 21), "{bytes:?}");
        assert!(alert.is_some() || bytes != no_client_hello);
        assert!(session.is_handshaking());
        session.send(b"x").unwrap_err();
    }
}

#[test]
fn a_changed_byte_ends_the_connection() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::shaken(version, 1000);
        pair.client.writer().write_all(b"hello").unwrap();
        let mut up = Vec::new();
        pair.client.write_tls(&mut up).unwrap();
        *up.last_mut().unwrap() ^= 1;
        pair.session.receive(&up).unwrap_err();
        assert!(pair.heard_by_session().is_empty());
        // The alert reaches the client, who takes it for an error.
        pair.exchange().unwrap_err();
    }
}

#[test]
fn a_first_word_without_an_end_is_bounded() {
    let (server, _) = configs(&TLS13);
    let mut session = Session::new(server).unwrap();
    // The head of a ClientHello of 16 MiB, in records of 1,000 bytes.
    let mut record = vec![22, 3, 1, 3, 232, 1, 0xff, 0xff, 0xff];
    record.resize(1005, 0);
    let mut result = session.receive(&record);
    let mut count = 1;
    while result.is_ok() {
        assert!(count < 30 && session.incoming.capacity() < 64 * 1024, "it would take anything");
        result = session.receive(&[&[22, 3, 1, 3, 232][..], &[0; 1000]].concat());
        count += 1;
    }
}
