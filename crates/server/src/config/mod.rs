//! The configuration, in two stages: what was written ([`written`]), and what it means ([`Config`]).
//!
//! A file (TOML), then `DOWNLINK_…` variables over it, then command line options over both. Every mistake is found
//! before a port is bound, and says where it stands.

mod api;
mod broker;
mod file;
mod nearest;
pub(crate) mod options;
mod presence;
mod secrets;
mod tls;
mod trace;
mod written;

use crate::{
    keys::ApiKeys,
    rates::{Rate, RatesWanted},
    tls::Certificates,
    trace::TraceTo,
};
use ::broker::local::Durability;
use api::OfKeys;
use delivery::hub::Limits;
use options::{OPTIONS, OptionSpec};
use protocol::limits;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use written::Written;

pub(crate) use self::broker::{BrokerKind, NatsConfig};
pub(crate) use presence::Presence;
pub(crate) use secrets::Secret;
pub(crate) use written::Said;

/// What the program does, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// Where operators are served apart from everybody else.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// With them it speaks TLS.
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) durability: Durability,
    pub(crate) broker: BrokerKind,
    pub(crate) api_keys: ApiKeys,
    /// `(id, secret)`; the first signs.
    pub(crate) token_keys: Vec<(String, Secret)>,
    /// The text of a JSON Web Key Set with the public keys of applications that sign tokens themselves.
    pub(crate) token_key_set: Option<String>,
    pub(crate) token_in_query: bool,
    /// Empty: any origin.
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) message_bytes_max: usize,
    pub(crate) sockets: Limits,
    /// How often addresses and client ids may do something.
    pub(crate) rates: RatesWanted,
    pub(crate) presence: Presence,
    pub(crate) retention: Duration,
    pub(crate) retention_messages: u32,
    pub(crate) retention_bytes: u64,
    pub(crate) idempotency_keys: usize,
    pub(crate) edge_threads: u16,
    pub(crate) drain: Duration,
    pub(crate) log_json: bool,
    pub(crate) log_level: String,
    /// Where traces go, if anywhere.
    pub(crate) trace: Option<TraceTo>,
    /// What was said of each option.
    pub(crate) said: Said,
}

/// Mistakes in a configuration, each with where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

/// What the command line says over file and environment: option path and value.
pub(crate) type Overrides = Vec<(&'static str, String)>;

/// Where the texts of a configuration come from; tests bring their own.
pub(crate) struct Sources<'a> {
    pub(crate) file: Option<&'a Path>,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) overrides: &'a Overrides,
    /// Missing keys are made once and kept in the data directory.
    pub(crate) make_secrets: bool,
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All [`Mistakes`] that can be told apart.
    pub(crate) fn load(sources: &Sources<'_>) -> Result<Self, Mistakes> {
        let reading = written::read(sources);
        if reading.is_torn {
            return Err(Mistakes(reading.mistakes));
        }
        let (mistakes, lines, faulty) = (reading.mistakes, reading.lines, reading.faulty);
        let mut check = Check { mistakes, lines, faulty, origin: sources };
        let config = Config { said: reading.said, ..check.config(reading.written) };
        if check.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(check.mistakes)) }
    }

    /// A directory of the data directory, for durabilities that keep anything.
    pub(crate) fn kept_dir(&self, name: &str) -> Option<PathBuf> {
        let keeps = self.durability != Durability::Memory && matches!(self.broker, BrokerKind::Local);
        keeps.then(|| self.data_dir.as_ref().map(|dir| dir.join(name)))?
    }
}

/// Collects mistakes while values get their meaning.
struct Check<'a> {
    mistakes: Vec<String>,
    /// Where the options of the file stand.
    lines: BTreeMap<String, usize>,
    /// Options of which a mistake was told while they were read: nothing follows from what is left of them.
    faulty: BTreeSet<String>,
    origin: &'a Sources<'a>,
}

/// Nobody else reaches it, unless it is meant.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7171);

/// An option that is a number: what it is if it is not said, and what it may be.
struct Number {
    path: &'static str,
    default: u64,
    allowed: (u64, u64),
}

macro_rules! numbers {
    ($($name:ident = $path:literal, $default:expr, $least:expr, $most:expr;)*) => {
        impl Check<'_> {
            $(const $name: Number = Number { path: $path, default: $default as u64, allowed: ($least, $most) };)*
        }
    };
}

