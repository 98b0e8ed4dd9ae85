//! How sockets and connections of HTTP/2 end.

use super::frames::{CARRIED, STREAMED};
use crate::support::{front::Front, server::memory, socket::Frame, tls::Authority, token, until};
use protocol::socket::Transport;
use std::time::{Duration, Instant};

#[test]
fn who_goes_is_gone_and_the_others_stay() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let (mut api, mut direct) = (front.api(), server.api());
    let token = api.token("ada");
    let mut stays = front.opening(Transport::Sse, &token).open();
    for transport in STREAMED {
        let goes = front.opening(transport, &token).open();
        assert_eq!(api.sockets("ada"), 2);
        drop(goes);
        until("it is gone", || (api.sockets("ada") == 1).then_some(()));
    }
    api.send("ada", "still there");
    assert_eq!(stays.text(), "still there");
    assert_eq!(front.connections(), 1);
    drop(front);
    until("with its connection all are gone", || (direct.sockets("ada") == 0).then_some(()));
    assert_eq!(stays.next().unwrap(), Frame::End(None));
}

#[test]
fn tokens_that_end_and_channels_that_are_deleted_end_sockets() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    for transport in STREAMED {
        let mut expires = front.opening(transport, &token::short("ada", 2)).open();
        assert_eq!(expires.closed(), (4401, "Token timed out.".into()), "{transport:?}");
        let mut deleted = front.opening(transport, &api.token("bob")).open();
        assert_eq!(api.call("DELETE", "/v1/channels/bob", &[], b"").status, 204);
        assert_eq!(deleted.closed().0, 4410, "{transport:?}");
    }
    for transport in CARRIED {
        assert_eq!(front.opening(transport, "no.good.token").refused().0, 401, "{transport:?}");
    }
    until("all are gone", || (api.sockets("ada") + api.sockets("bob") == 0).then_some(()));
}

#[test]
fn at_a_stop_every_socket_is_told_and_requests_are_answered() {
    let authority = Authority::new();
    let mut server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let token = front.api().token("ada");
    let mut sockets: Vec<_> =
        (0..40).map(|number| front.opening(STREAMED[number % 2], &token).open()).collect();
    let mut poll = front.opening(Transport::LongPoll, &token).open();
    assert_eq!(poll.next().unwrap(), Frame::Ping);
    poll.ask("20").unwrap();
    until("all are there", || (front.api().sockets("ada") == 41).then_some(()));
    let begun = Instant::now();
    server.terminate();
    for socket in &mut sockets {
        let Frame::Close { code: 1012, retry_after_ms: Some(_), .. } = socket.frame() else {
            panic!("not told when to come back")
        };
        assert_eq!(socket.next().unwrap(), Frame::End(None));
    }
    let answer = crate::support::http::read_response(&mut poll.wire).unwrap();
    assert_eq!(answer.json()["close"]["code"], 1012);
    assert!(server.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(front.connections(), 1);
}

#[test]
fn a_reader_that_takes_nothing_does_not_hold_a_stop_up() {
    let authority = Authority::new();
    let mut server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = server.api();
    let token = api.token("ada");
    let _sockets: Vec<_> = STREAMED.map(|transport| front.opening(transport, &token).open()).into();
    front.pause();
    (0..100).for_each(|_| drop(api.send("ada", &"x".repeat(30_000))));
    let begun = Instant::now();
    server.terminate();
    assert!(server.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
