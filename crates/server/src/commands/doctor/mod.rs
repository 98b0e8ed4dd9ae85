//! `doctor`: whether this machine carries as many sockets as are wanted, and what to do if not.
//!
//! Reads, also what NATS says of itself, and changes nothing but a file in the data directory whose syncs it times. What it cannot read, as in some
//! containers, is unknown, which is not good.

mod disk;
mod finding;
mod kernel;
mod machine;
mod nats;
mod system;
#[cfg(test)]
mod tests;

use crate::{
    cli::{ConfigArgs, Failure, say},
    config::Config,
    serve,
};
use finding::{Finding, Verdict};
use system::System;

#[derive(clap::Args)]
#[command(after_help = "\
Looks at the limits of this shell and of this machine. For a server that runs already, give its process:

  downlink doctor --sockets 100000 --config downlink.toml
  downlink doctor --sockets 100000 --pid $(systemctl show --property MainPID --value downlink)

Ends with 0 if nothing is wrong, and with 1 if something is that will bite. What each setting does is written in
docs/linux-settings.md.")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// How many sockets this machine is to carry.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    sockets: u64,
    /// Look at the limits of this process instead of those of the shell.
    #[arg(long, value_name = "PROCESS")]
    pid: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = configuration(&args.config)?;
    let system = System::of(args.pid);
    if let Some(pid) = args.pid
        && system.read(&format!("/proc/{pid}/limits")).is_none()
    {
        return Err(Failure::new(format!("there is no process {pid}, or its limits may not be read")));
    }
    let findings = examine(&system, args.sockets, config.as_ref());
    let wrong = findings.iter().filter(|finding| finding.verdict == Verdict::Wrong).count();
    if args.json {
        say(&finding::json(args.sockets, &findings).to_string());
    } else {
        say(&finding::table(args.sockets, &findings));
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::new("one setting is wrong and will bite; see above")),
        _ => Err(Failure::new(format!("{wrong} settings are wrong and will bite; see above"))),
    }
}

/// The configuration, if there is one: doctor is also asked before there is any.
fn configuration(args: &ConfigArgs) -> Result<Option<Config>, Failure> {
    let is_given = args.config.is_some()
        || args.data_dir.is_some()
        || ["DOWNLINK_DATA_DIR", "DOWNLINK_DURABILITY", "DOWNLINK_BROKER"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
    is_given.then(|| serve::load(args, Vec::new(), false)).transpose()
}

/// Everything that is looked at, in the order in which a socket meets it.
fn examine(system: &System, sockets: u64, config: Option<&Config>) -> Vec<Finding> {
    let mut findings = kernel::descriptors(system, sockets);
    findings.extend(kernel::accepting(system));
    findings.extend(kernel::network(system, sockets));
    findings.push(machine::memory(system, sockets, config));
    findings.push(machine::processors(system));
    findings.push(machine::clock(system));
    if let Some(config) = config {
        findings.extend(machine::configured(config, sockets));
        findings.extend(disk::examine(config));
        findings.extend(nats::examine(config));
    }
    findings
}
