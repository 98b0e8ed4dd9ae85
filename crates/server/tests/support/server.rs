//! The program as a child process.

mod attempt;

use super::{
    http::{API_KEY, Api},
    opening::Opening,
    tls::{Authority, Tls},
    token::TOKEN_KEY,
    until,
};
use protocol::socket::Transport;
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// A start waits for NATS for half a minute and longer before it gives up, and is to say why.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// A running server; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said before it was ready, and after: a thread reads it to its end.
    said: mpsc::Receiver<String>,
    /// Where it complains, if that is a file.
    log: Option<PathBuf>,
    /// Kept for a restart.
    setup: Setup,
}

/// How a server is started.
#[derive(Clone)]
pub(crate) struct Setup {
    command: &'static str,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    listen: String,
    data: Option<std::sync::Arc<TempDir>>,
    stderr: Option<PathBuf>,
    /// How many descriptors it may have open.
    descriptors: Option<u32>,
    /// How it is spoken to, if it speaks TLS.
    tls: Option<Tls>,
}

/// The binary without any of this process' own settings.
pub(crate) fn downlink() -> Command {
    downlink_by(env!("CARGO_BIN_EXE_downlink"))
}

fn downlink_by(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DOWNLINK_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A server that keeps nothing: the quickest to start.
pub(crate) fn memory() -> Setup {
    Setup::new("serve").env("DOWNLINK_DURABILITY", "memory")
}

/// A server with a data directory of its own.
pub(crate) fn on_disk(durability: &str) -> Setup {
    let mut setup = Setup::new("serve").env("DOWNLINK_DURABILITY", durability);
    let data = tempfile::tempdir().unwrap();
    setup = setup.env("DOWNLINK_DATA_DIR", data.path().to_str().unwrap());
    setup.data = Some(data.into());
    setup
}

impl Setup {
    pub(crate) fn new(command: &'static str) -> Self {
        let keys =
            [("DOWNLINK_API_KEY", API_KEY), ("DOWNLINK_TOKEN_KEY", TOKEN_KEY), ("DOWNLINK_LOG", "warn")];
        Self {
            command,
            arguments: Vec::new(),
            environment: keys.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            listen: "127.0.0.1:0".into(),
            data: None,
            stderr: None,
            descriptors: None,
            tls: None,
        }
    }

    /// It speaks TLS, with the certificate and the key that the authority has written.
    pub(crate) fn tls(mut self, authority: &Authority) -> Self {
        self.tls = Some(authority.client());
        self.env("DOWNLINK_TLS_CERTIFICATE", authority.certificate().to_str().unwrap())
            .env("DOWNLINK_TLS_KEY", authority.key().to_str().unwrap())
    }

    /// It speaks TLS by options of its own, and this is how it is spoken to.
    pub(crate) fn spoken_to_by(mut self, client: &Tls) -> Self {
        self.tls = Some(client.clone());
        self
    }

    /// It may have so many descriptors open and no more.
    pub(crate) fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Standard error goes into a file.
    pub(crate) fn log_to(mut self, file: &Path) -> Self {
        self.stderr = Some(file.into());
        self
    }

    /// Also where it complains, if that is a file.
    fn spawn(&self) -> (Child, Option<PathBuf>) {
        let mut command = match self.descriptors {
            None => downlink(),
            // The shell lowers its own limit and becomes the program.
            Some(most) => {
                let limit = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
                let mut shell = downlink_by("/bin/sh");
                shell.args(["-c", &limit, env!("CARGO_BIN_EXE_downlink")]);
                shell
            }
        };
        command.arg(self.command).args(["--listen", &self.listen]).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let kept = self.stderr.is_none().then(kept_log).flatten();
        if kept.is_some() {
            command.env("DOWNLINK_LOG", "trace");
        }
        let log = self.stderr.clone().or(kept);
        if let Some(file) = &log {
            command.stderr(fs::OpenOptions::new().create(true).append(true).open(file).unwrap());
        }
        (command.stdout(Stdio::piped()).spawn().unwrap(), log)
    }

    /// Starts, and waits for the line that says where it listens.
    #[track_caller]
    pub(crate) fn start(self) -> Server {
        let (mut child, log) = self.spawn();
        let said = read_lines(child.stdout.take().unwrap());
        let address = loop {
            let Ok(line) = said.recv_timeout(START_PATIENCE) else {
                let _ = child.kill();
                let ended = child.wait();
                let complaints =
                    log.map_or_else(String::new, |log| complaints(&log, |line| !line.contains(" DEBUG ")));
                panic!("the server did not start: {ended:?}\n{complaints}");
            };
            if let Some(address) = self.listening(&line) {
                break address;
            }
        };
        Server { child, address, said, log, setup: self }
    }

    /// The address, if this is the line that says it.
    fn listening(&self, line: &str) -> Option<SocketAddr> {
        let url = line.strip_prefix("listening on ")?;
        let scheme = if self.tls.is_some() { "https://" } else { "http://" };
        Some(url.strip_prefix(scheme).expect("it says how it is spoken to").parse().unwrap())
    }

    /// Starts, and waits until it has ended by itself: its code and what it complained of.
    pub(crate) fn fail(self) -> (Option<i32>, String) {
        let mut command = downlink();
        command.arg(self.command).args(["--listen", &self.listen]).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run(&mut command)
    }

    pub(crate) fn listen(mut self, address: &str) -> Self {
        self.listen = address.into();
        self
    }
}

/// A file for all that a server says, in the folder that `DOWNLINK_TEST_LOGS` names: `scripts/test` searches them for
/// secrets when all tests have run. Only of the suite that says what the program does: the others are about its speed
/// too.
fn kept_log() -> Option<PathBuf> {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let folder = std::env::var_os("DOWNLINK_TEST_LOGS").filter(|_| env!("CARGO_CRATE_NAME") == "program")?;
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    Some(Path::new(&folder).join(format!("program-{}-{number}.log", std::process::id())))
}

/// Runs a command to its end, within [`START_PATIENCE`]: its code and its standard error.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    });
    let deadline = std::time::Instant::now() + START_PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it did not end by itself");
        }
        thread::sleep(Duration::from_millis(10));
    }
    (child.wait().unwrap().code(), reader.join().unwrap())
}

