//! The commands that talk to a running server.

use crate::support::{
    PATIENCE,
    http::API_KEY,
    server::{Server, downlink, memory, on_disk, read_lines},
    socket::{Data, Frame},
    until,
};
use protocol::socket::Transport;
use serde_json::Value;
use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
};

fn command(server: &Server, arguments: &[&str]) -> Command {
    let mut command = downlink();
    command.args(arguments);
    command.env("DOWNLINK_URL", format!("http://{}", server.address)).env("DOWNLINK_API_KEY", API_KEY);
    command
}

#[track_caller]
fn output(server: &Server, arguments: &[&str]) -> Output {
    command(server, arguments).output().unwrap()
}

#[track_caller]
fn says(server: &Server, arguments: &[&str]) -> String {
    let output = output(server, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_token_is_created_and_opens_the_channel() {
    let server = memory().start();
    let token = says(&server, &["channel", "create", "ada", "--minutes", "5"]);
    let mut socket = server.opening(Transport::WebSocket, token.trim_end()).open();
    server.api().send("ada", "hello");
    assert_eq!(socket.text(), "hello");
    let json: Value = serde_json::from_str(&says(&server, &["channel", "create", "é/x", "--json"])).unwrap();
    assert_eq!(json["client_id"], "é/x");
    assert!(json["token"].is_string() && json["expires_at"].is_string() && json["cursor"].is_string());
}

#[test]
fn what_is_sent_arrives_and_its_place_is_printed() {
    let server = memory().start();
    let mut socket = server.opening(Transport::Lines, &server.api().token("ada")).open();
    let place = says(&server, &["send", "ada", "hello"]);
    let expected = Frame::Message(Some(place.trim_end().to_owned()), Data::Text("hello".into()));
    assert_eq!(socket.frame(), expected);
    assert_eq!(says(&server, &["send", "ada", "now", "--ttl", "0"]), "");
    assert_eq!(socket.frame(), Frame::Message(None, Data::Text("now".into())));
    let again = says(&server, &["send", "ada", "once", "--idempotency-key", "k"]);
    assert_eq!(says(&server, &["send", "ada", "once", "--idempotency-key", "k"]), again);
    assert_eq!(socket.text(), "once");
    // A line a message, from standard input.
    let mut child =
        command(&server, &["send", "ada"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all("one\n\ntwo é\nthree".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
    assert_eq!(socket.texts(3), ["one", "two é", "three"]);
    let mut child = command(&server, &["send", "ada", "--binary"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\x00\xff\n").unwrap();
    assert!(child.wait().unwrap().success());
    let Frame::Message(_, data) = socket.frame() else { panic!("no message") };
    assert_eq!(data, Data::Binary(b"\x00\xff\n".into()));
}

/// A command that runs until it is told to end, and what it prints.
struct Running(Child, mpsc::Receiver<String>);

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        Self(child, lines)
    }

    #[track_caller]
    fn line(&self) -> String {
        self.1.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn listening_goes_on_across_a_kill_of_the_server() {
    let server = on_disk("fsync").start();
    let by_id = Running::start(command(&server, &["listen", "ada"]));
    let token = server.api().token("ada");
    let by_token = Running::start(command(&server, &["listen", &token, "--json"]));
    let mut counted = Running::start(command(&server, &["listen", "ada", "--count", "2"]));
    until("they listen", || (server.api().sockets("ada") == 3).then_some(()));
    let place = server.api().send("ada", "one");
    assert_eq!((by_id.line(), counted.line()), ("one".into(), "one".into()));
    assert!(by_token.line().starts_with(r#"{"type":"open","cursor":""#));
    assert_eq!(by_token.line(), format!(r#"{{"id":"{place}","data":"one"}}"#));
    let server = server.restart();
    server.api().send("ada", "two");
    assert_eq!((by_id.line(), counted.line()), ("two".into(), "two".into()));
    let next = || Some(by_token.line()).filter(|line| line.contains("data"));
    assert!(until("the message comes", next).ends_with(r#""data":"two"}"#));
    let ended = until("it has what it wanted", || counted.0.try_wait().unwrap());
    assert!(ended.success());
}

#[test]
fn presence_lists_who_is_there() {
    let server = memory().start();
    assert_eq!(says(&server, &["presence"]), "");
    let _sockets: Vec<_> = ["ada", "bob"]
        .iter()
        .map(|id| server.opening(Transport::Sse, &server.api().token(id)).open())
        .collect();
    let listed = says(&server, &["presence"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["ada", "bob"]);
}

#[test]
fn what_fails_ends_with_one_and_a_sentence() {
    let server = memory().start();
    let long = "x".repeat(257);
    for (arguments, key) in [
        (&["send", "ada", "x"][..], "wrong-key-0123456789"),
        (&["presence"], "wrong-key-0123456789"),
        (&["listen", "ada"], "wrong-key-0123456789"),
        (&["channel", "create", ""], API_KEY),
        (&["send", &long, "x"], API_KEY),
        (&["listen", "eyJ.not.atoken"], API_KEY),
    ] {
        let output = command(&server, arguments).env("DOWNLINK_API_KEY", key).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {complaint}");
        assert!(complaint.len() > 20 && !complaint.contains(key), "{complaint}");
    }
    // Nobody is there.
    let mut gone = command(&server, &["presence"]);
    drop(server);
    let output = gone.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("127.0.0.1"));
    assert_eq!(
        downlink().args(["channel", "create", "ada", "--minutes", "0"]).output().unwrap().status.code(),
        Some(2)
    );
}
