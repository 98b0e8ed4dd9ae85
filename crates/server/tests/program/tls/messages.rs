//! Messages over TLS, on every transport.

use crate::support::{
    server::memory,
    socket::{ALL, Data, Frame},
    tls::Authority,
};
use protocol::{limits::MESSAGE_BYTES_MAX, socket::Transport};
use rustls::version::{TLS12, TLS13};

#[test]
fn every_transport_gets_every_message_in_order_with_both_versions() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    for (id, version) in [("twelve", &TLS12), ("thirteen", &TLS13)] {
        let token = api.token(id);
        let client = authority.client_of(version);
        let mut sockets: Vec<_> = ALL
            .iter()
            .map(|transport| server.opening(*transport, &token).with(Some(&client)).open())
            .collect();
        let mut sent = Vec::new();
        for number in 0..100_usize {
            // Of all sizes up to the largest, more than a record holds.
            let text = format!("{number} ").repeat(1 + number * number * 110 / 100);
            let text = text[..text.len().min(MESSAGE_BYTES_MAX)].to_owned();
            let place = api.send(id, &text);
            sent.push(Frame::Message(Some(place), Data::Text(text)));
        }
        let largest: Vec<u8> = (0..MESSAGE_BYTES_MAX).map(|at| at as u8).collect();
        let path = format!("/v1/channels/{id}/messages");
        let answer = api.call("POST", &path, &[("Content-Type", "application/octet-stream")], &largest);
        sent.push(Frame::Message(Some(answer.json()["id"].as_str().unwrap().into()), Data::Binary(largest)));
        for socket in &mut sockets {
            for expected in &sent {
                assert!(socket.frame() == *expected, "{id}, {:?}", socket.transport);
            }
            assert_eq!(socket.wire.tls().protocol_version(), Some(version.version));
            assert_eq!(socket.wire.tls().alpn_protocol(), None, "none was offered");
        }
    }
}

#[test]
fn a_client_that_comes_back_misses_nothing() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    for transport in ALL {
        let id = format!("{transport:?}");
        let token = api.token(&id);
        let mut socket = server.opening(transport, &token).open();
        api.send(&id, "one");
        assert_eq!(socket.text(), "one");
        let at = socket.at();
        drop(socket);
        api.send(&id, "two");
        let mut socket = server.opening(transport, &token).after(&at).open();
        assert_eq!(socket.text(), "two", "{id}");
        api.send(&id, "three");
        assert_eq!(socket.text(), "three", "{id}");
    }
}

#[test]
fn what_a_page_says_behind_its_handshake_is_heard() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let place = api.send("ada", "one");
    let ack = crate::support::websocket::text(&format!(r#"{{"ack":"{place}"}}"#));
    let mut socket = server.opening(Transport::WebSocket, &token).behind(&ack).open();
    assert_eq!(socket.text(), "one");
    crate::support::until("the acknowledgement", || {
        (api.get("/v1/channels/ada").json()["acked"] == place.as_str()).then_some(())
    });
}
