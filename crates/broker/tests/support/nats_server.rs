//! A real `nats-server`, on ports of its own, with a store of its own.
//!
//! `scripts/test` installs the program below `target/tools`; another one is named by `DOWNLINK_NATS_SERVER`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Starting takes milliseconds; a busy machine may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server; killed when it is dropped.
pub(crate) struct NatsServer {
    directory: TempDir,
    child: Option<Child>,
    /// What stands in its configuration beside the rest.
    extra: String,
    port: u16,
    monitor: u16,
}

impl NatsServer {
    /// One that syncs before it answers.
    pub(crate) fn start() -> Self {
        Self::with("jetstream { store_dir: \"$STORE\", sync_interval: always }")
    }

    /// One with these lines in its configuration; `$STORE` stands for its directory.
    pub(crate) fn with(extra: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, monitor) = (free_port(), free_port());
        let mut server = Self { directory, child: None, extra: extra.to_owned(), port, monitor };
        server.go_on();
        server
    }

    /// Where nodes find it.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its monitoring address.
    pub(crate) fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// Has it stand still: its connections stay, and nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Has it go on where it stood still.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Loses all that it has stored.
    pub(crate) fn lose_everything(&mut self) {
        self.kill();
        fs::remove_dir_all(self.store()).unwrap();
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Starts it again, at the same address, with what it has stored.
    pub(crate) fn go_on(&mut self) {
        let extra = self.extra.replace("$STORE", self.store().to_str().unwrap());
        let text =
            format!("listen: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n{extra}\n", self.port, self.monitor);
        let file = self.directory.path().join("nats.conf");
        fs::write(&file, text).unwrap();
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        let mut command = Command::new(program());
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "nats-server did not start: {log}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program. Without it these tests prove nothing, so they fail.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("DOWNLINK_NATS_SERVER") {
        return named.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = root.join("target/tools/nats/bin/nats-server");
    assert!(
        installed.exists(),
        "nats-server is not there: run `scripts/test rust` once, or name it in DOWNLINK_NATS_SERVER"
    );
    installed
}

/// One that was free a moment ago. The server must come back at the same one, so it cannot choose.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
