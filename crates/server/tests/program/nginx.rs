//! `deploy/nginx.conf`, with a real nginx between pages, Downlink and an application.

use crate::support::{
    application::{Application, SECRET},
    http::{read_chunk, read_head, request},
    opening::{Opening, Place},
    server::memory,
    socket::{ALL, Socket},
    until,
    wire::Wire,
};
use protocol::socket::Transport;
use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command},
};

struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers with it.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Starts nginx with the file that users get, on ports of our own.
fn nginx(downlink: SocketAddr, application: SocketAddr) -> Nginx {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = include_str!("../../../../deploy/nginx.conf")
        .replace("listen 80;", &format!("listen {address};"))
        .replace("127.0.0.1:7171", &downlink.to_string())
        .replace("127.0.0.1:8080", &application.to_string());
    let path = folder.path().display();
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {path}/{name};"))
        .concat();
    let whole = format!(
        "daemon off; pid {path}/pid; error_log {path}/errors; events {{}}\n\
         http {{ access_log off; {places}\n{site}\n}}"
    );
    fs::write(folder.path().join("nginx.conf"), whole).unwrap();
    let program =
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| fs::exists(path).unwrap());
    let child = Command::new(program.expect("Debian's package nginx-light is installed"))
        .arg("-p")
        .arg(folder.path())
        .arg("-c")
        .arg(folder.path().join("nginx.conf"))
        .spawn()
        .unwrap();
    until("nginx listens", || TcpStream::connect(address).ok());
    Nginx { child, address, _folder: folder }
}

/// The status line and the body of an answer.
fn ask(nginx: &Nginx, method: &str, path: &str) -> (String, String) {
    let mut wire = Wire::connect(nginx.address).unwrap();
    wire.send(&request(method, path, &[("Connection", "close")], b"")).unwrap();
    let all = String::from_utf8(wire.rest().unwrap()).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// A socket, or the chunks of a stream.
enum Reader {
    Socket(Box<Socket>),
    Chunks(Wire),
}

impl Reader {
    fn chunks(nginx: SocketAddr, opening: &Opening) -> Self {
        let mut wire = Wire::connect(nginx).unwrap();
        wire.send(&opening.bytes()).unwrap();
        let head = read_head(&mut wire).unwrap();
        assert_eq!((head.status, head.header("transfer-encoding")), (200, Some("chunked")));
        Self::Chunks(wire)
    }

    /// The next message, which must come alone: nothing is held back.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        match self {
            Self::Socket(socket) => assert_eq!(socket.text(), text),
            Self::Chunks(wire) => loop {
                let chunk = String::from_utf8(read_chunk(wire).unwrap()).unwrap();
                if !chunk.contains("\"open\"") {
                    assert!(chunk.contains(text), "{text}: {chunk}");
                    return;
                }
            },
        }
    }
}

#[test]
fn all_transports_and_the_development_wire_work_through_nginx() {
    let app = Application::start();
    let server = memory().env("DOWNLINK_PRESENCE_URL", &app.url()).env("DOWNLINK_PRESENCE_SECRET", SECRET);
    let server = server.env("DOWNLINK_PRESENCE_GRACE_SECONDS", "1").start();
    let nginx = nginx(server.address, app.address);
    for transport in ALL {
        let id = format!("{transport:?}");
        let token = server.api().token(&id);
        let opening = Opening::new(nginx.address, transport, &token).place(Place::Query);
        let opening = opening.path("/_ah/channel/socket");
        // Through nginx the streams come in chunks.
        let mut reader = match transport {
            Transport::Sse | Transport::Lines => Reader::chunks(nginx.address, &opening),
            _ => Reader::Socket(Box::new(opening.open())),
        };
        app.hears(&id, &[true]);
        for text in ["one", "two", "three"] {
            server.api().send(&id, text);
            reader.expect(text);
        }
        if transport != Transport::LongPoll {
            drop(reader);
            // nginx ends what its page has left, and does not keep it.
            app.hears(&id, &[true, false]);
        }
    }
    let token = server.api().token("dev");
    server.api().send("dev", "raw");
    let poll = |token: &str| ask(&nginx, "GET", &format!("/_ah/channel/dev?command=poll&channel={token}"));
    assert_eq!(poll(&token), ("HTTP/1.1 200 OK".into(), "raw".into()));
    assert_eq!(poll("nonsense"), ("HTTP/1.1 401 Invalid+token.".into(), String::new()));
    for path in [
        "/_ah/channel/connected/",
        "/_ah/channel/disconnected/",
        "/_ah/channel/connected",
        "/_ah/channel/%63onnected/",
        "//_ah//channel/./connected/",
        "/x/../_ah/channel/connected/",
        "/_ah%2Fchannel%2Fconnected/",
        "/_AH/Channel/Connected/",
        // As servlets read it.
        "/_ah;x=1/channel;y/connected;z/",
    ] {
        assert_eq!(ask(&nginx, "POST", path).0, "HTTP/1.1 403 Forbidden", "{path}");
    }
    let twice = ask(&nginx, "POST", "/_ah/channel/connecte%2564/").0;
    assert_eq!(twice, "HTTP/1.1 404 Not Found", "it goes to Downlink, which has no such path");
    for path in ["/_ah/channel/jsapi", "/channel.js", "/downlink.mjs"] {
        assert_eq!(ask(&nginx, "GET", path).0, "HTTP/1.1 200 OK", "{path}");
    }
}
