//! The wall clock jumps: sockets that are open do not notice, times in the log never run backwards, and tokens are
//! compared with the clock as it is.

use super::endings::closing;
use crate::{
    length::alone,
    support::{
        clock::WallClock,
        http::Api,
        server::{Server, on_disk},
        socket::{ALL, Socket},
        token::{TOKEN_KEY, claims, short, sign},
    },
};
use protocol::socket::Transport;
use std::{
    thread,
    time::{Duration, Instant},
};

const DAY: i64 = 86_400;

/// Long enough for everything that is looked at once a second.
const TICKS: Duration = Duration::from_millis(2_200);

fn all_hear(api: &mut Api, sockets: &mut [Socket], text: &str) {
    api.send("ada", text);
    for socket in sockets {
        assert_eq!(socket.text(), text, "{:?}", socket.transport);
    }
}

/// What an open is refused with, in the words of HTTP.
fn refused(server: &Server, transport: Transport, token: &str) -> String {
    match server.opening(transport, token).refused() {
        (4401, reason) if reason == "Token timed out." => "token_timed_out".into(),
        (4401, _) => "invalid_token".into(),
        (_, code) => code,
    }
}

/// The times of what is kept, oldest first; as text they sort as they are.
fn times(api: &mut Api) -> Vec<String> {
    let page = api.get("/v1/channels/ada/messages").json();
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["time"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn open_sockets_do_not_notice_when_the_clock_jumps() {
    let _alone = alone();
    let clock = WallClock::new();
    let server = clock.of(on_disk("os")).start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets = ALL.map(|transport| server.opening(transport, &token).open());
    all_hear(&mut api, &mut sockets, "before");
    clock.jump(DAY);
    thread::sleep(TICKS);
    all_hear(&mut api, &mut sockets, "a day later");
    // New opens go by the clock as it is: for it the token's time is over.
    let of_the_server = api.token("ada");
    for transport in ALL {
        assert_eq!(refused(&server, transport, &token), "token_timed_out", "{transport:?}");
        server.opening(transport, &of_the_server).open();
    }
    clock.jump(-DAY);
    thread::sleep(TICKS);
    all_hear(&mut api, &mut sockets, "a day before");
    for transport in ALL {
        // Made a day, or two days, in what is now the future.
        for token in [&token, &of_the_server, &sign(&claims("ada"), TOKEN_KEY)] {
            assert_eq!(refused(&server, transport, token), "invalid_token", "{transport:?}");
        }
        server.opening(transport, &api.token("ada")).open();
    }
    clock.jump(0);
    all_hear(&mut api, &mut sockets, "right again");
    let resumed: Vec<Socket> = sockets
        .iter()
        .map(|socket| server.opening(socket.transport, &token).after(&socket.at()).open())
        .collect();
    all_hear(&mut api, &mut resumed.into_iter().chain(sockets).collect::<Vec<_>>(), "resumed");
    let times = times(&mut api);
    assert!(times.is_sorted(), "times never run backwards: {times:?}");
    assert!(times.len() >= 4, "{times:?}");
}

#[test]
fn a_tokens_end_is_a_deadline_that_no_jump_moves() {
    let _alone = alone();
    for jump in [DAY, -DAY] {
        let clock = WallClock::new();
        let server = clock.of(on_disk("os")).start();
        let begun = Instant::now();
        let mut sockets = ALL.map(|transport| server.opening(transport, &short("ada", 5)).open());
        clock.jump(jump);
        thread::sleep(TICKS);
        all_hear(&mut server.api(), &mut sockets, "still here");
        let closing = sockets.map(closing);
        for (transport, closing) in ALL.iter().zip(closing) {
            assert_eq!(closing.join().unwrap(), (4401, "Token timed out.".into()), "{transport:?}");
        }
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(3_900) && took < Duration::from_secs(8), "{jump}: {took:?}");
    }
}

#[test]
fn a_start_with_a_clock_that_is_a_day_behind_goes_on_with_the_log() {
    let _alone = alone();
    let clock = WallClock::new();
    let server = clock.of(on_disk("fsync")).start();
    let mut api = server.api();
    let token = api.token("ada");
    let cursors = ALL.map(|transport| {
        let socket = server.opening(transport, &token).open();
        (transport, socket.at())
    });
    api.send("ada", "before");
    clock.jump(-DAY);
    let server = server.restart();
    let mut api = server.api();
    let token = api.token("ada");
    api.send("ada", "after");
    for (transport, cursor) in cursors {
        let mut socket = server.opening(transport, &token).after(&cursor).open();
        assert_eq!(socket.texts(2), ["before", "after"], "{transport:?}");
    }
    // A token that was made now starts now, although the log's times are ahead of its own.
    api.send("ada", "once more");
    let mut socket = server.opening(Transport::Sse, &token).open();
    assert_eq!(socket.texts(2), ["after", "once more"]);
    let times = times(&mut api);
    assert!(times.is_sorted() && times.len() == 3, "{times:?}");
}
