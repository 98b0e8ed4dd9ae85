//! What this node can do, for whoever asks over whichever way: make channels, send, look.

use crate::{
    canary::Canary,
    disk_times::DiskTimes,
    follow::Following,
    http::DevSockets,
    keys::{ApiKeys, NotAdmitted, Scope},
    metrics::{Start, Words},
    notices::Notices,
    rates::{Rates, TooOften},
    samples::Samples,
};
use broker::{
    broker::{Broker, Deletion},
    error::PublishError,
    message::{Draft, Origin, Position, Recipients, Stored},
    presence::PresenceStore,
};
use delivery::{counters::Counter, histogram::Histogram, hub::Hub};
use parking_lot::RwLock;
use protocol::{
    cursor::Cursor,
    id::{ClientId, InvalidClientId},
    limits,
    message::Data,
    socket::Seconds,
    token::{self, Grant, TokenError},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// The node, as the HTTP edge sees it.
pub(crate) struct Service {
    pub(crate) hub: Arc<Hub>,
    /// Replaced while the node runs, when its configuration is read again.
    pub(crate) api_keys: RwLock<ApiKeys>,
    /// How often addresses and client ids may do something.
    pub(crate) rates: Rates,
    /// Whether anything limits how often is sent: mostly nothing does, and then a send looks at nothing else.
    pub(crate) sends_are_limited: AtomicBool,
    pub(crate) token_in_query: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) message_bytes_max: usize,
    /// Who is recorded as connected, and how far readers of the development wire are.
    pub(crate) presence: Arc<dyn PresenceStore>,
    /// The sockets of the development wire.
    pub(crate) dev_sockets: DevSockets,
    /// Seconds of silence after which one of them has left.
    pub(crate) dev_silence: Seconds,
    /// Tells the application who comes and goes, if it wants to know.
    pub(crate) notices: Option<Arc<Notices>>,
    pub(crate) counters: Counters,
    /// Finds out whether the node is ready.
    pub(crate) canary: Arc<Canary>,
    /// Follows requests and their messages.
    pub(crate) following: Following,
    /// What the start found.
    pub(crate) start: Start,
    /// What the disk takes, by what is written.
    pub(crate) disks: Vec<(&'static str, Arc<DiskTimes>)>,
    /// What the console's plots show.
    pub(crate) samples: Samples,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Token(TokenError),
    /// It is from before its channel was deleted.
    Revoked,
}

/// What was counted at the API.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Messages that were answered as stored.
    pub(crate) stored: Counter,
    /// Messages that were given to whoever listened, and kept by nobody.
    pub(crate) passed: Counter,
    /// Messages that were refused.
    pub(crate) refused: Counter,
    /// Tokens that were made.
    pub(crate) tokens_made: Counter,
    /// Sockets that were refused for their token, by reason.
    pub(crate) tokens_refused: Words,
    /// Requests and sockets that were refused, by the problem's code.
    pub(crate) refusals: Words,
    /// From a send's request until its answer.
    pub(crate) sends: Histogram,
    /// Connections that are open and no sockets.
    pub(crate) connections_open: Counter,
    /// Connections that were accepted.
    pub(crate) connections_opened: Counter,
}

/// A token and what it grants.
pub(crate) struct Made {
    pub(crate) token: String,
    pub(crate) grant: Grant,
}

/// Who a message goes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Client(ClientId),
    /// A token whose time is over, or that was revoked: the send succeeds and reaches nobody (channel-api.md, item 9).
    Nobody,
}

/// A message to send.
pub(crate) struct Send {
    pub(crate) to: Recipients,
    pub(crate) data: Data,
    /// Seconds; 0 is for whoever listens now.
    pub(crate) ttl: Option<u32>,
    pub(crate) idempotency_key: Option<Box<str>>,
    pub(crate) origin: Origin,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Sent {
    /// Kept under this cursor.
    Stored { cursor: Cursor, stored: Stored },
    /// Given to whoever listened.
    Passed,
}

impl Service {
    pub(crate) fn broker(&self) -> &Arc<dyn Broker> {
        &self.hub.broker
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.hub.clock.now_ms()
    }

    /// Microseconds since 1970.
    pub(crate) fn now_us(&self) -> u64 {
        self.hub.clock.now_us()
    }

