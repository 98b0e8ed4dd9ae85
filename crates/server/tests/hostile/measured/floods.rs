//! Floods: each by itself, and all at once beside thousands of honest sockets, in 256 MB.

use crate::{
    alone::{alone, apart},
    attacks::{ALL, Going},
    crowd::Crowd,
    spread::in_one_of,
    support::{
        length::pick,
        server::{memory, on_disk},
        until,
        websocket::{FIN, PING, frame},
    },
};
use protocol::socket::Transport;
use std::{
    io::{ErrorKind, Read, Write},
    thread,
    time::{Duration, Instant},
};

/// Resident memory of the program, at its peak.
///
/// The kernel notes the peak (`VmHWM`), whatever happens between two looks, and needs no right to be granted. A control
/// group would count the kernel's own share of thousands of connections too, and cannot be made everywhere; a limit on
/// data (`RLIMIT_DATA`) counts what the allocator has reserved, which is several times what it uses.
const PEAK_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What is heard of one socket in a second: 64 pieces of 256 bytes, and what the last read brings beyond that.
const HEARD_BYTES_MAX: usize = 64 * 256 + 16 * 1024;

/// How many pings are answered tells how many were read; the others wait in the client's own buffers. On a machine with cores
/// to spare, nobody else would notice that they do not.
#[test]
fn of_a_flood_of_pings_a_share_is_heard_each_second() {
    const SECONDS: usize = 3;
    let _alone = alone();
    let server = memory().start();
    let mut socket = server.opening(Transport::WebSocket, &server.api().token("ada")).open();
    let stream = &mut socket.wire.stream;
    stream.set_nonblocking(true).unwrap();
    let ping = frame(FIN | PING, b"");
    let (pings, mut scratch) = (ping.repeat(2000), [0; 16 * 1024]);
    let (mut at, mut answered) = (0, 0);
    let end = Instant::now() + Duration::from_secs(SECONDS as u64);
    while Instant::now() < end {
        let waits = |error: std::io::Error| {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "it stays open");
            0
        };
        let written = stream.write(&pings[at..]).unwrap_or_else(waits);
        let read = stream.read(&mut scratch).unwrap_or_else(waits);
        at = (at + written) % pings.len();
        // A pong without a payload has two bytes.
        answered += read / 2;
        if written + read == 0 {
            thread::sleep(Duration::from_micros(100));
        }
    }
    println!("{answered} pings were answered in {SECONDS} seconds");
    // It begins and ends within a second.
    let most = (SECONDS + 2) * HEARD_BYTES_MAX / ping.len();
    assert!(answered > 1000 && answered < most, "{answered} pings were answered, {most} are too many");
}

#[test]
fn no_flood_alone_holds_up_others() {
    let _alone = alone();
    // What honest clients are sent fills its cache, so that what grows beyond is the attackers'.
    let server = apart(|| memory().env("DOWNLINK_CACHE_BYTES", "1048576").start());
    let crowd = Crowd::gather(&server, 100, 400);
    let (descriptors, resident) = (server.open_descriptors(), server.resident_bytes());
    let time = pick(Duration::from_millis(500), Duration::from_secs(5));
    for (number, attack) in ALL.into_iter().enumerate() {
        let mut told = 0;
        in_one_of(8, attack.0, || {
            let normal = crowd.measure(time);
            let going = Going::start(&server, attack, number);
            until("it has begun", || (going.count() > 10).then_some(()));
            let attacked = crowd.measure(time);
            told = going.end().1;
            (normal, attacked)
        });
        println!("{}: {told} times", attack.0);
    }
    crowd.disperse();
    until("descriptors and memory are back", || {
        let memory = server.resident_bytes() < resident * 5 / 4 + (8 << 20);
        (server.open_descriptors() <= descriptors + 5 && memory).then_some(())
    });
    assert_eq!(server.api().get("/healthz").status, 200);
}

#[test]
fn all_floods_at_once_beside_thousands_of_honest_sockets() {
    let _alone = alone();
    let server = apart(|| on_disk("os").start());
    let crowd = Crowd::gather(&server, pick(1000, 5000), pick(100, 50));
    in_one_of(4, "everything at once", || {
        let normal = crowd.measure(pick(Duration::from_millis(1500), Duration::from_secs(10)));
        let attacks: Vec<Going> = ALL
            .into_iter()
            .enumerate()
            .map(|(number, attack)| Going::start(&server, attack, number))
            .collect();
        until("all have begun", || attacks.iter().all(|going| going.count() > 10).then_some(()));
        let attacked = crowd.measure(pick(Duration::from_secs(3), Duration::from_secs(30)));
        let counts: Vec<_> = attacks.into_iter().map(Going::end).collect();
        println!("{counts:?}");
        (normal, attacked)
    });
    println!("{} messages, each in its turn", crowd.disperse());
    let peak = server.peak_bytes();
    println!("at most {} MB", peak >> 20);
    assert!(peak < PEAK_BYTES_MAX, "{} MB at the peak", peak >> 20);
    assert_eq!(server.api().get("/healthz").status, 200);
}
