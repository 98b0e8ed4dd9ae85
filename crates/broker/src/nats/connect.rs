//! The one connection of a node to NATS, and the names of what lies there.

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, RequestErrorKind, ServerAddr, jetstream,
    jetstream::{ErrorCode, kv, stream},
};
use bytes::Bytes;
use serde::Deserialize;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::Instant};

/// How long a call of JetStream may take before its outcome counts as unknown. A leader is chosen anew in less.
pub const CALL_TIME: Duration = Duration::from_secs(5);

/// How long one server may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How often the connection is asked if it is there: two unanswered pings, and another server is tried.
const PING_EVERY: Duration = Duration::from_secs(2);

/// Servers that choose a leader answer nothing for 4 to 9 seconds, on busy machines for longer; what a start asks is asked
/// again for so long.
const START_PATIENCE: Duration = Duration::from_secs(30);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Messages that wait in a subscription. Beyond that some are dropped, which the feed notices and makes good.
const SUBSCRIPTION_MESSAGES_MAX: usize = 16 * 1024;

/// Where NATS is, and how this node shows who it is.
#[derive(Clone, Debug)]
pub struct ConnectTo {
    /// Addresses, as `nats://host:4222`; any of them will do.
    pub servers: Vec<String>,
    /// How the node shows who it is.
    pub login: Login,
    /// Whether only a connection with TLS will do. An address that begins with `tls://` asks for it as well.
    pub tls: bool,
    /// A PEM file of certificates to trust beside the system's.
    pub tls_ca: Option<PathBuf>,
    /// The first part of every name: two clusters of Downlink may share one NATS under two prefixes.
    pub prefix: String,
    /// How many servers keep each message.
    pub replicas: usize,
}

/// How a node shows who it is.
#[derive(Clone, Default)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// A user and a password.
    User {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Token(String),
    /// A credentials file (a JWT and a seed).
    Credentials(PathBuf),
}

/// Passwords are not for eyes.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A node's connection. It finds its way back by itself after it was cut; meanwhile
/// [`is_connected`](Self::is_connected) is false.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Core NATS.
    pub client: Client,
    /// JetStream; its calls end after [`CALL_TIME`].
    pub jetstream: jetstream::Context,
    /// The names of what lies there.
    pub names: Names,
    /// How many servers keep what is stored.
    pub replicas: usize,
    /// Where tasks of this connection run: not on the threads that serve sockets.
    pub runtime: Handle,
}

/// Names of streams, buckets and subjects, all from one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: Arc<str>,
}

/// NATS could not be used: a sentence that says why and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct OpenError {
    sentence: String,
    /// It may pass by itself: a start tries again.
    may_pass: bool,
}

impl OpenError {
    /// Somebody has to do something.
    pub(super) fn lasting(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), may_pass: false }
    }

    /// It may be over when NATS has started, or has chosen a leader.
    pub(super) fn passing(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), may_pass: true }
    }
}

impl Connection {
    /// Connects, at one go. Call it on the runtime that is to carry the connection.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(to: &ConnectTo) -> Result<Self, OpenError> {
        let mut addresses = Vec::new();
        for server in &to.servers {
            let address: ServerAddr = server.parse().map_err(|_| {
                // Without the text: it may hold a password.
                OpenError::lasting(
                    "broker.servers: an address is not one of NATS; write \"nats://host:4222\"",
                )
            })?;
            addresses.push(address);
        }
        let shown = addresses.iter().map(shown).collect::<Vec<_>>().join(", ");
        let client = options(to).await?.connect(addresses).await;
        let client = client.map_err(|error| unreachable(&shown, &error))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(CALL_TIME);
        let lacking = |why: &str| {
            OpenError::lasting(format!(
                "NATS at {shown} answers, but not with JetStream ({why}); start its servers with -js, or `jetstream {{}}` in \
                 their configuration, and enable it for the account of Downlink"
            ))
        };
        let leaderless = |why: &str| {
            OpenError::passing(format!(
                "nobody leads JetStream in NATS at {shown} ({why}); see that it is enabled, and that most of the servers of \
                 its cluster are up and reach each other"
            ))
        };
        // Without JetStream a refusal comes at once. Without a leader nothing comes, or, when it has lasted, another refusal.
        let answer =
            client.request("$JS.API.INFO", Bytes::new()).await.map_err(|error| match error.kind() {
                RequestErrorKind::TimedOut => leaderless("no answer"),
                _ => lacking(&error.to_string()),
            })?;
        has_jetstream(&answer.payload).map_err(|without| match without {
            Without::Leader(why) => leaderless(&why),
            Without::JetStream(why) => lacking(&why),
        })?;
        Ok(Self {
            client,
            jetstream,
            names: Names { prefix: to.prefix.as_str().into() },
            replicas: to.replicas,
            runtime: Handle::current(),
        })
    }

    /// Whether the connection is up at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// A bucket of this cluster, made if it is not there. What lies in it is forgotten after `max_age`, if that is not
    /// zero; the newest value of each key counts.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn bucket(&self, name: &str, max_age: Duration) -> Result<kv::Store, OpenError> {
        let bucket = self.names.bucket(name);
        // Made before, perhaps with other settings, which an operator may have changed on purpose.
        if let Ok(store) = self.jetstream.get_key_value(&bucket).await {
            return Ok(store);
        }
        // Another node may be making it at this moment: then it is there.
        let made = self.jetstream.create_stream(bucket_stream(&bucket, max_age, self.replicas)).await;
        self.jetstream.get_key_value(&bucket).await.map_err(|unread| {
            let why = made.map_or_else(|unmade| unmade.to_string(), |_| unread.to_string());
            OpenError::passing(format!(
                "the bucket {bucket} cannot be used in JetStream ({why}); see that the account may make streams, and that \
                 {} of its servers are there for as many replicas",
                self.replicas
            ))
        })
    }
}

