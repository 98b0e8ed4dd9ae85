//! Connections that do nothing must not take the place of those that do.

use crate::{
    alone::together,
    support::{http::Api, server::memory, until},
};
use protocol::socket::Transport;
use std::{
    collections::VecDeque,
    io::Read,
    net::TcpStream,
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
                        stream
                            .read(&mut [0])
                            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
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
            Api::new(address).send("ada", &text);
            waited(begun);
            assert_eq!(socket.text(), text);
            let begun = Instant::now();
            let mut another = server.opening(Transport::Sse, &token).after(&socket.at()).open();
            waited(begun);
            let text = format!("{number} again");
            Api::new(address).send("ada", &text);
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

/// Ends the crowd, whatever happens.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