numbers! {
    MESSAGE_BYTES = "limits.message_bytes", limits::MESSAGE_BYTES_MAX, 1, 1 << 20;
    PER_CLIENT = "limits.sockets_per_client", limits::SOCKETS_PER_CLIENT_DEFAULT, 1, 10_000_000;
    PER_ADDRESS = "limits.sockets_per_address", limits::SOCKETS_PER_ADDRESS_DEFAULT, 1, 10_000_000;
    CACHE_BYTES = "limits.cache_bytes", limits::CACHE_BYTES_DEFAULT, 1 << 16, 1 << 36;
    IDEMPOTENCY_KEYS = "limits.idempotency_keys", limits::IDEMPOTENCY_KEYS_DEFAULT, 1, 100_000_000;
    KEY_SENDS = "limits.key_sends_per_second", 0, 0, 1_000_000;
    KEY_TOKENS = "limits.key_tokens_per_second", 0, 0, 1_000_000;
    CLIENT_SENDS = "limits.client_sends_per_second", 0, 0, 1_000_000;
    ADDRESS_CONNECTIONS = "limits.address_connections_per_second", 0, 0, 1_000_000;
    ADDRESS_REFUSED_TOKENS = "limits.address_refused_tokens_per_second", 0, 0, 1_000_000;
    RETENTION_SECONDS = "retention.seconds", limits::RETENTION_DEFAULT.as_secs(), 1, 7 * 86_400;
    RETENTION_MESSAGES = "retention.messages", limits::RETENTION_MESSAGES_DEFAULT, 1, 1_000_000;
    RETENTION_BYTES = "retention.bytes", limits::RETENTION_BYTES_DEFAULT, 1 << 20, 1 << 44;
    DRAIN_SECONDS = "drain_seconds", 5, 0, 300;
    GRACE_SECONDS = "presence.grace_seconds", limits::PRESENCE_GRACE_DEFAULT.as_secs(), 0, 3600;
    SILENCE_SECONDS = "presence.silence_seconds", limits::PRESENCE_SILENCE_DEFAULT.as_secs(), 2, 3600;
}

