//! A real `nats-server`, on ports of its own, with a store of its own; and three of them that keep everything three times.
//!
//! `scripts/test` installs the program below `target/tools`; another one is named by `DOWNLINK_NATS_SERVER`.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Starting takes milliseconds; a busy machine may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server; killed when it is dropped.
pub(crate) struct NatsServer {
    program: PathBuf,
    directory: TempDir,
    child: Option<Child>,
    /// Where it listens.
    host: &'static str,
    /// What stands in its configuration beside the rest.
    extra: String,
    /// It stores on a small file system of its own.
    is_small: bool,
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
        Self::at("127.0.0.1", extra)
    }

    /// One of another version, as it is by itself.
    pub(crate) fn of(program: &Path) -> Self {
        Self::by(program.into(), "127.0.0.1", "jetstream { store_dir: \"$STORE\" }")
    }

    /// One that stores on a file system of so many bytes, and believes that it may take more. It needs root.
    pub(crate) fn small(bytes: u64) -> Self {
        let mut server = Self::new(
            program(),
            "127.0.0.1",
            "jetstream { store_dir: \"$STORE\", sync_interval: always, max_file_store: 64GB }",
        );
        fs::create_dir(server.store()).unwrap();
        server.mount(&format!("size={bytes}"));
        server.is_small = true;
        server.go_on();
        server
    }

    /// Gives its file system more room.
    pub(crate) fn give_room(&self, bytes: u64) {
        self.mount(&format!("remount,size={bytes}"));
    }

    fn mount(&self, options: &str) {
        as_root(
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "downlink-test"]).arg(self.store()),
        );
    }

    fn at(host: &'static str, extra: &str) -> Self {
        Self::by(program(), host, extra)
    }

    fn by(program: PathBuf, host: &'static str, extra: &str) -> Self {
        let mut server = Self::new(program, host, extra);
        server.go_on();
        server
    }

    fn new(program: PathBuf, host: &'static str, extra: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, monitor) = (free_port(), free_port());
        Self {
            program,
            directory,
            child: None,
            host,
            extra: extra.to_owned(),
            is_small: false,
            port,
            monitor,
        }
    }

    /// Where nodes find it.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it is found by way of another address of this machine.
    pub(crate) fn url_by(&self, address: &str) -> String {
        format!("nats://{address}:{}", self.port)
    }

    /// Its monitoring address.
    pub(crate) fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// Has it stand still: its connections stay, and nothing is answered, from when this returns.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
        // On a busy machine its threads go on until the first of them comes to take the signal.
        let tasks = format!("/proc/{}/task", self.process());
        let deadline = Instant::now() + PATIENCE;
        let stands = |task: fs::DirEntry| {
            // A thread that has just ended stands still as well.
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        while !fs::read_dir(&tasks).unwrap().all(|task| stands(task.unwrap())) {
            assert!(Instant::now() < deadline, "nats-server does not stand still");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Has it go on where it stood still.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
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

    /// Whether it says so itself.
    fn is_well(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.monitor))?;
            stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Starts it again, at the same address, with what it has stored.
    pub(crate) fn go_on(&mut self) {
        let extra = self.extra.replace("$STORE", self.store().to_str().unwrap());
        let Self { host, port, monitor, .. } = self;
        let text = format!("listen: \"{host}:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n{extra}\n");
        let file = self.directory.path().join("nats.conf");
        fs::write(&file, text).unwrap();
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "nats-server did not start: {log}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Three servers that keep everything three times, and bear the loss of one.
pub(crate) struct NatsCluster {
    pub(crate) servers: [NatsServer; 3],
}

impl NatsCluster {
    /// Three that sync before they answer.
    pub(crate) fn start() -> Self {
        Self::listening_at("127.0.0.1")
    }

    /// Three that listen for clients at this address; they tell nobody of each other.
    pub(crate) fn listening_at(host: &'static str) -> Self {
        let ports = [free_port(), free_port(), free_port()];
        let routes = ports.map(|port| format!("\"nats://127.0.0.1:{port}\"")).join(", ");
        let server = |number: usize| {
            let port = ports[number];
            let extra = format!(
                "server_name: \"n{number}\"\njetstream {{ store_dir: \"$STORE\", sync_interval: always }}\n\
                 cluster {{ name: downlink, listen: \"127.0.0.1:{port}\", routes: [{routes}], no_advertise: true }}"
            );
            NatsServer::at(host, &extra)
        };
        let cluster = Self { servers: std::array::from_fn(server) };
        cluster.until_well();
        cluster
    }

    /// Waits until all three say of themselves that they are well, and have what the others have.
    pub(crate) fn until_well(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.servers.iter().all(NatsServer::is_well) {
            assert!(Instant::now() < deadline, "the NATS servers do not find together");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where nodes find them.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(NatsServer::url).collect()
    }

    /// Their monitoring addresses.
    pub(crate) fn monitors(&self) -> Vec<String> {
        self.servers.iter().map(NatsServer::monitor).collect()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
        if self.is_small {
            as_root(Command::new("umount").arg("--lazy").arg(self.store()));
        }
    }
}

/// Mounting needs root; elsewhere `sudo` is asked, as in scripts/test.
fn as_root(command: &mut Command) {
    let mut sudo = Command::new("sudo");
    sudo.arg(command.get_program()).args(command.get_args());
    let is_done = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    assert!(is_done(command) || is_done(&mut sudo), "this test needs root: {command:?}");
}

/// The program. Without it these tests prove nothing, so they fail.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("DOWNLINK_NATS_SERVER") {
        return named.into();
    }
    let installed = tools().join("nats/bin/nats-server");
    assert!(
        installed.exists(),
        "nats-server is not there: run `scripts/test rust` once, or name it in DOWNLINK_NATS_SERVER"
    );
    installed
}

/// Older ones: the last that is too old, and Debian's. For them the same holds.
pub(crate) fn old_programs() -> [PathBuf; 2] {
    let programs =
        ["nats-2.10/bin/nats-server", "nats-debian/usr/sbin/nats-server"].map(|path| tools().join(path));
    for program in &programs {
        assert!(program.exists(), "{} is not there: run `scripts/test rust` once", program.display());
    }
    programs
}

fn tools() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("DOWNLINK_TOOLS").map_or_else(|| root.join("target/tools"), PathBuf::from)
}

/// One that is free: the server must come back at the same one, so it cannot choose. It lies below those that the kernel hands
/// out by itself, or another program could have it while the server is down. Other suites, with process ids of the same time, begin
/// some hundred further on, and what the browsers' tests need lies above.
fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() as u16).wrapping_mul(331);
    std::iter::repeat_with(|| first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)))
        .take(1000)
        .map(|number| 10_000 + number % 20_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of a thousand ports is free")
}
