//! A slow reader costs a cursor, not memory.

use crate::{
    length::alone,
    support::{
        PATIENCE,
        http::Api,
        server::{Server, on_disk},
        socket::{Data, Frame, Socket},
        until,
    },
};
use protocol::socket::Transport;
use std::time::Instant;

const SOCKETS: usize = 50;
/// 10 MB in messages of 20,000 bytes.
const MESSAGES: usize = 500;
const BYTES: usize = 20_000;

/// What each may cost beside what the kernel holds.
const BYTES_PER_SOCKET_MAX: u64 = 64 * 1024;

fn send(api: &mut Api, id: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        api.send(id, &format!("{number} {}", "x".repeat(BYTES - 8)));
    }
}

fn number(text: &str) -> usize {
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The next frame of a socket that may have been cut off meanwhile: a kernel that cannot get rid of its bytes for ten
/// seconds gives up (`TCP_USER_TIMEOUT`). Then it comes back with its cursor, as every client does.
fn frame(server: &Server, token: &str, socket: &mut Socket) -> Frame {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "{:?}: nothing but pings", socket.transport);
        match socket.next() {
            Ok(Frame::Ping | Frame::Open) => {}
            Ok(Frame::End(_)) | Err(_) => {
                let cursor = socket.at();
                *socket = server.opening(socket.transport, token).after(&cursor).open();
            }
            Ok(frame) => return frame,
        }
    }
}

fn text(server: &Server, token: &str, socket: &mut Socket) -> String {
    match frame(server, token, socket) {
        Frame::Message(_, Data::Text(text)) => text,
        other => panic!("{:?}: wanted a text, got {other:?}", socket.transport),
    }
}

/// Sends ten megabytes to a channel with a reader that keeps up: the price of that alone.
fn with_a_reader(server: &Server, id: &str) -> u64 {
    let mut api = server.api();
    let mut reader = server.opening(Transport::WebSocket, &api.token(id)).open();
    let reading = std::thread::spawn(move || {
        (0..MESSAGES).for_each(|wanted| assert_eq!(number(&reader.text()), wanted))
    });
    send(&mut api, id, 0..MESSAGES);
    reading.join().unwrap();
    server.resident_bytes()
}

#[test]
fn sockets_that_stop_reading_cost_no_memory_and_catch_up_later() {
    let _alone = alone();
    let server = on_disk("os").start();
    let mut api = server.api();
    // First the cache of the newest messages fills, which has its bound and nothing to do with slow sockets.
    let before = [(); 5].map(|()| with_a_reader(&server, "warm"))[4];
    let token = api.token("slow");
    let mut slow: Vec<Socket> = (0..SOCKETS)
        .map(|index| {
            let transport = [Transport::WebSocket, Transport::Sse, Transport::Lines][index % 3];
            server.opening(transport, &token).open()
        })
        .collect();
    let mut fast = server.opening(Transport::WebSocket, &api.token("fast")).open();
    for number in 0..MESSAGES {
        send(&mut api, "slow", number..number + 1);
        if number % 50 == 0 {
            api.send("fast", &number.to_string());
            assert_eq!(fast.text(), number.to_string(), "others flow meanwhile");
        }
    }
    let after = server.resident_bytes();
    let each = after.saturating_sub(before) / SOCKETS as u64;
    assert!(each < BYTES_PER_SOCKET_MAX, "{each} bytes for each socket that does not read");
    for socket in &mut slow {
        for wanted in 0..MESSAGES {
            assert_eq!(
                number(&text(&server, &token, socket)),
                wanted,
                "{:?}: everything, in order, once",
                socket.transport
            );
        }
    }
    api.send("slow", "0 end");
    for socket in &mut slow {
        assert_eq!(text(&server, &token, socket), "0 end", "{:?}", socket.transport);
    }
}

#[test]
fn a_slow_socket_hears_of_a_gap_before_it_goes_on() {
    let _alone = alone();
    let server = on_disk("os").env("DOWNLINK_RETENTION_BYTES", "1048576").start();
    let mut api = server.api();
    let token = api.token("slow");
    let mut sockets: Vec<Socket> = [Transport::WebSocket, Transport::Sse, Transport::Lines]
        .into_iter()
        .map(|transport| server.opening(transport, &token).open())
        .collect();
    // Far beyond what kernel and cache hold: their place is dropped from the disk while they do not read.
    let total = 100 * 1024 * 1024 / BYTES;
    send(&mut api, "slow", 0..total);
    until("all is dropped that is too much", || {
        let page = api.get("/v1/channels/slow/messages?limit=1").json();
        (number(page["messages"][0]["data"].as_str().unwrap()) >= total - 1_048_576 / BYTES - 1).then_some(())
    });
    for socket in &mut sockets {
        // A gap is said whenever it is behind what is kept, so again if more was dropped after the first.
        let (mut next, mut said, mut gaps) = (0, false, 0);
        while next < total {
            match frame(&server, &token, socket) {
                Frame::Gap { reason, .. } => {
                    assert_eq!(reason, "trimmed");
                    (said, gaps) = (true, gaps + 1);
                }
                Frame::Message(_, Data::Text(text)) => {
                    let found = number(&text);
                    let right = if said { found > next } else { found == next };
                    assert!(right, "{:?}: {found} for {next}, gap said: {said}", socket.transport);
                    (next, said) = (found + 1, false);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(gaps > 0, "{:?}", socket.transport);
    }
}