    /// A send that began then is about to be answered. Returns the time, as [`now_us`](Self::now_us).
    pub(crate) fn sent_since(&self, began_us: u64) -> u64 {
        let now_us = self.now_us();
        self.counters.sends.observe(now_us.saturating_sub(began_us));
        now_us
    }

    /// Whether the bearer of a text may do something.
    pub(crate) fn admit(&self, key: &[u8], scope: Scope) -> Result<(), NotAdmitted> {
        self.api_keys.read().admit(key, scope).map(|_| ())
    }

    /// Replaces the keys. What the old ones had done is forgotten.
    pub(crate) fn replace_api_keys(&self, keys: ApiKeys) {
        self.sends_are_limited.store(keys.limit_sends() || self.rates.limits_clients(), Relaxed);
        *self.api_keys.write() = keys;
    }

    /// Whether the bearer of a key may send so many messages, and one to this client id, if there is one that is known
    /// already.
    pub(crate) fn may_send(&self, key: &[u8], to: Option<&ClientId>, count: u32) -> Result<(), TooOften> {
        if !self.sends_are_limited.load(Relaxed) {
            return Ok(());
        }
        let now_ms = self.hub.clock.elapsed_ms();
        if let Some(id) = to {
            self.rates.send_to(id, now_ms)?;
        }
        // A key that was taken away meanwhile has been let in before.
        self.api_keys.read().find(key).map_or(Ok(()), |key| key.rates.send(count, now_ms))
    }

    /// Whether the bearer of a key may make another token.
    pub(crate) fn may_make_token(&self, key: &[u8]) -> Result<(), TooOften> {
        let now_ms = self.hub.clock.elapsed_ms();
        self.api_keys.read().find(key).map_or(Ok(()), |key| key.rates.make_token(now_ms))
    }

    /// Makes a token for a client id.
    ///
    /// # Panics
    /// Without a source of random numbers.
    pub(crate) fn create_channel(&self, client_id: ClientId, life: Duration) -> Made {
        let now_ms = self.now_ms();
        let issued_at = now_ms / 1000;
        let grant = Grant {
            client_id,
            issued_at,
            // Not a moment less than was asked for (channel-api.md, item 18).
            expires_at: now_ms.div_ceil(1000) + life.as_secs(),
            start: Some(self.broker().end()),
        };
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).expect("the system has random numbers");
        let keyring = Arc::clone(&self.hub.keyring.read());
        self.counters.tokens_made.add(1);
        Made { token: keyring.sign(&grant, &format!("{:016x}", u64::from_le_bytes(unique))), grant }
    }

    /// What a token grants, now.
    pub(crate) fn verify(&self, token: &str) -> Result<Grant, Denied> {
        let keyring = Arc::clone(&self.hub.keyring.read());
        let grant = keyring.verify(token, self.now_ms() / 1000).map_err(Denied::Token)?;
        if self.is_revoked(&grant) { Err(Denied::Revoked) } else { Ok(grant) }
    }

    /// Whether a grant is from before its channel was deleted.
    pub(crate) fn is_revoked(&self, grant: &Grant) -> bool {
        let deletion = self.broker().deletion(self.broker().key(&grant.client_id));
        deletion.is_some_and(|deletion| deletion.refuses(grant.start, grant.issued_at))
    }

    /// Where a socket starts whose client names no place: at the token's position, or shortly before it was made.
    pub(crate) fn start(grant: &Grant) -> Position {
        let before_ms = limits::TOKEN_START_BEFORE_ISSUE.as_millis() as u64;
        let since_ms = (grant.issued_at * 1000).saturating_sub(before_ms);
        grant.start.map_or(Position::Since(since_ms), Position::After)
    }

    /// Deletes a channel: its sockets end, its earlier tokens open nothing, what is kept cannot be read.
    pub(crate) async fn delete_channel(&self, id: &ClientId) -> Result<Deletion, PublishError> {
        self.broker().delete(id, self.broker().key(id), self.now_ms()).await
    }

    /// Who a client id or a token stands for. What has a token's form is looked at as one before the length of an id
    /// is checked.
    pub(crate) fn target(&self, text: &[u8]) -> Result<Target, InvalidClientId> {
        if let Ok(token) = std::str::from_utf8(text)
            && token::looks_like_token(token)
        {
            match self.verify(token) {
                Ok(grant) => return Ok(Target::Client(grant.client_id)),
                Err(Denied::Token(TokenError::TimedOut) | Denied::Revoked) => return Ok(Target::Nobody),
                Err(Denied::Token(TokenError::Invalid)) => {}
            }
        }
        ClientId::from_bytes(text).map(Target::Client)
    }

