//! How connections end over TLS: with a farewell, from both sides.

use crate::support::{
    server::memory,
    socket::{ALL, STREAMS},
    tls::Authority,
    until, websocket,
    wire::Wire,
};
use protocol::socket::Transport;
use rustls::version::{TLS12, TLS13};
use std::{
    io::Write,
    time::{Duration, Instant},
};

#[test]
fn at_a_stop_every_socket_is_told_and_closed_in_order() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let mut server = memory().tls(&authority).start();
        let token = server.api().token("ada");
        let client = authority.client_of(version);
        let mut sockets: Vec<_> =
            STREAMS.map(|transport| server.opening(transport, &token).with(Some(&client)).open()).into();
        server.terminate();
        for socket in &mut sockets {
            assert_eq!(socket.closed().0, 1012);
            // An end without close_notify is an error.
            assert!(socket.wire.rest().unwrap().is_empty(), "{:?}", socket.transport);
        }
        assert!(server.wait().success());
    }
}

#[test]
fn a_refusal_is_told_and_closed_in_order() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    for transport in ALL {
        let (code, _) = server.opening(transport, "no.good.token").refused();
        assert_eq!(code, if transport == Transport::WebSocket { 4401 } else { 401 });
    }
}

#[test]
fn who_says_farewell_is_let_go() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in STREAMS {
        let mut socket = server.opening(transport, &token).open();
        assert_eq!(api.sockets("ada"), 1);
        // The farewell alone: the connection below stays open.
        socket.wire.tls().send_close_notify();
        socket.wire.send(b"").unwrap();
        until("the socket's end", || (api.sockets("ada") == 0).then_some(()));
        assert!(socket.wire.rest().unwrap().is_empty(), "{transport:?}");
        // And without one.
        let socket = server.opening(transport, &token).open();
        drop(socket);
        until("the socket's end", || (api.sockets("ada") == 0).then_some(()));
    }
}

/// All in one packet: the kernel tells of it once.
#[test]
fn a_farewell_right_behind_a_word_is_heard() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let place = api.send("ada", "one");
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    let begun = Instant::now();
    let ack = websocket::text(&format!(r#"{{"ack":"{place}"}}"#));
    socket.wire.tls().writer().write_all(&ack).unwrap();
    socket.wire.tls().send_close_notify();
    socket.wire.send(b"").unwrap();
    until("the socket's end", || (api.sockets("ada") == 0).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(10), "not by its silence, which ends it after thirty");
    // Behind the request itself.
    let opening = server.opening(Transport::Sse, &token);
    let mut wire = Wire::connect_with(server.address, Some(&authority.client())).unwrap();
    wire.send(b"").unwrap();
    wire.tls().writer().write_all(&opening.bytes()).unwrap();
    wire.tls().send_close_notify();
    wire.send(b"").unwrap();
    // Answered, or ended before.
    let _ = wire.up_to(b"\r\n\r\n");
    until("the socket's end", || (api.sockets("ada") == 0).then_some(()));
}

#[test]
fn what_is_no_record_ends_a_socket_and_no_other() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut other = server.opening(Transport::WebSocket, &token).open();
    for transport in STREAMS {
        let mut socket = server.opening(transport, &token).open();
        std::io::Write::write_all(
            &mut socket.wire.stream,
            b"\x17\x03\x03\x00\x20nonsense that nobody enciphered.",
        )
        .unwrap();
        until("the socket's end", || (api.sockets("ada") == 1).then_some(()));
        // An alert, which the client takes for an error.
        socket.wire.rest().unwrap_err();
    }
    api.send("ada", "hello");
    assert_eq!(other.text(), "hello");
}

#[test]
fn keys_are_renewed_while_a_socket_is_open() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut api = server.api();
    let mut socket = server.opening(Transport::WebSocket, &api.token("ada")).open();
    for number in 0..10 {
        socket.wire.tls().refresh_traffic_keys().unwrap();
        let place = api.send("ada", &number.to_string());
        assert_eq!(socket.text(), number.to_string());
        socket.say(&format!(r#"{{"ack":"{place}"}}"#));
        if number == 9 {
            until("the acknowledgement", || {
                (api.get("/v1/channels/ada").json()["acked"] == place.as_str()).then_some(())
            });
        }
    }
}
