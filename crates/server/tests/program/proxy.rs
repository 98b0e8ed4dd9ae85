//! `dev --app`: an application behind Downlink's port.

use crate::support::{
    http::{read_chunk, read_head, read_response, request},
    server::{Server, Setup},
    wire::Wire,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

/// What the application was asked.
struct Asked {
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
    /// To answer on.
    stream: TcpStream,
}

/// A small application: hands every request to the test, which answers it.
fn application() -> (SocketAddr, mpsc::Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || ask(stream).map(|asked| sender.send(asked)));
        }
    });
    (address, asked)
}

fn ask(stream: TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let length =
        lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line: lines.remove(0), headers: lines, body, stream })
}

fn behind(app: SocketAddr) -> Server {
    Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").arg("--app").arg(&format!("http://{app}")).start()
}

impl Asked {
    fn answer(mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

#[test]
fn a_request_reaches_the_application_as_it_was_and_its_answer_comes_back() {
    let (app, asked) = application();
    let server = behind(app);
    let mut wire = Wire::connect(server.address).unwrap();
    let headers = [("X-Mine", "1"), ("Cookie", "a=b"), ("Connection", "x-hop"), ("X-Hop", "not further")];
    wire.send(&request("PUT", "/move/%C3%A9?a=1&b=%2F", &headers, b"the body")).unwrap();
    let request = asked.recv_timeout(crate::support::PATIENCE).unwrap();
    assert_eq!(request.line, "PUT /move/%C3%A9?a=1&b=%2F HTTP/1.1");
    assert_eq!((request.header("x-mine"), request.header("cookie")), (Some("1"), Some("a=b")));
    assert_eq!(request.header("x-hop"), None, "what belongs to the connection stays there");
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!((request.header("x-forwarded-host"), request.header("host")), (Some("test"), Some("test")));
    assert_eq!(request.body, b"the body");
    request.answer("HTTP/1.1 418 Teapot\r\nSet-Cookie: c=d\r\nX-Theirs: 2\r\nContent-Length: 5\r\n\r\nshort");
    let answer = read_response(&mut wire).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (418, "short"));
    assert_eq!((answer.header("set-cookie"), answer.header("x-theirs")), (Some("c=d"), Some("2")));
}

#[test]
fn an_answer_that_streams_is_not_held_back() {
    let (app, asked) = application();
    let server = behind(app);
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request("GET", "/stream", &[], b"")).unwrap();
    let mut request = asked.recv_timeout(crate::support::PATIENCE).unwrap();
    request.stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").unwrap();
    assert_eq!(read_head(&mut wire).unwrap().status, 200);
    assert_eq!(read_chunk(&mut wire).unwrap(), b"one", "before the next is written");
    request.stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
    assert_eq!(read_chunk(&mut wire).unwrap(), b"two");
    assert!(read_chunk(&mut wire).unwrap().is_empty());
}

#[test]
fn what_is_downlinks_own_stays_there() {
    let (app, asked) = application();
    let server = behind(app);
    let mut api = server.api();
    let token = api.token("ada");
    let mut socket =
        server.opening(protocol::socket::Transport::WebSocket, &token).path("/_ah/channel/socket").open();
    api.send("ada", "hello");
    assert_eq!(socket.text(), "hello");
    for (path, status) in [
        ("/_ah/channel/jsapi", 200),
        ("/channel.js", 200),
        ("/healthz", 200),
        ("/metrics", 200),
        ("/v1/nothing", 404),
    ] {
        assert_eq!(api.get(path).status, status, "{path}");
    }
    for path in ["/_ah/channel/connected/", "/_ah/channel/disconnected/", "/_ah/channel/connected"] {
        let answer = api.call("POST", path, &[], b"from=ada");
        assert_eq!((answer.status, answer.code().as_str()), (403, "presence_from_outside"), "{path}");
    }
    // All that the application hears are Downlink's own notices.
    for request in asked.try_iter() {
        assert!(request.header("webhook-signature").is_some(), "{}", request.line);
    }
}

#[test]
fn an_application_that_is_down_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let app = listener.local_addr().unwrap();
    drop(listener);
    let server = behind(app);
    let answer = server.api().get("/");
    assert_eq!((answer.status, answer.code().as_str()), (502, "application_unreachable"));
    assert!(answer.text().contains(&app.to_string()));
    assert_eq!(server.api().get("/healthz").status, 200);
}

#[test]
fn a_connection_that_the_application_ends_in_between_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = behind(listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let again = stream.try_clone().unwrap();
                let first = ask(stream).unwrap();
                first.answer("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
                // A server that ends what was idle for long does so just when another request is on its way.
                ask(again);
            });
        }
    });
    let mut wire = Wire::connect(server.address).unwrap();
    for round in 0..20 {
        wire.send(&request("POST", "/move", &[], b"e2e4")).unwrap();
        let answer = read_response(&mut wire).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "round {round}");
    }
}
