//! The NATS of a configuration: whether a node could stand on it.

use super::finding::{Finding, Verdict};
use crate::{
    config::{BrokerKind, Config},
    node,
};
use broker::nats::look::{self, Seen, What};
use std::time::SystemTime;

/// Looks at NATS, if the configuration names one.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let BrokerKind::Nats(of) = &config.broker else { return Vec::new() };
    #[expect(clippy::disallowed_methods, reason = "it is the clock of the machine that is looked at")]
    let now = SystemTime::now;
    let seen = node::nats_options(config, of)
        .and_then(|options| look::look(&options, now).map_err(|error| format!("no runtime: {error}")));
    match seen {
        Ok(seen) => seen.into_iter().map(finding).collect(),
        Err(error) => {
            let why = "Nothing could be looked at; a node would not start here either.";
            vec![Finding::new(Verdict::Unknown, "NATS server", error, "can be looked at", why)]
        }
    }
}

fn finding(seen: Seen) -> Finding {
    let (name, wanted, why) = match seen.what {
        What::Server => (
            "NATS server",
            "can be reached, version 2.11 or newer, with JetStream",
            "A node connects to any of them, and goes to another one when its own is gone. Without one no node starts.",
        ),
        What::Stream => (
            "NATS stream",
            "one that Downlink made, or none yet",
            "It holds all messages. Without it no node starts.",
        ),
        What::Replicas => (
            "NATS replicas",
            "3, and all of them current",
            "With three, one server may fail, and its disk with it. While fewer than a majority are there, sends are refused.",
        ),
        What::Sync => (
            "NATS syncs",
            "`sync_interval: always` on every server",
            "By itself a NATS server syncs every two minutes: a loss of power takes what was answered since.",
        ),
        What::Clock => (
            "NATS clocks",
            "as this machine's",
            "A message has the time of NATS, and this machine says whether its TTL is over, and whether a token was made before \
             it: by as much as they differ, both are wrong.",
        ),
    };
    let verdict = match seen.verdict {
        look::Verdict::Good => Verdict::Good,
        look::Verdict::Note => Verdict::Note,
        look::Verdict::Unknown => Verdict::Unknown,
        look::Verdict::Wrong => Verdict::Wrong,
    };
    Finding::new(verdict, name, seen.sentence, wanted, why)
}
