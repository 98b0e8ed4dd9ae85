//! Who comes.

use super::{in_front_of, telling};
use crate::support::{
    PATIENCE,
    application::{Application, SECRET, TAKEN},
    http::{Api, escape},
    server::memory,
    socket::ALL,
    websocket,
};
use protocol::socket::Transport;
use std::{sync::mpsc, thread, time::Duration};

#[test]
fn item_49_nothing_is_told_unless_a_place_is_named() {
    let app = Application::start();
    let server = memory().env("DOWNLINK_PRESENCE_SECRET", SECRET).start();
    let token = server.api().token("ada");
    let socket = server.opening(Transport::WebSocket, &token).open();
    assert_eq!(server.api().get("/v1/presence").json()["client_ids"][0], "ada", "and yet it is known");
    drop(socket);
    assert!(!server.api().get("/metrics").text().contains("notices"));
    thread::sleep(Duration::from_millis(500));
    assert!(app.tries().is_empty());
}

#[test]
fn item_49_one_notice_for_each_client_that_comes_on_any_transport() {
    let app = Application::start();
    let server = telling(&app).start();
    for transport in ALL {
        let id = format!("{transport:?}");
        let token = server.api().token(&id);
        let first = server.opening(transport, &token).open();
        app.hears(&id, &[true]);
        let notice = app.tries().pop().unwrap();
        assert_eq!(notice.path, "/_ah/channel/connected/", "with its slash");
        let second = server.opening(Transport::Lines, &token).open();
        let third = server.opening(transport, &token).open();
        thread::sleep(Duration::from_millis(200));
        assert_eq!(app.told(&id), [true], "one client, however many sockets");
        drop((first, second, third));
    }
}

#[test]
fn item_38_what_is_sent_by_the_handler_of_connected_arrives() {
    let app = Application::start();
    let server = telling(&app).start();
    let address = server.address;
    app.answers(move |notice| {
        if notice.connected {
            Api::new(address).send(&notice.client, "welcome");
        }
        TAKEN
    });
    for transport in ALL {
        for round in 0..5 {
            let id = format!("{transport:?} {round}");
            let token = server.api().token(&id);
            let mut socket = server.opening(transport, &token).open();
            assert_eq!(socket.text(), "welcome", "{transport:?}");
        }
    }
}

#[test]
fn item_51_every_client_id_comes_as_it_is() {
    let app = Application::start();
    let server = telling(&app).start();
    let long = "é".repeat(128);
    for id in [
        "a/b",
        "a-b",
        "me@Example.com",
        "~a:b",
        "50%",
        "a&b=c+d",
        "two words",
        "ünï 😀",
        "..",
        &long,
        "\"\\",
        "--\r\n\r\n--",
        "{\"from\":1}",
        "line\nline",
    ] {
        let token = server.api().token(id);
        let socket = server.opening(Transport::Sse, &token).open();
        app.hears(id, &[true]);
        let look = server.api().get(&format!("/v1/channels?client_id={}", escape(id))).json();
        assert_eq!((&look["client_id"], &look["connected"]), (&id.into(), &true.into()));
        drop(socket);
    }
}

#[test]
fn the_other_format_is_one_document_to_one_address() {
    let app = Application::start();
    let server = telling(&app)
        .env("DOWNLINK_PRESENCE_FORMAT", "standard")
        .env("DOWNLINK_PRESENCE_URL", &format!("{}/hooks/presence?of=downlink", app.url()))
        .start();
    let token = server.api().token("ada \"é\"");
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada \"é\"", &[true]);
    socket.wire.send(&websocket::frame(0x88, &1000_u16.to_be_bytes())).unwrap();
    app.hears("ada \"é\"", &[true, false]);
    assert!(app.tries().iter().all(|notice| notice.path == "/hooks/presence?of=downlink"));
}

#[test]
fn behind_dev_the_application_is_told_without_asking() {
    let app = Application::start();
    let server = in_front_of(&app);
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
}

#[test]
fn item_54_a_notice_from_outside_is_refused_and_a_real_one_is_signed() {
    let app = Application::start();
    let server = in_front_of(&app);
    for path in ["/_ah/channel/connected/", "/_ah/channel/disconnected/", "/_ah/channel/%63onnected/"] {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = server.api().try_call("POST", path, &form, b"from=ada").unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (403, "presence_from_outside"), "{path}");
    }
    assert!(app.tries().is_empty());
    // That every real one is signed, the application itself has checked in all these tests.
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
}

#[test]
fn two_secrets_sign_while_one_is_replaced() {
    let (sender, heads) = mpsc::channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        use std::io::Read;
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        sender.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).unwrap();
    });
    let fresh = "whsec_YSBuZXcgc2VjcmV0IG9mIG5vdGljZXMgb2YgdGVzdHM=";
    let server = memory()
        .env("DOWNLINK_PRESENCE_URL", &url)
        .env("DOWNLINK_PRESENCE_SECRET", &format!("{fresh}, {SECRET}"))
        .start();
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    let head = heads.recv_timeout(PATIENCE).unwrap();
    let line = head.lines().find_map(|line| line.strip_prefix("webhook-signature: ")).unwrap();
    let signatures: Vec<&str> = line.split(' ').collect();
    assert!(signatures.len() == 2 && signatures.iter().all(|one| one.starts_with("v1,")), "{line}");
    assert_ne!(signatures[0], signatures[1]);
}