/// The lines of a child's standard output, as they come.
pub(crate) fn read_lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}

impl Server {
    pub(crate) fn api(&self) -> Api {
        Api::new(self.address).with(self.setup.tls.as_ref())
    }

    /// A socket to be opened.
    pub(crate) fn opening(&self, transport: Transport, token: &str) -> Opening {
        Opening::new(self.address, transport, token).with(self.setup.tls.as_ref())
    }

    /// Where messages are kept.
    pub(crate) fn data_dir(&self) -> &Path {
        self.setup.data.as_ref().unwrap().path()
    }

    /// `kill -9`, and its end waited for.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Stops it in its tracks, or lets it go on as if nothing had been.
    pub(crate) fn freeze(&self, frozen: bool) {
        use rustix::process::{Pid, Signal, kill_process};
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGHUP: read the configuration again.
    pub(crate) fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// How it ended.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the server ends", || self.child.try_wait().unwrap())
    }

    /// A new process on the same port, with the same data.
    #[track_caller]
    pub(crate) fn start_again(mut self) -> Server {
        self.setup.listen = self.address.to_string();
        self.setup.clone().start()
    }

    /// Kills it and starts it again.
    #[track_caller]
    pub(crate) fn restart(mut self) -> Server {
        self.kill();
        self.start_again()
    }

    /// What it printed to standard output since it was ready.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that was ever resident, as the kernel noted it.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// How many descriptors it has open.
    pub(crate) fn open_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

/// The last lines of a log that are of interest.
fn complaints(log: &Path, of_interest: impl Fn(&str) -> bool) -> String {
    const LINES: usize = 50;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.contains(" TRACE ") && of_interest(line)).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What failed once in a hundred runs is not there to be looked at a second time.
        if let Some(log) = self.log.as_ref().filter(|_| thread::panicking()) {
            let each_request = |line: &str| line.contains("downlink::follow");
            eprintln!("-- {} said last:\n{}", self.address, complaints(log, |line| !each_request(line)));
        }
    }
}
