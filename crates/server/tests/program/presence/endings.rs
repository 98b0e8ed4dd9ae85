//! Who goes, in every way that there is.

use super::telling;
use crate::support::{
    application::Application,
    http::Api,
    opening::Opening,
    server::Server,
    socket::{ALL, STREAMS, Socket},
    token::short,
    websocket,
};
use protocol::socket::Transport;
use std::{
    thread,
    time::{Duration, Instant},
};

const GRACE: Duration = Duration::from_secs(1);

/// How much later than it should a notice may come on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

#[track_caller]
fn comes(server: &Server, app: &Application, transport: Transport, id: &str) -> Socket {
    let token = server.api().token(id);
    let socket = server.opening(transport, &token).open();
    app.hears(id, &[true]);
    socket
}

/// Waits for the notice that a client id is gone; how long it took since `start`.
#[track_caller]
fn gone(app: &Application, id: &str, start: Instant) -> Duration {
    app.hears_within(Duration::from_secs(45), id, &[true, false]);
    let notice = app.tries().into_iter().rev().find(|notice| notice.client == id).unwrap();
    assert_eq!(notice.path, "/_ah/channel/disconnected/");
    notice.at - start
}

#[test]
fn item_50_who_closes_is_gone_at_once_on_every_transport() {
    let app = Application::start();
    let server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "20").start();
    for transport in ALL {
        let id = format!("{transport:?}");
        let socket = comes(&server, &app, transport, &id);
        let start = Instant::now();
        let path = format!("/v1/socket/{}", socket.name);
        let answer = server.api().try_call("POST", &path, &[], br#"{"close":true}"#).unwrap();
        assert_eq!(answer.status, 204);
        assert!(gone(&app, &id, start) < SLACK, "{transport:?}: no grace for an explicit leave");
    }
    let mut socket = comes(&server, &app, Transport::WebSocket, "by word");
    let start = Instant::now();
    socket.say(r#"{"close":true}"#);
    assert!(gone(&app, "by word", start) < SLACK);
    let mut socket = comes(&server, &app, Transport::WebSocket, "by frame");
    let start = Instant::now();
    socket.wire.send(&websocket::frame(0x88, &1000_u16.to_be_bytes())).unwrap();
    assert!(gone(&app, "by frame", start) < SLACK);
}

#[test]
fn item_50_who_vanishes_is_gone_after_the_grace() {
    let app = Application::start();
    let server = telling(&app).start();
    for transport in STREAMS {
        let id = format!("{transport:?}");
        let socket = comes(&server, &app, transport, &id);
        let start = Instant::now();
        // What the kernel does for a killed browser.
        drop(socket);
        let took = gone(&app, &id, start);
        assert!(took >= GRACE && took < GRACE + SLACK, "{transport:?}: {took:?}");
    }
}

#[test]
fn item_50_a_page_that_is_left_has_its_grace() {
    let app = Application::start();
    let server = telling(&app).start();
    for (index, payload) in [&[][..], &1001_u16.to_be_bytes()].into_iter().enumerate() {
        let id = format!("left {index}");
        let mut socket = comes(&server, &app, Transport::WebSocket, &id);
        let start = Instant::now();
        socket.wire.send(&websocket::frame(0x88, payload)).unwrap();
        let took = gone(&app, &id, start);
        assert!(took >= GRACE && took < GRACE + SLACK, "{payload:?}: {took:?}");
    }
}

#[test]
fn item_50_a_poll_that_does_not_come_again_is_gone() {
    let app = Application::start();
    let server = telling(&app).start();
    let _socket = comes(&server, &app, Transport::LongPoll, "polls");
    let start = Instant::now();
    let took = gone(&app, "polls", start);
    // Ten seconds for the next poll, then the grace.
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(18), "{took:?}");
}

#[test]
fn item_50_a_token_that_ends_ends_its_presence() {
    let app = Application::start();
    let server = telling(&app).start();
    let start = Instant::now();
    let sockets: Vec<_> = ALL
        .into_iter()
        .map(|transport| server.opening(transport, &short(&format!("{transport:?}"), 3)).open())
        .collect();
    for transport in STREAMS {
        let took = gone(&app, &format!("{transport:?}"), start);
        assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(12), "{transport:?}: {took:?}");
    }
    drop(sockets);
}

