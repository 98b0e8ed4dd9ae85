//! The real server, in a directory of its own, on a port of its own.

use client::{Client, Data, Event, Listener};
use std::{
    env,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

const API_KEY: &str = "a-key-for-tests-0123456789";

/// A running `downlink dev`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    data_dir: tempfile::TempDir,
    /// What it is told by its environment beside its keys.
    settings: Vec<(&'static str, String)>,
}

/// The program under test: `DOWNLINK_BIN`, else what `cargo build --release` made.
fn program() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/downlink");
    let program = PathBuf::from(env::var_os("DOWNLINK_BIN").unwrap_or_else(|| built.into()));
    assert!(
        program.is_file(),
        "{} is missing: run `cargo build --release` first, or let DOWNLINK_BIN name the program",
        program.display()
    );
    program
}

/// A token key of `letter`s, as long as it has to be.
pub(crate) fn token_key(letter: char) -> String {
    std::iter::repeat_n(letter, 32).collect()
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(Vec::new())
    }

    pub(crate) fn start_with(settings: Vec<(&'static str, String)>) -> Self {
        let data_dir = tempfile::tempdir().expect("a directory for the server's data");
        let (child, address) = run("127.0.0.1:0", &data_dir, &token_key('a'), &settings);
        Self { child, address, data_dir, settings }
    }

    /// Ends the process as a crash does: with nothing written any more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server is ours to kill");
        self.child.wait().expect("the server is ours to wait for");
    }

    /// Starts again on the same port and data.
    pub(crate) fn start_again(&mut self) {
        (self.child, _) = run(&self.address, &self.data_dir, &token_key('a'), &self.settings);
    }

    /// Starts again with another token key, which makes all earlier tokens invalid.
    pub(crate) fn start_again_with_another_key(&mut self) {
        (self.child, _) = run(&self.address, &self.data_dir, &token_key('b'), &self.settings);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url(), Some(API_KEY.into())).expect("address and key are right")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(
    listen: &str,
    data_dir: &tempfile::TempDir,
    token_key: &str,
    settings: &[(&str, String)],
) -> (Child, String) {
    let mut child = Command::new(program())
        .args(["dev", "--listen", listen, "--data-dir"])
        .arg(data_dir.path())
        .env("DOWNLINK_API_KEY", API_KEY)
        .env("DOWNLINK_TOKEN_KEY", token_key)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped above")).lines().map_while(Result::ok);
    let address = lines
        .find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned))
        .expect("the server says where it listens");
    // It may go on talking, and must not be stopped by a pipe that nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

/// The next event; a server that says nothing fails the test instead of stopping it.
pub(crate) async fn next(listener: &mut Listener) -> Event {
    let event = tokio::time::timeout(Duration::from_secs(30), listener.next()).await;
    event.expect("an event comes in time").expect("the listener goes on").expect("it has its tokens")
}

/// The next message's data.
pub(crate) async fn received(listener: &mut Listener) -> Data {
    match next(listener).await {
        Event::Message { data, .. } => data,
        event => panic!("{event:?}"),
    }
}

/// Waits until the channel is open; gives up on a listener that tells something else first.
pub(crate) async fn opened(listener: &mut Listener) {
    let event = next(listener).await;
    assert!(matches!(event, Event::Open { .. }), "{event:?}");
}
