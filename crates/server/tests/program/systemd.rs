//! Under systemd: the socket is there before the server and after it, and the server says how it does. The tests do
//! what systemd does: they pass a descriptor and hear at a socket.

use crate::support::{
    PATIENCE,
    http::{API_KEY, request},
    server::downlink,
    token::TOKEN_KEY,
    until,
};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process::{Child, Command, ExitStatus, Stdio},
};

/// The manager of a service: what it holds over all lives of the server.
struct Manager {
    listener: TcpListener,
    hears: UnixDatagram,
    place: String,
    edges: u32,
}

impl Manager {
    /// It hears at a socket in the file system, or in the abstract namespace.
    fn new(place: &str, edges: u32) -> Self {
        let hears = match place.strip_prefix('@') {
            Some(name) => {
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap()
            }
            None => UnixDatagram::bind(place).unwrap(),
        };
        hears.set_read_timeout(Some(PATIENCE)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listener, hears, place: place.to_owned(), edges }
    }

    /// Starts the server with the socket as its descriptor 3.
    fn start(&self) -> Child {
        self.start_with(1, "exec 3<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\" serve")
    }

    fn start_with(&self, sockets: u32, script: &str) -> Child {
        let program = downlink();
        let mut command = Command::new("/bin/sh");
        for (name, value) in program.get_envs() {
            if value.is_none() {
                command.env_remove(name);
            }
        }
        let passed = OwnedFd::from(self.listener.try_clone().unwrap());
        command.arg("-c").arg(script).arg(program.get_program()).stdin(passed).stderr(Stdio::null());
        command.env("DOWNLINK_API_KEY", API_KEY).env("DOWNLINK_TOKEN_KEY", TOKEN_KEY);
        command.env("DOWNLINK_DURABILITY", "memory").env("DOWNLINK_DRAIN_SECONDS", "1");
        command.env("DOWNLINK_EDGE_THREADS", self.edges.to_string());
        // Nobody may listen there, so it must not be tried.
        command.env("DOWNLINK_LISTEN", "192.0.2.1:1");
        command.env("LISTEN_FDS", sockets.to_string()).env("NOTIFY_SOCKET", &self.place);
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    #[track_caller]
    fn hear(&self) -> String {
        let mut text = [0; 200];
        let length = self.hears.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    /// Connects and asks, and does not wait for the answer.
    fn ask(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&request("GET", "/healthz", &[("Connection", "close")], b"")).unwrap();
        stream
    }
}

#[track_caller]
fn answered(mut stream: TcpStream) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 "), "{text:?}");
}

fn stop(child: &mut Child) -> ExitStatus {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    until("the server ends", || child.try_wait().unwrap())
}

#[test]
fn a_restart_under_systemd_refuses_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let manager = Manager::new(folder.path().join("notify").to_str().unwrap(), 2);
    // A service that is started by its first connection.
    let early = manager.ask();
    let mut first = manager.start();
    assert_eq!(manager.hear(), "READY=1");
    answered(early);
    answered(manager.ask());
    assert!(stop(&mut first).success());
    assert_eq!(manager.hear(), "STOPPING=1");
    // Nobody is there.
    let between: Vec<TcpStream> = (0..20).map(|_| manager.ask()).collect();
    let mut second = manager.start();
    assert_eq!(manager.hear(), "READY=1");
    between.into_iter().for_each(answered);
    assert!(stop(&mut second).success());
}

#[test]
fn readiness_is_told_in_the_abstract_namespace_as_well() {
    let manager = Manager::new(&format!("@downlink-test-{}", std::process::id()), 1);
    let mut server = manager.start();
    assert_eq!(manager.hear(), "READY=1");
    answered(manager.ask());
    assert!(stop(&mut server).success());
    assert_eq!(manager.hear(), "STOPPING=1");
}

#[test]
fn what_is_passed_wrongly_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let manager = Manager::new(folder.path().join("notify").to_str().unwrap(), 1);
    let two = "exec 3<&0 4<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\" serve";
    let no_socket = "exec 3</dev/null 0</dev/null; LISTEN_PID=$$ exec \"$0\" serve";
    for (sockets, script) in [(2, two), (1, no_socket)] {
        let mut child = manager.start_with(sockets, script);
        assert_eq!(until("it ends", || child.try_wait().unwrap()).code(), Some(1), "{script}");
    }
}
