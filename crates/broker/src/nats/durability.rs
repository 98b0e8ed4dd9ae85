//! Whether NATS keeps what it answers, as far as that can be seen: said at every start, and insisted on for `fsync`.
//!
//! By itself a NATS server syncs its files every two minutes: what it has answered is then lost if the machines of a
//! majority of replicas lose power (Jepsen, NATS 2.12.1). With `sync_interval: always` it syncs before it answers.

use super::{
    Options,
    connect::{Connection, OpenError},
};
use crate::local::Durability;
use async_nats::ServerInfo;
use serde::Deserialize;
use std::time::{Duration, SystemTime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// From this version on everything is there that a cluster needs.
const VERSION_WANTED: (u64, u64) = (2, 11);

/// Before this one there are headers, streams by subject and direct gets, but not as they are used here.
const VERSION_LEAST: (u64, u64) = (2, 9);

/// How long a monitoring address may take.
const LOOK_TIME: Duration = Duration::from_secs(5);

/// A server that could not be seen at the start is looked for so often.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What such an address says at most.
const LOOK_BYTES_MAX: u64 = 1024 * 1024;

/// What stands around a message in NATS: subject, headers, a list of ids.
const AROUND_MESSAGE_BYTES: usize = 64 * 1024;

/// Checks what the durability asks for, and says what there is.
///
/// # Errors
/// [`OpenError`] if the durability would be a lie.
pub(super) async fn check(connection: &Connection, options: &Options) -> Result<(), OpenError> {
    let info = connection.client.server_info();
    if let Some(warning) = check_server(&info, options)? {
        tracing::warn!("{warning}");
    }
    let replicas = connection.replicas;
    match options.durability {
        Durability::Fsync => match synced(options).await? {
            Synced::Seen(unseen) if unseen.is_empty() => {
                tracing::info!("the NATS servers sync before they answer");
            }
            Synced::Seen(unseen) => {
                tracing::warn!(?unseen, "{MOST_ARE_SEEN}");
                connection.runtime.spawn(look_again(unseen));
            }
            Synced::Said => tracing::warn!("{SYNCED_AS_SAID}"),
        },
        Durability::Os => tracing::info!(
            replicas,
            "answered messages survive processes that are killed, not a loss of power"
        ),
        Durability::Memory => tracing::info!(replicas, "messages lie in the memory of the NATS servers"),
    }
    if replicas == 1 {
        tracing::warn!("{ONE_REPLICA}");
    }
    Ok(())
}

/// What is said of a single copy.
pub(super) const ONE_REPLICA: &str = "one server keeps each message (broker.replicas = 1): while it is away sends are refused, \
    and with its disk all is lost";

/// What is said where nobody looked whether they sync.
pub(super) const SYNCED_AS_SAID: &str =
    "that the NATS servers sync before they answer is taken from broker.assert_synced; it was not seen";

/// What is said where a server is away.
pub(super) const MOST_ARE_SEEN: &str =
    "most NATS servers sync before they answer; the others cannot be seen now, and are looked for again";

/// Whether a server will do; what is to be said of it, if it will.
pub(super) fn check_server(info: &ServerInfo, options: &Options) -> Result<Option<String>, OpenError> {
    let warning = check_version(&info.version)?;
    let wanted = options.message_bytes_max + AROUND_MESSAGE_BYTES;
    if info.max_payload < wanted {
        return Err(OpenError::lasting(format!(
            "limits.message_bytes is {}, and NATS carries {} bytes at once; lower the one, or raise max_payload of the NATS \
             servers to {wanted} or more",
            options.message_bytes_max, info.max_payload,
        )));
    }
    Ok(warning)
}

fn check_version(text: &str) -> Result<Option<String>, OpenError> {
    let version = version(text).unwrap_or_default();
    if version < VERSION_LEAST {
        return Err(OpenError::lasting(format!(
            "NATS is version {text}; Downlink needs 2.11 or newer, better 2.15"
        )));
    }
    let warning = format!(
        "NATS is version {text}, too old for anything but development: sockets that are behind are served message by \
         message, and known losses of data were mended in later versions; use 2.11 or newer, better 2.15"
    );
    Ok((version < VERSION_WANTED).then_some(warning))
}

fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What a server says of itself.
#[derive(Deserialize)]
struct Varz {
    server_name: Option<String>,
    jetstream: Option<Jetstream>,
}

#[derive(Deserialize)]
struct Jetstream {
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// How it is known that the servers sync before they answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Synced {
    /// By their monitoring addresses; by those of most servers, if the others, which are named here, are away.
    Seen(Vec<String>),
    /// By the operator's word.
    Said,
}

/// Whether all servers sync before they answer. One that is away must not keep nodes from starting, which would make its
/// outage one of theirs: most are enough, as they are for JetStream.
///
/// # Errors
/// [`OpenError`] if one does not, or it cannot be known.
pub(super) async fn synced(options: &Options) -> Result<Synced, OpenError> {
    let (mut unseen, mut why) = (Vec::new(), None);
    for monitor in &options.monitors {
        match look(monitor).await {
            Ok(look) => look.syncs(monitor)?,
            Err(error) => {
                unseen.push(monitor.clone());
                why.get_or_insert(error);
            }
        }
    }
    match (why, options.monitors.is_empty(), options.assert_synced) {
        (Some(error), ..) if unseen.len() * 2 >= options.monitors.len() => Err(error),
        (_, false, _) => Ok(Synced::Seen(unseen)),
        (_, true, true) => Ok(Synced::Said),
        (_, true, false) => Err(OpenError::lasting(
            "durability is \"fsync\", and it cannot be seen whether the NATS servers sync before they answer; name their \
             monitoring addresses in broker.monitors, or, if all of them have `sync_interval: always`, say so with \
             broker.assert_synced = true, or choose durability = \"os\"",
        )),
    }
}

/// Looks for servers that were away until all were seen.
async fn look_again(mut unseen: Vec<String>) {
    while !unseen.is_empty() {
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        for monitor in std::mem::take(&mut unseen) {
            match look(&monitor).await.map(|look| look.syncs(&monitor)) {
                Ok(Ok(())) => {
                    tracing::info!(monitor, "this NATS server is back, and syncs before it answers")
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "a NATS server came back that does not keep what it answers; no node will start until it does");
                }
                Err(_) => unseen.push(monitor),
            }
        }
    }
}

