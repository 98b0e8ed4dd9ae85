//! Looking at the NATS of a configuration before a node stands on it: whether each server can be reached and will do, and
//! whether it keeps what is asked for. Nothing is changed there.

use super::{
    Options,
    connect::{ConnectTo, Connection, OpenError, shown},
    durability::{self, MOST_ARE_SEEN, ONE_REPLICA, SYNCED_AS_SAID, Synced},
    stream,
};
use crate::local::Durability;
use async_nats::jetstream::stream::Info;
use std::{
    collections::BTreeSet,
    io,
    time::{Duration, SystemTime},
};

/// Clocks are seen to the second, so two that are right may seem to be one apart, and the way there takes a moment.
const CLOCKS_APART_SEEN: Duration = Duration::from_secs(2);

/// Beyond this it bites: no token is taken that comes from so far in the future either.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(60);

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub what: What,
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// What there is; if it is not good, also what to do.
    pub sentence: String,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A server that the configuration names.
    Server,
    /// The stream of all messages.
    Stream,
    /// How many servers keep each message.
    Replicas,
    /// Whether they sync before they answer.
    Sync,
    /// Their clocks, beside this machine's.
    Clock,
}

/// What is to be thought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it is wanted.
    Good,
    /// It may matter.
    Note,
    /// It could not be seen.
    Unknown,
    /// A node would not start, or would not keep what it promises.
    Wrong,
}

impl Seen {
    fn new(what: What, verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self { what, verdict, sentence: sentence.into() }
    }
}

/// Looks at everything. `now` is this machine's clock. It blocks for seconds where nobody answers.
///
/// # Errors
/// If there is no runtime to do it on.
pub fn look(options: &Options, now: impl Fn() -> SystemTime) -> io::Result<Vec<Seen>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = runtime.block_on(everything(options, &now));
    // What still tries to reach somebody is of no use any more.
    runtime.shutdown_background();
    Ok(seen)
}

async fn everything(options: &Options, now: &dyn Fn() -> SystemTime) -> Vec<Seen> {
    let (mut seen, mut names, mut connection) = (Vec::new(), BTreeSet::new(), None);
    for address in &options.connect.servers {
        match server(address, options).await {
            Ok((found, reached)) => {
                names.insert(reached.client.server_info().server_name);
                seen.push(found);
                connection.get_or_insert(reached);
            }
            Err(error) => seen.push(told(What::Server, &error)),
        }
    }
    if let Some(connection) = connection {
        match stream::seen(&connection, options).await {
            Ok(info) => {
                seen.push(kept(&connection, info.as_ref()));
                let in_cluster = connection.client.server_info().cluster.is_some();
                seen.push(replicas(options.connect.replicas, info.as_ref(), in_cluster, names.len()));
            }
            Err(error) => seen.push(told(What::Stream, &error)),
        }
    }
    if options.durability == Durability::Fsync {
        seen.push(synced(options).await);
    }
    seen.push(clocks(options, now).await);
    seen
}

/// What keeps a node from starting.
fn told(what: What, error: &OpenError) -> Seen {
    Seen::new(what, Verdict::Wrong, error.to_string())
}

/// One server, by itself.
async fn server(address: &str, options: &Options) -> Result<(Seen, Connection), OpenError> {
    let alone = ConnectTo { servers: vec![address.to_owned()], ..options.connect.clone() };
    let connection = Connection::open(&alone).await?;
    let info = connection.client.server_info();
    let warning = durability::check_server(&info, options)?;
    let cluster = info.cluster.as_ref().map(|name| format!(", of the cluster {name}")).unwrap_or_default();
    let at = address.parse().map_or_else(|_| String::new(), |address| shown(&address));
    let found = match warning {
        Some(warning) => {
            Seen::new(What::Server, Verdict::Note, format!("{at} ({}): {warning}", info.server_name))
        }
        None => Seen::new(
            What::Server,
            Verdict::Good,
            format!("{at}: {}, version {}{cluster}", info.server_name, info.version),
        ),
    };
    Ok((found, connection))
}

fn kept(connection: &Connection, info: Option<&Info>) -> Seen {
    let name = connection.names.stream();
    let sentence = match info {
        Some(info) => format!("{name}, with {} messages", info.state.messages),
        None => format!("{name} is not there yet; the first node that starts makes it"),
    };
    Seen::new(What::Stream, Verdict::Good, sentence)
}

