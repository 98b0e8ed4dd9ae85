//! Connections that do nothing must not take the place of those that do.

use crate::{
    alone::together,
    support::{
        http::{API_KEY, Api, read_response},
        opening::Opening,
        server::memory,
        socket::Frame,
        until,
        wire::Wire,
    },
};
use protocol::socket::Transport;
use serde_json::Value;
use std::{
    collections::VecDeque,
    io::{self, Read},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// What the server may have open; a quarter of it may be quiet.
const DESCRIPTORS: u32 = 1024;

/// Quiet connections that are held, and made anew when they are ended.
const QUIET: usize = 3000;

/// An honest client gets what it wants within this time, whoever else is in the queue before it.
const WAIT_MAX: Duration = Duration::from_secs(5);

#[test]
fn a_crowd_of_idle_connections_keeps_nobody_out() {
    let _together = together();
    let server = memory().descriptors(DESCRIPTORS).start();
    let token = server.api().token("ada");
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    let (stop, made, address) = (AtomicBool::new(false), AtomicUsize::new(0), server.address);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut held: VecDeque<TcpStream> = VecDeque::new();
            while !stop.load(Relaxed) {
                if held.len() < QUIET
                    && let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200))
                {
                    stream.set_nonblocking(true).unwrap();
                    held.push_back(stream);
                    made.fetch_add(1, Relaxed);
                } else {
                    // Those that were ended make room for others.
                    held.retain_mut(|stream| {
                        stream.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
                    });
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        let ending = Ending(&stop);
        until("it is full", || (made.load(Relaxed) >= QUIET).then_some(()));
        let mut longest = Duration::ZERO;
        let mut waited = |begun: Instant| longest = longest.max(begun.elapsed());
        // New connections all the time, for calls and for sockets; those that are open are served all the while.
        for number in 0..5 {
            let (begun, text) = (Instant::now(), number.to_string());
            insist(|| send(address, &text));
            waited(begun);
            assert_eq!(socket.text(), text);
            let begun = Instant::now();
            let opening = server.opening(Transport::Sse, &token).after(&socket.at());
            let another = insist(|| opening.clone().try_open());
            let mut another = another.unwrap_or_else(|refusal| panic!("refused: {}", refusal.text()));
            assert_eq!(another.next().unwrap(), Frame::Open);
            waited(begun);
            let text = format!("{number} again");
            insist(|| send(address, &text));
            assert_eq!((socket.text(), another.text()), (text.clone(), text));
        }
        println!("{} idle connections made; the longest wait was {longest:?}", made.load(Relaxed));
        assert!(longest < WAIT_MAX, "an honest client waited for {longest:?}");
        assert!(
            server.open_descriptors() < DESCRIPTORS as usize / 2,
            "{} descriptors",
            server.open_descriptors()
        );
        drop(ending);
    });
}

#[test]
fn a_crowd_of_idle_connections_ends_no_poll_that_is_on_its_way() {
    let _together = together();
    let server = memory().descriptors(DESCRIPTORS).start();
    let token = server.api().token("ada");
    let opening = Opening::new(server.address, Transport::LongPoll, &token).query("wait", "0");
    let mut wire = Wire::connect(server.address).unwrap();
    let mut poll = |opening: Opening| -> Value {
        wire.send(&opening.bytes()).unwrap();
        serde_json::from_slice(&read_response(&mut wire).unwrap().body).unwrap()
    };
    let socket = poll(opening.clone())["socket"].as_str().unwrap().to_owned();
    server.api().send("ada", "hello");
    // Before its client asks for that, a crowd comes that would have its place.
    let begun = Instant::now();
    let mut held = Vec::new();
    while begun.elapsed() < Duration::from_secs(1) && held.len() < QUIET {
        held.extend(TcpStream::connect_timeout(&server.address, Duration::from_millis(200)));
    }
    assert!(held.len() > DESCRIPTORS as usize / 4, "{} are no crowd", held.len());
    thread::sleep(Duration::from_secs(1).saturating_sub(begun.elapsed()));
    let answer = poll(opening.query("socket", &socket));
    assert_eq!(answer["messages"][0]["data"], "hello", "{answer}");
}

/// Tries until it is served. On a busy machine a client may say nothing for so long after it has connected that it is
/// taken for one of the crowd; its request was not read then, so it comes again, as clients do.
fn insist<T>(mut attempt: impl FnMut() -> io::Result<T>) -> T {
    let begun = Instant::now();
    loop {
        match attempt() {
            Ok(served) => return served,
            Err(error) => assert!(begun.elapsed() < WAIT_MAX, "not served: {error}"),
        }
    }
}

/// Sends over a connection of its own.
fn send(address: SocketAddr, text: &str) -> io::Result<()> {
    let key = format!("Bearer {API_KEY}");
    let headers = [("Authorization", key.as_str()), ("Content-Type", "text/plain")];
    let response =
        Api::new(address).try_call("POST", "/v1/channels/ada/messages", &headers, text.as_bytes())?;
    assert_eq!(response.status, 201, "{}", response.text());
    Ok(())
}

/// Ends the crowd, whatever happens.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
