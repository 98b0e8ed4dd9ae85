//! RFC 6455 from its wrong side: what breaks it ends the socket with the code that says why.

use crate::support::{
    server::{Server, memory},
    socket::Frame,
    until,
    websocket::{BINARY, CLOSE, FIN, PING, PONG, TEXT, frame, read, text},
};
use protocol::socket::Transport;

/// What the server says to these bytes: the close code.
fn told(server: &Server, token: &str, bytes: &[u8]) -> u16 {
    let mut socket = server.opening(Transport::WebSocket, token).open();
    socket.wire.send(bytes).unwrap();
    match socket.frame() {
        Frame::Close { code, .. } => {
            assert_eq!(socket.next().unwrap(), Frame::End(Some(code)));
            code
        }
        Frame::End(Some(code)) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_violation_has_its_code() {
    let server = memory().start();
    let token = server.api().token("ada");
    let unmasked = [0x81, 2, b'{', b'}'];
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("not masked", unmasked.into(), 1002),
        ("a reserved bit", frame(FIN | 0x40 | TEXT, b"{}"), 1002),
        ("an unknown opcode", frame(FIN | 0x3, b"{}"), 1002),
        ("an unknown control opcode", frame(FIN | 0xb, b""), 1002),
        ("a control frame in pieces", frame(PING, b""), 1002),
        ("a control frame of 126 bytes", frame(FIN | PING, &[0; 126]), 1002),
        ("a continuation of nothing", frame(FIN, b"{}"), 1002),
        ("a text inside a text", [frame(TEXT, b"{"), frame(FIN | TEXT, b"}")].concat(), 1002),
        ("a close of one byte", frame(FIN | CLOSE, &[3]), 1002),
        ("a close with a code that may not travel", frame(FIN | CLOSE, &1005u16.to_be_bytes()), 1002),
        ("a close with a code below all", frame(FIN | CLOSE, &999u16.to_be_bytes()), 1002),
        ("a text that is not UTF-8", frame(FIN | TEXT, b"{\"ack\":\"\xff\"}"), 1007),
        ("a close whose reason is not UTF-8", frame(FIN | CLOSE, b"\x03\xe8\xff"), 1007),
        ("a text that is too long", frame(FIN | TEXT, &[b'x'; 6000]), 1009),
        (
            "a length that would be too much",
            [&[0x81, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat(),
            1002,
        ),
        ("a text of a gigabyte", [&[0x81, 0xff][..], &(1u64 << 30).to_be_bytes(), &[0; 4]].concat(), 1009),
        ("bytes", frame(FIN | BINARY, b"{}"), 4400),
        ("a good close", frame(FIN | CLOSE, &1000u16.to_be_bytes()), 1000),
        ("a close without a code", frame(FIN | CLOSE, b""), 1000),
        ("the end of a page", frame(FIN | CLOSE, &1001u16.to_be_bytes()), 1000),
    ];
    for (name, bytes, code) in cases {
        let found = told(&server, &token, &bytes);
        // A length with its highest bit set may be called too large or broken.
        let expected = if name.starts_with("a length") && found == 1009 { 1009 } else { code };
        assert_eq!(found, expected, "{name}");
    }
    let mut api = server.api();
    until("all have left", || (api.sockets("ada") == 0).then_some(()));
}

#[test]
fn good_frames_may_come_in_pieces_and_all_at_once() {
    let server = memory().start();
    let mut api = server.api();
    let mut socket = server.opening(Transport::WebSocket, &api.token("ada")).open();
    let place = api.send("ada", "one");
    assert_eq!(socket.text(), "one");
    let word = format!(r#"{{"ack":"{place}"}}"#);
    let (head, tail) = word.as_bytes().split_at(5);
    // A text of two frames with a ping between them, and another ping behind, byte by byte.
    let bytes =
        [frame(TEXT, head), frame(FIN | PING, b"a"), frame(FIN, tail), frame(FIN | PING, b"b")].concat();
    for byte in bytes {
        socket.wire.send(&[byte]).unwrap();
    }
    assert_eq!(read(&mut socket.wire).unwrap(), (PONG, b"a".to_vec()));
    assert_eq!(read(&mut socket.wire).unwrap(), (PONG, b"b".to_vec()));
    assert_eq!(api.get("/v1/channels/ada").json()["acked"], place.as_str());
    // Many in one packet.
    let pings: Vec<u8> = (0..50u8).flat_map(|number| frame(FIN | PING, &[number; 125])).collect();
    socket.wire.send(&pings).unwrap();
    for number in 0..50u8 {
        assert_eq!(read(&mut socket.wire).unwrap(), (PONG, vec![number; 125]));
    }
    socket.wire.send(&frame(FIN | PONG, b"unasked")).unwrap();
    api.send("ada", "two");
    assert_eq!(socket.text(), "two");
}

#[test]
fn a_text_in_too_many_pieces_is_refused() {
    let server = memory().start();
    let token = server.api().token("ada");
    let pieces: Vec<u8> =
        [frame(TEXT, b"{")].into_iter().chain((0..100).map(|_| frame(0, b" "))).flatten().collect();
    assert!(matches!(told(&server, &token, &pieces), 1002 | 1009));
}

#[test]
fn a_connection_that_breaks_is_left_without_a_word() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    for bytes in [&b""[..], &text("{\"ack\"")[..7]] {
        let mut socket = server.opening(Transport::WebSocket, &token).open();
        socket.wire.send(bytes).unwrap();
        drop(socket);
        until("it has left", || (api.sockets("ada") == 0).then_some(()));
    }
}