/// Whether as many servers keep each message as are wanted. `seen` servers of the configuration could be reached.
fn replicas(wanted: usize, info: Option<&Info>, in_cluster: bool, seen: usize) -> Seen {
    let is = |verdict, sentence: String| Seen::new(What::Replicas, verdict, sentence);
    if wanted > 1 && !in_cluster {
        let sentence = format!(
            "broker.replicas is {wanted}, and this NATS server is in no cluster; give the servers a `cluster` block with routes \
             to each other, or choose broker.replicas = 1"
        );
        return is(Verdict::Wrong, sentence);
    }
    if let Some(cluster) = info.and_then(|info| info.cluster.as_ref()) {
        if cluster.leader.as_deref().unwrap_or_default().is_empty() {
            let sentence = "the stream has no leader, so nothing can be stored; see that a majority of its servers is up";
            return is(Verdict::Wrong, sentence.into());
        }
        let behind: Vec<&str> = cluster
            .replicas
            .iter()
            .filter(|peer| peer.offline || !peer.current)
            .map(|peer| peer.name.as_str())
            .collect();
        if !behind.is_empty() {
            let sentence = format!(
                "of the servers that keep the stream, {} are away or behind; see that they run, and `nats server report \
                 jetstream` until they are current",
                behind.join(", ")
            );
            return is(Verdict::Wrong, sentence);
        }
    }
    match info.map(|info| info.config.num_replicas) {
        Some(there) if there != wanted => {
            let sentence =
                format!("{there} servers keep each message; the next start of a node makes them {wanted}");
            is(Verdict::Note, sentence)
        }
        _ if wanted == 1 => is(Verdict::Note, ONE_REPLICA.into()),
        Some(there) => is(Verdict::Good, format!("{there} servers keep each message, and all are current")),
        None if seen >= wanted => is(Verdict::Good, format!("{seen} servers are there for {wanted} copies")),
        None => is(
            Verdict::Unknown,
            format!(
                "broker.replicas is {wanted}, and {seen} servers of the cluster were seen; name all of them in broker.servers, and \
                 look again"
            ),
        ),
    }
}

async fn synced(options: &Options) -> Seen {
    match durability::synced(options).await {
        Ok(Synced::Seen(unseen)) if unseen.is_empty() => {
            Seen::new(What::Sync, Verdict::Good, "they sync before they answer")
        }
        Ok(Synced::Seen(unseen)) => {
            Seen::new(What::Sync, Verdict::Note, format!("{MOST_ARE_SEEN}: {}", unseen.join(", ")))
        }
        Ok(Synced::Said) => Seen::new(What::Sync, Verdict::Note, SYNCED_AS_SAID),
        Err(error) => told(What::Sync, &error),
    }
}

/// The clocks of the servers whose monitoring addresses are known.
async fn clocks(options: &Options, now: &dyn Fn() -> SystemTime) -> Seen {
    let mut apart = None;
    for monitor in &options.monitors {
        // That nothing can be seen there is said of the syncs.
        let Ok(look) = durability::look(monitor).await else { continue };
        let Some(clock) = look.clock else { continue };
        let now = now();
        let one = now.duration_since(clock).or_else(|_| clock.duration_since(now)).unwrap_or_default();
        apart = apart.max(Some(one));
    }
    match apart {
        None => {
            let sentence = "cannot be seen; name the servers' monitoring addresses in broker.monitors, as \"http://host:8222\"";
            Seen::new(What::Clock, Verdict::Unknown, sentence)
        }
        Some(apart) if apart <= CLOCKS_APART_SEEN => {
            Seen::new(What::Clock, Verdict::Good, "go like this machine's, to the second")
        }
        Some(apart) => {
            let sentence = format!(
                "{} seconds from this machine's; have both set by NTP (`timedatectl set-ntp true`, or chrony)",
                apart.as_secs()
            );
            Seen::new(
                What::Clock,
                if apart > CLOCKS_APART_MAX { Verdict::Wrong } else { Verdict::Note },
                sentence,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn info(copies: usize, leader: &str, peers: &[(&str, bool, bool)]) -> Info {
        let peer = |(name, current, offline): &(&str, bool, bool)| json!({"name": name, "current": current, "offline": offline, "active": 1});
        let text = json!({
            "config": {
                "name": "downlink-messages", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
                "max_msgs_per_subject": -1, "max_msg_size": -1, "discard": "old", "storage": "file",
                "num_replicas": copies, "retention": "limits",
            },
            "created": "2026-01-31T12:00:00Z",
            "state": {
                "messages": 7, "bytes": 0, "first_seq": 1, "first_ts": "2026-01-31T12:00:00Z", "last_seq": 7,
                "last_ts": "2026-01-31T12:00:00Z", "consumer_count": 0,
            },
            "cluster": {"name": "c", "leader": leader, "replicas": peers.iter().map(peer).collect::<Vec<_>>()},
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn copies_are_judged_by_what_keeps_them() {
        let good = [("n2", true, false), ("n3", true, false)];
        let cases = [
            (replicas(1, None, false, 1), Verdict::Note, "broker.replicas = 1"),
            (replicas(3, None, false, 1), Verdict::Wrong, "in no cluster"),
            (replicas(3, None, true, 3), Verdict::Good, "3 servers are there"),
            (replicas(3, None, true, 1), Verdict::Unknown, "name all of them"),
            (replicas(3, Some(&info(3, "n1", &good)), true, 1), Verdict::Good, "all are current"),
            (replicas(3, Some(&info(1, "n1", &[])), true, 3), Verdict::Note, "makes them 3"),
            (replicas(3, Some(&info(3, "", &good)), true, 3), Verdict::Wrong, "no leader"),
            (
                replicas(3, Some(&info(3, "n1", &[("n2", false, false), ("n3", true, true)])), true, 3),
                Verdict::Wrong,
                "n2, n3 are away or behind",
            ),
        ];
        for (seen, verdict, words) in cases {
            assert!(seen.verdict == verdict && seen.sentence.contains(words), "{seen:?}");
        }
    }
}
