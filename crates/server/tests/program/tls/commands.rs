//! Programs that others have, and our own commands, over TLS.

use crate::support::{
    PATIENCE,
    http::API_KEY,
    server::{Server, Setup, downlink, memory, read_lines},
    socket::Data,
    socket::Frame,
    tls::Authority,
};
use protocol::socket::Transport;
use std::process::{Command, Stdio};

fn url(server: &Server) -> String {
    format!("https://{}", server.address)
}

fn command(server: &Server, authority: &Authority, arguments: &[&str]) -> Command {
    let mut command = downlink();
    command.args(arguments).env("DOWNLINK_URL", url(server)).env("DOWNLINK_API_KEY", API_KEY);
    command.env("DOWNLINK_CA_FILE", authority.file());
    command
}

#[test]
fn the_commands_talk_to_a_server_whose_authority_they_are_given() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let token = command(&server, &authority, &["channel", "create", "ada"]).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap();
    let mut socket = server.opening(Transport::Lines, token.trim_end()).open();
    let mut listening = command(&server, &authority, &["listen", "ada", "--count", "1"]);
    let mut listening = listening.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = read_lines(listening.stdout.take().unwrap());
    crate::support::until("the listener", || (server.api().sockets("ada") == 2).then_some(()));
    let sent = command(&server, &authority, &["send", "ada", "hello"]).output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let place = String::from_utf8(sent.stdout).unwrap().trim_end().to_owned();
    assert_eq!(socket.frame(), Frame::Message(Some(place), Data::Text("hello".into())));
    assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), "hello");
    assert!(listening.wait().unwrap().success());
    let present = command(&server, &authority, &["presence"]).output().unwrap();
    assert_eq!(String::from_utf8(present.stdout).unwrap(), "ada\n");
}

#[test]
fn a_server_that_is_not_trusted_or_speaks_no_tls_is_told_apart() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let complaint = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let stranger = Authority::new();
    let text = complaint(&mut command(&server, &stranger, &["send", "ada", "hello"]));
    assert!(text.contains("who is trusted here") && text.contains("DOWNLINK_CA_FILE"), "{text}");
    let plain = memory().start();
    let text = complaint(&mut command(&plain, &authority, &["send", "ada", "hello"]));
    assert!(text.contains("does not speak TLS"), "{text}");
    let missing = complaint(
        command(&server, &authority, &["send", "ada", "hello"]).env("DOWNLINK_CA_FILE", "/nowhere/ca.pem"),
    );
    assert!(missing.contains("/nowhere/ca.pem cannot be read"), "{missing}");
}

#[test]
fn curl_sends_and_listens() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--no-buffer", "--max-time", "30", "--cacert"]);
        command.arg(authority.file()).args(arguments).stdout(Stdio::piped());
        command.spawn().expect("curl is there (scripts/test installs it)")
    };
    let token = server.api().token("ada");
    let mut listening = curl(&[&format!("{}/v1/socket?token={token}", url(&server))]);
    let lines = read_lines(listening.stdout.take().unwrap());
    assert!(lines.recv_timeout(PATIENCE).unwrap().contains(r#""type":"open""#));
    let key = format!("Authorization: Bearer {API_KEY}");
    let address = format!("{}/v1/channels/ada/messages", url(&server));
    let sent = curl(&["-H", &key, "-H", "Content-Type: text/plain", "-d", "from curl", &address]);
    assert!(sent.wait_with_output().unwrap().status.success());
    assert!(lines.recv_timeout(PATIENCE).unwrap().contains(r#""data":"from curl""#));
    listening.kill().unwrap();
    listening.wait().unwrap();
}

#[test]
fn dev_speaks_it_too_and_prints_how_it_is_reached() {
    let authority = Authority::new();
    let data = tempfile::tempdir().unwrap();
    let server =
        Setup::new("dev").env("DOWNLINK_DATA_DIR", data.path().to_str().unwrap()).tls(&authority).start();
    let mut api = server.api();
    for path in ["/", "/demo/chat", "/channel.js", "/healthz"] {
        assert_eq!(api.get(path).status, 200, "{path}");
    }
    assert_eq!(api.get("/demo/start").json()["url"], url(&server));
}
