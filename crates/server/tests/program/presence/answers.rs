//! Answers that never come to their end.

use super::{application::metric, telling};
use crate::support::{
    application::{Application, SECRET, TAKEN},
    server::memory,
    until,
};
use protocol::socket::Transport;
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

#[test]
fn a_handler_that_does_not_answer_is_asked_again_after_ten_seconds() {
    let app = Application::start();
    let mut first = true;
    app.answers(move |_| match std::mem::take(&mut first) {
        true => (Duration::from_secs(60), "200 Late"),
        false => TAKEN,
    });
    let server = telling(&app).start();
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    until("it is tried again", || (app.tries().len() == 2).then_some(()));
    let tries = app.tries();
    let pause = tries[1].at - tries[0].at;
    assert!(pause > Duration::from_secs(10) && pause < Duration::from_secs(15), "{pause:?}");
    assert_eq!(tries[0].id, tries[1].id);
    assert_eq!(metric(&server, r#"notices_total{result="failed"}"#), 1);
}

/// An application that takes what it is told, and then talks for as long as somebody listens.
fn talks_without_end() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || -> std::io::Result<()> {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request)?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")?;
                loop {
                    stream.write_all(&[b'x'; 65_536])?;
                }
            });
        }
    });
    url
}

#[test]
fn of_an_endless_answer_only_so_much_is_read() {
    let server = memory()
        .env("DOWNLINK_PRESENCE_URL", &talks_without_end())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .start();
    let before = server.resident_bytes();
    let start = Instant::now();
    let sockets: Vec<_> = (0..20)
        .map(|client| {
            let token = server.api().token(&format!("client {client}"));
            server.opening(Transport::Lines, &token).open()
        })
        .collect();
    let mut most = 0;
    until("all are told", || {
        most = most.max(server.resident_bytes());
        (metric(&server, r#"notices_total{result="told"}"#) == 20).then_some(())
    });
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(most < before + 32 * 1024 * 1024, "{before} bytes before, {most} at most");
    drop(sockets);
}