impl Look {
    /// Whether this server does; `monitor` is where it was asked.
    fn syncs(self, monitor: &str) -> Result<(), OpenError> {
        let name = self.varz.server_name.unwrap_or_default();
        let config = self.varz.jetstream.and_then(|jetstream| jetstream.config);
        if config.is_some_and(|config| config.sync_always) {
            return Ok(());
        }
        Err(OpenError::lasting(format!(
            "durability is \"fsync\", but the NATS server at {monitor} ({name}) answers before it has synced; put \
             `sync_interval: always` into its `jetstream` block, or choose durability = \"os\""
        )))
    }
}

/// What a monitoring address says.
pub(super) struct Look {
    varz: Varz,
    /// The server's clock, to the second.
    pub(super) clock: Option<SystemTime>,
}

/// Asks a monitoring address.
pub(super) async fn look(monitor: &str) -> Result<Look, OpenError> {
    try_look(monitor).await.map_err(|why| {
        OpenError::passing(format!(
            "broker.monitors: nothing can be seen at {monitor} ({why}); write the monitoring address of a NATS server, as \
             \"http://host:8222\""
        ))
    })
}

async fn try_look(monitor: &str) -> Result<Look, String> {
    let host = monitor.strip_prefix("http://").ok_or("it does not begin with http://")?.trim_end_matches('/');
    let text = timeout(LOOK_TIME, get(host)).await.map_err(|_| "no answer in time")?;
    let text = text.map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer of HTTP")?;
    let varz = serde_json::from_str(body).map_err(|_| "the answer is not that of a NATS server")?;
    let date = head.lines().find_map(|line| line.strip_prefix("Date: "));
    Ok(Look { varz, clock: date.and_then(|date| httpdate::parse_http_date(date).ok()) })
}

async fn get(host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(host).await?;
    // 1.0: the answer is whole and ends with the connection.
    let request = format!("GET /varz HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(LOOK_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        assert_eq!(
            (version("2.15.1"), version("v2.9.10"), version("2")),
            (Some((2, 15)), Some((2, 9)), None)
        );
        assert!(check_version("2.8.4").is_err() && check_version("nonsense").is_err());
        assert!(check_version("2.9.10").unwrap().is_some_and(|warning| warning.contains("2.9.10")));
        assert_eq!(check_version("2.15.1-beta.1").unwrap(), None);
    }
}