/// The stream of a bucket, as NATS's own clients make it (ADR-8 of NATS). Not by async-nats, which first asks what the
/// account is, and cannot read what servers before 2.10 answer.
fn bucket_stream(bucket: &str, max_age: Duration, replicas: usize) -> stream::Config {
    /// Of a bucket that keeps everything; else no longer than it keeps.
    const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
    stream::Config {
        name: format!("KV_{bucket}"),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        max_age,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        discard: stream::DiscardPolicy::New,
        duplicate_window: if max_age.is_zero() { DUPLICATE_WINDOW } else { max_age.min(DUPLICATE_WINDOW) },
        num_replicas: replicas,
        ..stream::Config::default()
    }
}

impl Names {
    /// The stream of all messages.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("{}-messages", self.prefix)
    }

    /// Subjects of stored messages: this, and the channel as one token.
    #[must_use]
    pub fn message_root(&self) -> String {
        format!("{}.m.", self.prefix)
    }

    /// The subject of messages that nobody keeps.
    #[must_use]
    pub fn passing(&self) -> String {
        format!("{}.pass", self.prefix)
    }

    /// A bucket.
    #[must_use]
    pub fn bucket(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A subject of core NATS between the nodes.
    #[must_use]
    pub fn between_nodes(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }
}

/// Whether JetStream is there for this account: read in words of our own, since what a server before 2.10 answers lacks
/// some of what async-nats wants to read.
fn has_jetstream(answer: &[u8]) -> Result<(), Without> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<Refusal>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        description: String,
        err_code: Option<ErrorCode>,
    }
    let answer = serde_json::from_slice::<Answer>(answer);
    match answer.map_err(|error| Without::JetStream(error.to_string()))?.error {
        None => Ok(()),
        Some(refusal) if refusal.err_code == Some(ErrorCode::CLUSTER_NOT_AVAILABLE) => {
            Err(Without::Leader(refusal.description))
        }
        Some(refusal) => Err(Without::JetStream(refusal.description)),
    }
}

/// What is lacking, and why in the server's words.
enum Without {
    /// JetStream for this account.
    JetStream(String),
    /// Somebody who leads it.
    Leader(String),
}

/// Does what a start needs of NATS; again for a while, if it fails with what may pass.
///
/// # Errors
/// What it failed with first, or with what lasts: what else comes later may only follow from the first.
pub(super) async fn patiently<T, A>(mut attempt: impl FnMut() -> A) -> Result<T, OpenError>
where
    A: Future<Output = Result<T, OpenError>>,
{
    let begun = Instant::now();
    let mut first = None;
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if !error.may_pass {
            return Err(error);
        }
        if begun.elapsed() >= START_PATIENCE {
            return Err(first.unwrap_or(error));
        }
        if first.is_none() {
            tracing::warn!(%error, "it is tried again, in case that NATS is starting or choosing a leader");
        }
        first.get_or_insert(error);
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}

async fn options(to: &ConnectTo) -> Result<ConnectOptions, OpenError> {
    let mut options = ConnectOptions::new()
        .name("downlink")
        .connection_timeout(CONNECT_TIME)
        .ping_interval(PING_EVERY)
        .request_timeout(Some(CALL_TIME))
        .subscription_capacity(SUBSCRIPTION_MESSAGES_MAX)
        .require_tls(to.tls)
        // Soon, since sends are refused meanwhile, and spread, since all nodes come at once.
        .reconnect_delay_callback(|attempts| {
            let spread = std::process::id() as u64 % 100;
            Duration::from_millis((50 * attempts as u64).min(1000) + spread)
        })
        .event_callback(|event| async move { log(&event) });
    if let Some(path) = &to.tls_ca {
        options = options.add_root_certificates(path.clone());
    }
    match &to.login {
        Login::None => Ok(options),
        Login::User { user, password } => Ok(options.user_and_password(user.clone(), password.clone())),
        Login::Token(token) => Ok(options.token(token.clone())),
        Login::Credentials(path) => options.credentials_file(path).await.map_err(|error| {
            OpenError::lasting(format!(
                "broker.credentials names {}, which cannot be used: {error}",
                path.display()
            ))
        }),
    }
}

fn log(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => {
            tracing::warn!("the connection to NATS is cut; sends are refused until it is back")
        }
        Event::LameDuckMode => tracing::info!("this NATS server is about to stop; another one is looked for"),
        Event::SlowConsumer(_) => {
            tracing::warn!("NATS sends faster than this node takes; what was dropped is read again")
        }
        Event::ServerError(error) => tracing::error!(%error, "NATS refuses something"),
        Event::ClientError(error) => tracing::warn!(%error, "NATS cannot be reached"),
        Event::Draining | Event::Closed => {}
    }
}

/// An address as it may be shown: without user and password.
pub(super) fn shown(address: &ServerAddr) -> String {
    format!("{}:{}", address.host(), address.port())
}

fn unreachable(addresses: &str, error: &ConnectError) -> OpenError {
    let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    OpenError::lasting(match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => format!(
            "NATS at {addresses} does not let this node in; check broker.user and broker.password, broker.token or \
             broker.credentials"
        ),
        ConnectErrorKind::Tls => format!(
            "NATS at {addresses} and this node do not agree on TLS ({why}); check broker.tls, and broker.tls_ca for a \
             certificate authority of your own"
        ),
        ConnectErrorKind::Dns => {
            format!("a name in broker.servers ({addresses}) has no address ({why}); check how it is written")
        }
        _ => {
            return OpenError::passing(format!(
                "NATS cannot be reached at {addresses} ({why}); check broker.servers, and that a nats-server listens there"
            ));
        }
    })
}
