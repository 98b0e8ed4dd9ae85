//! `bench`: what a server costs and how fast it is, measured from outside, and whether it loses anything.
//!
//! `engine` makes the load and judges what comes, `measures` say what is done, `window` says what it cost, `report` tells it.

mod adapter;
mod clock;
mod engine;
mod histogram;
mod measures;
mod progress;
mod report;
mod system;
mod window;

use crate::cli::{Connection, say};
use adapter::{Described, Downlink};
use client::Client;
use engine::{
    mark::MARK_BYTES,
    peer::{Call, Peer, Transport},
};
use measures::Run;
use progress::Progress;
use report::Report;
use serde_json::json;
use std::{fs, io::Write, path::PathBuf, sync::Arc, time::Duration};
use system::Process;

/// Descriptors that are not sockets: standard streams, epoll, timer, the client's own connections.
const OTHER_DESCRIPTORS: u64 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Measure {
    /// What sockets cost that wait: memory and CPU.
    Idle,
    /// What it costs to open sockets.
    Connect,
    /// Messages to one socket each, as many as the server takes.
    Unicast,
    /// The same with many messages a call.
    Batch,
    /// One message to all sockets.
    FanOut,
    /// How long a message takes at a fixed rate.
    Latency,
    /// All sockets are cut at once and come back, while messages go on being sent.
    Resume,
    /// All of these, one after the other.
    All,
}

#[derive(clap::Args)]
#[command(after_help = "\
Every message is counted: one that is lost, comes twice, out of order or to the
wrong socket fails the run, which then ends with 1.

  downlink bench unicast                          1,000 sockets, 5 seconds
  downlink bench idle --sockets 10000             memory and CPU of sockets that wait
  downlink bench latency --rate 2000              how long a message takes
  downlink bench fan-out --sockets 10000          one message to all of them
  downlink bench batch --batch 100 --lines        100 messages a call, as NDJSON
  downlink bench resume --sockets 5000            a storm of reconnections
  downlink bench all --json results.json          everything, for a person and a program
  downlink bench unicast --url https://push.example.com --transport sse

If the server runs on this machine, its CPU and memory are read from /proc, and are
steadier than times. It is found by its port; name it with --pid if a proxy is before it.
Sockets are descriptors: for many, first `ulimit -n 1048576`, and `downlink doctor`.")]
pub(crate) struct Args {
    /// What to measure.
    #[arg(value_enum, value_name = "MEASURE")]
    measure: Measure,
    /// How many sockets are open.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = in_range(1, 1_000_000))]
    sockets: usize,
    /// Bytes of a message.
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = in_range(MARK_BYTES, 32_768))]
    payload: usize,
    /// How long to measure.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// End after so many messages, if that is sooner.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// Connections that messages are sent on. Each waits for its answer before it sends again.
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = in_range(1, 4_096))]
    publishers: usize,
    /// How the sockets' messages travel [default: ws]
    #[arg(long, value_enum)]
    transport: Option<Transport>,
    /// latency, resume: messages a second.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// batch: messages a call.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = in_range(1, 10_000))]
    batch: usize,
    /// batch: send lines (NDJSON) and not a JSON array.
    #[arg(long)]
    lines: bool,
    /// fan-out: a channel for each socket, and one message to a list of all client ids.
    #[arg(long)]
    ids: bool,
    /// Give each message an Idempotency-Key, as the SDKs do.
    #[arg(long)]
    idempotent: bool,
    /// Sockets that are being opened at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 128, value_parser = in_range(1, 10_000))]
    window: usize,
    /// The server's process, if its CPU and memory are to be read and it is not found by its port.
    #[arg(long, value_name = "PROCESS")]
    pid: Option<u32>,
    /// Write the results as JSON; - is standard output, and the table then goes to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure another server, which this TOML file describes (see bench/compare in the repository).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ids", "idempotent", "lines"])]
    peer: Option<PathBuf>,
    /// Filled in from the connection's options.
    #[arg(skip)]
    server: (String, String),
}

fn in_range(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most}")),
    }
}

impl Args {
    fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Before anything counts: a fifth of the time, at most two seconds.
    fn warm_up(&self) -> Duration {
        (self.duration() / 5).min(Duration::from_secs(2))
    }

