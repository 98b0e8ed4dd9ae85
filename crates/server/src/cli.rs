//! The command line: what can be said, and which code a failure ends with.

use crate::{commands, config::Mistakes, serve};
use clap::{Args, Parser, Subcommand};
use std::{io::Write, path::PathBuf};

/// Exit code for what failed while it ran.
pub(crate) const FAILED: u8 = 1;
/// Exit code for a wrong configuration (`EX_USAGE` of sysexits), before a port is bound.
pub(crate) const BAD_CONFIG: u8 = 64;

/// Why the program ends.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) sentence: String,
}

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self { code: FAILED, sentence: sentence.into() }
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self { code: BAD_CONFIG, sentence: mistakes.0.join("\n") }
    }
}

#[derive(Parser)]
#[command(
    name = "downlink",
    version,
    about = "One-way channels from a server to its browsers",
    long_about = "One-way channels from a server to its browsers.\n\nAn application asks for a channel for a client id \
and gets a token; a page opens the channel with the token; whatever the application sends to that client id arrives in \
the page, in order, once, without polling.",
    after_help = "Start here:\n  downlink dev                  a server with demo pages on http://127.0.0.1:7171\n  \
downlink listen ada           in a second window\n  downlink send ada 'hello'     in a third"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on one port, with generated keys and demo pages: the two-minute start.
    Dev(DevArgs),
    /// The server for production, from a configuration file.
    Serve(ServeArgs),
    /// Write a commented configuration with fresh keys.
    Init(commands::init::Args),
    /// Look at a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the description of the API (OpenAPI 3.1), as a server gives it at /openapi.json.
    Openapi,
    /// Channels.
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Send a message, or a line a message from standard input.
    Send(Remote<commands::send::Args>),
    /// Open a channel and print what arrives.
    Listen(Remote<commands::listen::Args>),
    /// Who has a socket open.
    Presence(Remote<commands::presence::Args>),
    /// Measure a running server: what it costs, how fast it is, and whether it loses anything.
    Bench(Remote<commands::bench::Args>),
    /// Look whether this machine carries as many sockets as are wanted.
    Doctor(commands::doctor::Args),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say whether a configuration is right, without starting anything.
    Check(ConfigArgs),
    /// Print the secret with which applications verify presence notices.
    PresenceSecret(ConfigArgs),
}

#[derive(Subcommand)]
enum ChannelCommand {
    /// Make a token with which a page opens the channel of a client id.
    Create(Remote<commands::channel::Args>),
}

/// A command that talks to a running server.
#[derive(Args)]
struct Remote<A: Args> {
    #[command(flatten)]
    args: A,
    #[command(flatten)]
    connection: Connection,
}

/// Which server a command talks to.
#[derive(Args, Clone)]
pub(crate) struct Connection {
    /// The server.
    #[arg(long, env = "DOWNLINK_URL", default_value = "http://127.0.0.1:7171", global = true)]
    pub(crate) url: String,
    /// A key of its API. Without one, that of a `downlink dev` in this directory is taken.
    #[arg(long, env = "DOWNLINK_API_KEY", hide_env_values = true, global = true)]
    pub(crate) api_key: Option<String>,
    /// Know an https:// server by the certificates in this PEM file, and not by those that this machine trusts.
    #[arg(long, env = "DOWNLINK_CA_FILE", value_name = "FILE", global = true)]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Connection {
    /// The client that talks to it.
    pub(crate) fn client(self) -> Result<client::Client, String> {
        match &self.ca_file {
            Some(file) => client::Client::with_ca_file(&self.url, self.api_key, file),
            None => client::Client::new(&self.url, self.api_key),
        }
        .map_err(|error| error.to_string())
    }
}

/// Where the configuration comes from.
#[derive(Args, Clone)]
pub(crate) struct ConfigArgs {
    /// The configuration file. Every option is also a DOWNLINK_… variable.
    #[arg(long, short, env = "DOWNLINK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address and port, as 127.0.0.1:7171 (port 0: any free one).
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Where messages and generated keys are kept.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<String>,
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) recovery: RecoveryArgs,
}

/// What to do with a journal that cannot simply be opened.
#[derive(Args)]
pub(crate) struct RecoveryArgs {
    /// Start although the journal is damaged: begins a new epoch, and every client is told that messages are missing.
    #[arg(long)]
    pub(crate) accept_loss: bool,
    /// Begin a new epoch: the data directory was restored from a backup.
    #[arg(long)]
    pub(crate) new_epoch: bool,
}

#[derive(Args)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) recovery: RecoveryArgs,
    /// Your application: whatever is not Downlink's own is forwarded to it, so it runs behind this port with no proxy
    /// of its own.
    #[arg(long, env = "DOWNLINK_APP", value_name = "URL")]
    pub(crate) app: Option<String>,
}

/// Runs the command that was given.
pub(crate) fn run() -> Result<(), Failure> {
    match Cli::parse().command {
        Command::Dev(args) => serve::dev(args),
        Command::Serve(args) => serve::production(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Config(ConfigCommand::Check(args)) => commands::check::run(&args),
        Command::Config(ConfigCommand::PresenceSecret(args)) => commands::check::presence_secret(&args),
        Command::Openapi => {
            say(crate::http::openapi::text().trim_end());
            Ok(())
        }
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Channel(ChannelCommand::Create(remote)) => remotely(remote, commands::channel::run),
        Command::Send(remote) => remotely(remote, commands::send::run),
        Command::Listen(remote) => remotely(remote, commands::listen::run),
        Command::Bench(remote) => remotely(remote, commands::bench::run),
        Command::Presence(remote) => remotely(remote, commands::presence::run),
    }
}

fn remotely<A: Args, F: Future<Output = Result<(), String>>>(
    remote: Remote<A>,
    command: impl FnOnce(A, Connection) -> F,
) -> Result<(), Failure> {
    let mut connection = remote.connection;
    if connection.api_key.is_none() {
        let kept = std::fs::read_to_string(PathBuf::from(serve::DEV_DATA_DIR).join("api.key"));
        connection.api_key = kept.ok().map(|key| key.trim().to_owned());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    runtime.block_on(command(remote.args, connection)).map_err(Failure::new)
}

/// A line to standard error; a closed one is no reason to fail.
pub(crate) fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "downlink: {sentence}");
}

/// A line to standard output, flushed: others wait for it.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