    /// Sockets of these client ids on this node.
    pub(crate) fn sockets(&self, to: &Recipients) -> u64 {
        let of = |id: &ClientId| u64::from(self.hub.sockets(self.broker().key(id)));
        to.ids().iter().map(of).sum()
    }

    /// Sends one message.
    pub(crate) async fn send(&self, send: Send) -> Result<Sent, PublishError> {
        match send.ttl {
            Some(0) => {
                self.broker().pass(send.to, send.data).await?;
                self.counters.passed.add(1);
                Ok(Sent::Passed)
            }
            _ => {
                let now_ms = send.origin.at_us / 1000;
                let result = self.broker().publish(send.draft(), now_ms).await;
                self.sent(result)
            }
        }
    }

    /// Sends many, in order, with one answer each.
    pub(crate) async fn send_many(&self, sends: Vec<Send>) -> Vec<Result<Sent, PublishError>> {
        let now_ms = self.now_ms();
        let mut results: Vec<Option<Result<Sent, PublishError>>> = Vec::with_capacity(sends.len());
        let mut drafts = Vec::with_capacity(sends.len());
        for send in sends {
            if send.ttl == Some(0) {
                let passed = self.broker().pass(send.to, send.data).await;
                self.counters.passed.add(1);
                results.push(Some(passed.map(|()| Sent::Passed)));
            } else {
                drafts.push(send.draft());
                results.push(None);
            }
        }
        let mut stored = self.broker().publish_many(drafts, now_ms).await.into_iter();
        results
            .into_iter()
            .map(|known| known.unwrap_or_else(|| self.sent(stored.next().expect("one answer a draft"))))
            .collect()
    }

    fn sent(&self, result: Result<Stored, PublishError>) -> Result<Sent, PublishError> {
        match result {
            Ok(stored) => {
                self.counters.stored.add(1);
                Ok(Sent::Stored { cursor: self.hub.cursor(stored.offset), stored })
            }
            Err(error) => {
                self.counters.refused.add(1);
                Err(error)
            }
        }
    }
}

impl Send {
    fn draft(self) -> Draft {
        Draft {
            to: self.to,
            data: self.data,
            ttl_seconds: self.ttl.unwrap_or(0),
            idempotency_key: self.idempotency_key,
            origin: self.origin,
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            tokens_refused: Words::with(&["invalid", "revoked", "timed_out"]),
            stored: Counter::default(),
            passed: Counter::default(),
            refused: Counter::default(),
            tokens_made: Counter::default(),
            refusals: Words::default(),
            sends: Histogram::default(),
            connections_open: Counter::default(),
            connections_opened: Counter::default(),
        }
    }
}

impl Denied {
    /// As a metric's label says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Denied::Token(TokenError::Invalid) => "invalid",
            Denied::Token(TokenError::TimedOut) => "timed_out",
            Denied::Revoked => "revoked",
        }
    }
}

/// The demos are applications like any other.
#[async_trait::async_trait]
impl crate::demo::Channels for Service {
    async fn create_channel(&self, client_id: &str) -> Result<String, String> {
        let id: ClientId = client_id.parse().map_err(|error: InvalidClientId| error.to_string())?;
        let life = Duration::from_secs(u64::from(limits::TOKEN_MINUTES_DEFAULT) * 60);
        Ok(Service::create_channel(self, id, life).token)
    }

    async fn send(&self, client_ids: &[String], text: String) -> Result<(), String> {
        let ids: Result<Vec<ClientId>, _> = client_ids.iter().map(|id| id.parse()).collect();
        let ids = ids.map_err(|error: InvalidClientId| error.to_string())?;
        if ids.is_empty() {
            return Ok(());
        }
        let send = Send {
            to: Recipients::Many(ids.into()),
            data: Data::Text(text.into()),
            ttl: None,
            idempotency_key: None,
            origin: Origin { at_us: self.now_us(), follower: None },
        };
        Service::send(self, send).await.map(|_| ()).map_err(|error| error.to_string())
    }
}
