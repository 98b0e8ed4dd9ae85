//! `[broker]`: on which broker the node stands.

use super::{Check, Number, Secret, written};
use broker::nats::connect::{ConnectTo, Login};

/// Where messages are kept.
#[derive(Debug)]
pub(crate) enum BrokerKind {
    /// In the data directory.
    Local,
    /// In a NATS that nodes share.
    Nats(NatsConfig),
}

/// What is said of that NATS.
#[derive(Debug)]
pub(crate) struct NatsConfig {
    pub(crate) connect: ConnectTo,
    pub(crate) monitors: Vec<String>,
    pub(crate) assert_synced: bool,
}

const REPLICAS: Number = Number { path: "broker.replicas", default: 1, allowed: (1, 5) };

/// Names of streams are names of directories there.
const PREFIX_BYTES_MAX: usize = 32;

impl Check<'_> {
    pub(super) fn broker(&mut self, broker: written::Broker) -> BrokerKind {
        match broker.kind.as_deref().unwrap_or("local") {
            "local" => {
                if broker.servers.is_some() {
                    self.wrong("broker.servers", "is for kind = \"nats\"; say that too, or leave it out");
                }
                BrokerKind::Local
            }
            "nats" => BrokerKind::Nats(self.nats(broker)),
            other => {
                self.wrong("broker.kind", &format!("is {other:?}; it is \"local\" or \"nats\""));
                BrokerKind::Local
            }
        }
    }

    fn nats(&mut self, broker: written::Broker) -> NatsConfig {
        let servers = broker.servers.unwrap_or_default();
        if servers.is_empty() {
            self.wrong("broker.servers", "is needed: the addresses of NATS, as [\"nats://10.0.0.1:4222\"]");
        }
        let prefix = broker.prefix.unwrap_or_else(|| "downlink".into());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=PREFIX_BYTES_MAX).contains(&prefix.len()) || !prefix.bytes().all(is_plain) {
            self.wrong("broker.prefix", "is 1 to 32 letters, digits, - or _");
        }
        let replicas = self.within(&REPLICAS, broker.replicas);
        if replicas.is_multiple_of(2) {
            self.wrong(
                "broker.replicas",
                "is an even number, which bears no more failures than the one below; 1, 3 or 5",
            );
        }
        let password = broker.password.map(Secret::new);
        let login = match (broker.user, password, broker.token, broker.credentials) {
            (None, None, None, None) => Login::None,
            (Some(user), Some(password), None, None) => {
                Login::User { user, password: password.expose().to_owned() }
            }
            (None, None, Some(token), None) => Login::Token(token),
            (None, None, None, Some(file)) => Login::Credentials(file.into()),
            _ => {
                self.wrong("broker.user", "and password, or token, or credentials: one of the three, whole");
                Login::None
            }
        };
        NatsConfig {
            connect: ConnectTo {
                servers,
                login,
                tls: broker.tls.unwrap_or(false),
                tls_ca: broker.tls_ca.map(Into::into),
                prefix,
                replicas: replicas as usize,
            },
            monitors: broker.monitors.unwrap_or_default(),
            assert_synced: broker.assert_synced.unwrap_or(false),
        }
    }
}