    fn downlink(&self) -> Downlink<'_> {
        Downlink {
            url: &self.server.0,
            api_key: &self.server.1,
            tls: None,
            transport: self.transport.unwrap_or(Transport::Ws),
            idempotent: self.idempotent,
            lines: self.lines,
        }
    }

    /// A call that sends one message to all of these.
    fn to_all(&self, ids: &[String]) -> Result<Call, String> {
        self.downlink().to_all(ids)
    }
}

pub(crate) async fn run(mut args: Args, connection: Connection) -> Result<(), String> {
    let described = args.peer.as_deref().map(Described::read).transpose()?;
    take_descriptors(&args)?;
    args.server = (connection.url.clone(), connection.api_key.clone().unwrap_or_default());
    let tls = match &described {
        Some(_) => None,
        None => {
            let tls = Client::tls_config(&connection.url, connection.ca_file.as_deref());
            let tls = tls.map_err(|error| error.to_string())?;
            // Whether it is there, and takes the key: the client says it best.
            let client = connection.client()?;
            client.create_channel("bench", None).await.map_err(|error| error.to_string())?;
            tls.map(Arc::new)
        }
    };
    let peer = || match &described {
        Some(described) => described.peer(args.transport),
        None => Downlink { tls: tls.clone(), ..args.downlink() }.peer(),
    };
    let server = server(&args, &peer()?)?;
    let measures = match args.measure {
        Measure::All => {
            use Measure::{Batch, Connect, FanOut, Idle, Latency, Resume, Unicast};
            vec![Idle, Connect, Unicast, Batch, FanOut, Latency, Resume]
        }
        one => vec![one],
    };
    let mut progress = Progress::new();
    let mut reports = Vec::new();
    let table_to_error = args.json.as_ref().is_some_and(|file| file.as_os_str() == "-");
    for measure in measures {
        let mut run = Run { args: &args, peer: &peer, server: server.as_ref(), progress: &mut progress };
        let report = measures::measure(&mut run, measure);
        progress.clear();
        let mut report = report?;
        if server.is_none() {
            report.warn("the server's process is not seen here (--pid): its CPU and memory are not reported");
        }
        if table_to_error {
            let _ = writeln!(std::io::stderr(), "{}", report.table());
        } else {
            say(&report.table());
        }
        reports.push(report);
    }
    finish(&args, server.as_ref(), &reports)
}

/// Writes the JSON, and fails if anything was lost.
fn finish(args: &Args, server: Option<&Process>, reports: &[Report]) -> Result<(), String> {
    if let Some(file) = &args.json {
        let server = server.map(|process| json!({ "pid": process.pid, "name": process.name }));
        let results: Vec<_> = reports.iter().map(Report::json).collect();
        let text = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "transport": match args.transport { Some(Transport::Sse) => "sse", _ => "ws" },
            "server": server,
            "results": results,
        })
        .to_string();
        if file.as_os_str() == "-" {
            say(&text);
        } else {
            fs::write(file, text + "\n")
                .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        }
    }
    let failed: Vec<&str> =
        reports.iter().filter(|report| !report.faults.is_empty()).map(|report| report.measure).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("FAILED: {}; see above", failed.join(", "))) }
}

/// The process whose CPU and memory are read: the one that was named, or who listens.
fn server(args: &Args, peer: &Peer) -> Result<Option<Process>, String> {
    if let Some(pid) = args.pid {
        return Process::of(pid).map(Some);
    }
    Ok(Process::listening_at(peer.opening.endpoint.address))
}

/// Raises the soft limit of descriptors as far as is needed.
fn take_descriptors(args: &Args) -> Result<(), String> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = args.sockets as u64 + args.publishers as u64 + OTHER_DESCRIPTORS;
    let mut limit = getrlimit(Resource::Nofile);
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    if soft >= needed {
        return Ok(());
    }
    limit.current = Some(needed.min(hard));
    if hard < needed || setrlimit(Resource::Nofile, limit).is_err() {
        return Err(format!(
            "{} sockets need {needed} descriptors, and a process may have {hard} here: `ulimit -n {needed}` in this \
             shell first (as root, or with a higher hard limit), or fewer with --sockets {}",
            args.sockets,
            hard.saturating_sub(args.publishers as u64 + OTHER_DESCRIPTORS)
        ));
    }
    Ok(())
}