impl Check<'_> {
    fn config(&mut self, written: Written) -> Config {
        let durability = self.durability(written.durability.as_deref());
        let broker = self.broker(written.broker.unwrap_or_default());
        let data_dir = written.data_dir.map(PathBuf::from);
        let keeps = durability != Durability::Memory && matches!(broker, BrokerKind::Local);
        if data_dir.is_none() && keeps {
            self.wrong("data_dir", "is needed to keep messages; or choose durability = \"memory\"");
        }
        let (api, token) = (written.api.unwrap_or_default(), written.token.unwrap_or_default());
        let socket = written.socket.unwrap_or_default();
        let retention = written.retention.unwrap_or_default();
        let limits = written.limits.unwrap_or_default();
        let log = written.log.unwrap_or_default();
        let of_keys = OfKeys {
            sends: self.rate(&Self::KEY_SENDS, limits.key_sends_per_second),
            tokens: self.rate(&Self::KEY_TOKENS, limits.key_tokens_per_second),
        };
        let (api_keys, token_keys) =
            self.keys(of_keys, api.keys.unwrap_or_default(), &token, data_dir.as_deref());
        let presence = self.presence(written.presence.unwrap_or_default(), &token_keys);
        let retention_messages = self.within(&Self::RETENTION_MESSAGES, retention.messages) as u32;
        let listen = written.listen.map_or(Some(LISTEN_DEFAULT), |text| self.address("listen", &text));
        let listen = listen.unwrap_or(LISTEN_DEFAULT);
        let admin_listen = written.admin_listen.and_then(|text| self.address("admin_listen", &text));
        if admin_listen.is_some_and(|admin| admin == listen && admin.port() != 0) {
            self.wrong("admin_listen", "is the same as listen; leave it out, or choose another port");
        }
        Config {
            listen,
            admin_listen,
            certificates: self.certificates(written.tls, written.acme, data_dir.as_deref()),
            data_dir,
            durability,
            broker,
            api_keys,
            token_keys,
            token_key_set: self.key_set(token.key_set.as_deref()),
            token_in_query: socket.token_in_query.unwrap_or(true),
            allowed_origins: self.origins(socket.allowed_origins.unwrap_or_default()),
            message_bytes_max: self.within(&Self::MESSAGE_BYTES, limits.message_bytes) as usize,
            sockets: Limits {
                sockets_per_client: self.within(&Self::PER_CLIENT, limits.sockets_per_client) as u32,
                sockets_per_address: self.within(&Self::PER_ADDRESS, limits.sockets_per_address) as u32,
                messages_per_channel: retention_messages,
                tail_bytes: self.within(&Self::CACHE_BYTES, limits.cache_bytes) as usize,
            },
            rates: RatesWanted {
                client_sends: self.rate(&Self::CLIENT_SENDS, limits.client_sends_per_second),
                address_connections: self
                    .rate(&Self::ADDRESS_CONNECTIONS, limits.address_connections_per_second),
                address_refused_tokens: self
                    .rate(&Self::ADDRESS_REFUSED_TOKENS, limits.address_refused_tokens_per_second),
            },
            presence,
            retention: Duration::from_secs(self.within(&Self::RETENTION_SECONDS, retention.seconds)),
            retention_messages,
            retention_bytes: self.within(&Self::RETENTION_BYTES, retention.bytes),
            idempotency_keys: self.within(&Self::IDEMPOTENCY_KEYS, limits.idempotency_keys) as usize,
            edge_threads: self.edges(written.edge.unwrap_or_default().threads),
            drain: Duration::from_secs(self.within(&Self::DRAIN_SECONDS, written.drain_seconds)),
            log_json: self.log_format(log.format.as_deref()),
            log_level: self.log_level(log.level),
            trace: self.trace(written.trace.unwrap_or_default()),
            said: Said::default(),
        }
    }

    fn durability(&mut self, text: Option<&str>) -> Durability {
        let known = [("fsync", Durability::Fsync), ("os", Durability::Os), ("memory", Durability::Memory)];
        self.one_of("durability", text, &known)
    }

    /// Notes a mistake, with where the value came from.
    fn wrong(&mut self, path: &str, what: &str) {
        self.wrong_at(path, path, what);
    }

    /// The same of an item in an option's list.
    fn wrong_at(&mut self, place: &str, path: &str, what: &str) {
        if !self.faulty.contains(path) {
            let place = written::place_of(self.origin, &self.lines, place);
            self.mistakes.push(format!("{place}: {path} {what}"));
        }
    }

    /// One of a few words; the first of them if it is none.
    fn one_of<T: Copy>(&mut self, path: &str, text: Option<&str>, known: &[(&'static str, T)]) -> T {
        let Some(text) = text else { return known[0].1 };
        if let Some((_, meaning)) = known.iter().find(|(word, _)| *word == text) {
            return *meaning;
        }
        let words: Vec<String> = known.iter().map(|(word, _)| format!("{word:?}")).collect();
        let meant = nearest::did_you_mean(text, known.iter().map(|(word, _)| *word));
        let meant = meant.map(|word| format!("; did you mean {word:?}?")).unwrap_or_default();
        self.wrong(path, &format!("is none of {}{meant}", words.join(", ")));
        known[0].1
    }

    fn within(&mut self, number: &Number, value: Option<u64>) -> u64 {
        let value = value.unwrap_or(number.default);
        let (least, most) = number.allowed;
        if !(least..=most).contains(&value) {
            self.wrong(number.path, &format!("is {value}; it must be {least} to {most}"));
        }
        value
    }

    fn rate(&mut self, number: &Number, value: Option<u64>) -> Option<Rate> {
        Rate::per_second(self.within(number, value) as u32)
    }

    fn address(&mut self, path: &str, text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            self.wrong(path, &format!("is {text:?}; write an address and a port, as in \"127.0.0.1:7171\""));
        }
        address
    }

    fn edges(&mut self, threads: Option<u64>) -> u16 {
        // Half the cores: the rest is for the journal's writer, readers of the disk, and the kernel.
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let most = u64::from(delivery::edge::EdgeHandle::EDGES_MAX);
        let number = Number { path: "edge.threads", default: (cores / 2).clamp(1, most), allowed: (1, most) };
        self.within(&number, threads) as u16
    }

    fn log_format(&mut self, format: Option<&str>) -> bool {
        self.one_of("log.format", format, &[("text", false), ("json", true)])
    }

    fn log_level(&mut self, level: Option<String>) -> String {
        const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
        let level = level.unwrap_or_else(|| "info".into());
        // The library takes a misspelt level for the name of a module.
        let misspelt = |part: &&str| !part.contains('=') && !LEVELS.contains(&part.to_lowercase().as_str());
        let misspelt = level.split(',').map(str::trim).find(misspelt);
        if misspelt.is_some() || tracing_subscriber::EnvFilter::try_new(&level).is_err() {
            let meant = misspelt.and_then(|part| nearest::did_you_mean(part, LEVELS));
            let meant = meant.map(|word| format!("; did you mean {word:?}?")).unwrap_or_default();
            let what = format!(
                "is to be error, warn, info, debug or trace, also by module as in \"info,downlink=debug\"{meant}"
            );
            self.wrong("log.level", &what);
        }
        level
    }

    fn origins(&mut self, origins: Vec<String>) -> Vec<String> {
        for origin in &origins {
            let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if !rest.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
                let what = format!(
                    "has {origin:?}; an origin is a scheme and a host, as in \"https://example.com\""
                );
                self.wrong("socket.allowed_origins", &what);
            }
        }
        origins
    }

    fn key_set(&mut self, file: Option<&str>) -> Option<String> {
        let path = file?;
        match std::fs::read_to_string(path) {
            Ok(text) => {
                // A key set that cannot be used is told together with all else.
                let mut ring =
                    protocol::token::Keyring::new(&[("any".into(), vec![0; limits::TOKEN_SECRET_BYTES_MIN])]);
                if let Ok(Err(error)) = ring.as_mut().map(|ring| ring.add_key_set(&text)) {
                    self.wrong("token.key_set", &format!("names {path:?}, which cannot be used: {error}"));
                }
                Some(text)
            }
            Err(error) => {
                self.wrong("token.key_set", &format!("names {path:?}, which cannot be read: {error}"));
                None
            }
        }
    }

    /// The API keys and the token keys: as configured, or as made before, or made now.
    fn keys(
        &mut self,
        of_keys: OfKeys,
        api: Vec<written::ApiKey>,
        token: &written::Token,
        data_dir: Option<&Path>,
    ) -> (ApiKeys, Vec<(String, Secret)>) {
        let mut api = self.api_keys(api, of_keys);
        let mut tokens: Vec<(String, Secret)> = Vec::new();
        if let Some(secret) = &token.key {
            let secret = Secret::new(secret.clone());
            tokens.push((secret.fingerprint(), secret));
        }
        let named = token.keys.iter().flatten();
        tokens.extend(named.map(|key| (key.id.clone(), Secret::new(key.secret.clone()))));
        if self.origin.make_secrets {
            match secrets::make_missing(data_dir, api.is_empty(), tokens.is_empty()) {
                Ok((made_api, made_token)) => {
                    api.extend(made_api.map(|secret| of_keys.plain(secret)));
                    tokens.extend(made_token.map(|secret| (secret.fingerprint(), secret)));
                }
                Err(sentence) => self.mistakes.push(sentence),
            }
        }
        if api.is_empty() {
            self.wrong("api.keys", "is missing: applications need a key (`downlink init` makes one)");
        }
        if tokens.is_empty() {
            self.wrong("token.key", "is missing: tokens are signed with it (`downlink init` makes one)");
        } else if let Err(error) = protocol::token::Keyring::new(&secrets::bytes(&tokens)) {
            self.wrong("token.key", &format!("cannot be used: {error}"));
        }
        (ApiKeys::new(api), tokens)
    }
}

impl Config {
    /// The keyring of the configured keys.
    ///
    /// # Errors
    /// A sentence, for a key set that cannot be used.
    pub(crate) fn keyring(&self) -> Result<protocol::token::Keyring, String> {
        let mut ring =
            protocol::token::Keyring::new(&secrets::bytes(&self.token_keys)).map_err(|e| e.to_string())?;
        if let Some(set) = &self.token_key_set {
            ring.add_key_set(set).map_err(|error| format!("token.key_set: {error}"))?;
        }
        Ok(ring)
    }

    /// The secret of the hash by which channels are found; made once for a data directory.
    ///
    /// # Errors
    /// A sentence, if it cannot be read or made.
    pub(crate) fn hash_secret(&self) -> Result<[u8; 16], String> {
        secrets::hash_secret(self.kept_dir("journal").and(self.data_dir.as_deref()))
    }
}

/// The option with this path.
fn option(path: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.path == path)
}

#[cfg(test)]
mod tests;