#[test]
fn item_50_a_deleted_channel_is_gone_at_once() {
    let app = Application::start();
    let server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "20").start();
    let _socket = comes(&server, &app, Transport::Sse, "ada");
    let start = Instant::now();
    assert_eq!(server.api().call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
    assert!(gone(&app, "ada", start) < SLACK);
}

#[test]
fn item_50_a_cut_network_is_noticed_within_thirty_seconds() {
    let app = Application::start();
    let server = telling(&app).start();
    let sockets: Vec<_> = STREAMS
        .into_iter()
        .map(|transport| comes(&server, &app, transport, &format!("{transport:?}")))
        .collect();
    sockets.iter().for_each(Socket::cut);
    let start = Instant::now();
    // A poll that waits when the cable goes out.
    let mut poll = comes(&server, &app, Transport::LongPoll, "LongPoll");
    let waiting = thread::spawn(move || {
        cut_after_request(&mut poll);
        thread::sleep(Duration::from_secs(40));
    });
    for transport in ALL {
        let took = gone(&app, &format!("{transport:?}"), start);
        assert!(took < Duration::from_secs(30) + GRACE, "{transport:?}: {took:?}");
    }
    waiting.join().unwrap();
}

/// Asks for a poll of a minute, and is cut while it waits.
fn cut_after_request(socket: &mut Socket) {
    socket.ask("60").unwrap();
    thread::sleep(Duration::from_millis(300));
    socket.cut();
}

#[test]
fn item_52_a_reload_changes_nothing() {
    let app = Application::start();
    let server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "3").start();
    let mut socket = comes(&server, &app, Transport::WebSocket, "ada");
    let token = server.api().token("ada");
    for _ in 0..8 {
        drop(socket);
        thread::sleep(Duration::from_millis(150));
        socket = server.opening(Transport::WebSocket, &token).open();
    }
    thread::sleep(Duration::from_secs(5));
    assert_eq!(app.told("ada"), [true], "it is there, and always was");
    drop(socket);
    app.hears("ada", &[true, false]);
}

#[test]
fn the_last_of_several_sockets_ends_it() {
    let app = Application::start();
    let server = telling(&app).start();
    let sockets: Vec<_> = STREAMS
        .into_iter()
        .map(|transport| {
            let token = server.api().token("ada");
            server.opening(transport, &token).open()
        })
        .collect();
    app.hears("ada", &[true]);
    for socket in sockets {
        thread::sleep(Duration::from_millis(1_500));
        assert_eq!(app.told("ada"), [true]);
        drop(socket);
    }
    app.hears("ada", &[true, false]);
}

#[test]
fn item_52_notices_alternate_however_fast_clients_come_and_go() {
    let app = Application::start();
    let server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0").start();
    let address = server.address;
    thread::scope(|scope| {
        for client in 0..8 {
            let app = &app;
            scope.spawn(move || {
                let id = format!("client {client}");
                let token = Api::new(address).token(&id);
                let opening = |transport| Opening::new(address, transport, &token).open();
                for round in 0..60 {
                    let socket = opening(STREAMS[round % 3]);
                    if round % 7 == 0 {
                        thread::sleep(Duration::from_millis(20));
                    }
                    drop(socket);
                }
                let last = opening(Transport::WebSocket);
                thread::sleep(Duration::from_millis(500));
                let tries = app.tries();
                let mine: Vec<_> = tries.iter().filter(|notice| notice.client == id).collect();
                for (index, notice) in mine.iter().enumerate() {
                    assert_eq!(notice.connected, index % 2 == 0, "never twice the same, connected first");
                }
                assert!(mine.is_sorted_by(|a, b| a.generation < b.generation), "generations rise");
                assert!(mine.last().unwrap().connected, "it is there, and that is the last word");
                drop(last);
            });
        }
    });
}
