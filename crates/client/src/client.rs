//! The application's side: create channels, send, look who is there, listen.

use crate::{
    address::{Address, DEFAULT_URL},
    answers::{Channel, ChannelState, MessagesPage, PresencePage, Sent},
    call::{self, Call},
    error::Error,
    http::{Answer, Http, bearer},
    items::{self, Item, ItemResult},
    listen::{
        listener::Listener,
        token::{FreshToken, TokenFailure, TokenSource},
    },
    trust::Trust,
};
use hyper::header::HeaderValue;
use protocol::{cursor::Cursor, message::Data};
use serde::de::DeserializeOwned;
use std::{env, fmt, path::Path};

/// The status of an answer that says nothing but yes.
const NO_CONTENT: u16 = 204;

/// A connection to one server. Cheap to clone: clones share their kept-alive connections.
#[derive(Clone)]
pub struct Client {
    http: Http,
    /// Missing for who only listens with tokens.
    authorization: Option<HeaderValue>,
}

/// What a send may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Seconds after which nobody gets the message any more. 0 stores nothing: only sockets that are open and not behind
    /// get it.
    pub ttl: Option<u32>,
    /// Under which the message is stored once, however often it is sent within ten minutes; a random one if none is
    /// given, so that the client can try again by itself.
    pub idempotency_key: Option<String>,
}

impl Client {
    /// A client of the server at `url`. Nothing is asked of the server yet. Behind `https://`, it is known by the
    /// certificates that this machine trusts.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`], [`Error::InvalidApiKey`], and [`Error::InvalidCa`] if this machine has no certificates.
    pub fn new(url: &str, api_key: Option<String>) -> Result<Self, Error> {
        Self::build(url, api_key, &Trust::default())
    }

    /// A client that knows the server behind `https://` by the certificates in a PEM file alone: those of a certificate
    /// authority of one's own, or one that vouches for itself.
    ///
    /// # Errors
    /// As for [`Client::new`]; [`Error::InvalidCa`] also if the file cannot be read or holds none.
    pub fn with_ca_file(url: &str, api_key: Option<String>, ca_file: &Path) -> Result<Self, Error> {
        Self::build(url, api_key, &Trust::from_file(ca_file)?)
    }

    /// A client by the environment: `DOWNLINK_URL` (else [`DEFAULT_URL`]), `DOWNLINK_API_KEY` and, if it is set,
    /// `DOWNLINK_CA_FILE`.
    ///
    /// # Errors
    /// As for [`Client::with_ca_file`].
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let (url, api_key) = (set("DOWNLINK_URL"), set("DOWNLINK_API_KEY"));
        let url = url.as_deref().unwrap_or(DEFAULT_URL);
        match set("DOWNLINK_CA_FILE") {
            Some(file) => Self::with_ca_file(url, api_key, Path::new(&file)),
            None => Self::new(url, api_key),
        }
    }

    /// What connections to the server are made with, for who makes some beside the client's own: `None` for `http://`.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] and [`Error::InvalidCa`].
    pub fn tls_config(url: &str, ca_file: Option<&Path>) -> Result<Option<rustls::ClientConfig>, Error> {
        let trust = ca_file.map_or_else(|| Ok(Trust::default()), Trust::from_file)?;
        Address::parse(url)?.is_https().then(|| trust.config(true)).transpose()
    }

    fn build(url: &str, api_key: Option<String>, trust: &Trust) -> Result<Self, Error> {
        let authorization = api_key.map(|key| bearer(key.trim()).ok_or(Error::InvalidApiKey)).transpose()?;
        Ok(Self { http: Http::new(Address::parse(url)?, trust)?, authorization })
    }

    /// Creates a channel and returns the token that opens it. `duration_minutes` is 1 to 1440, 120 if not given.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_channel(
        &self,
        client_id: &str,
        duration_minutes: Option<u32>,
    ) -> Result<Channel, Error> {
        self.ask(call::create_channel(client_id, duration_minutes)).await
    }

    /// Sends a message to a client id (or to the one of a token). When this returns `Ok` with an id, the message is
    /// stored as safely as the server's durability says.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::Unreachable`] the message may or may not be stored.
    pub async fn send(&self, to: &str, data: Data, options: SendOptions) -> Result<Sent, Error> {
        self.ask(call::send(to, data, options.ttl, options.idempotency_key.as_deref())?).await
    }

    /// Sends many messages, in order, and returns what became of each, in the same order.
    ///
    /// Many items make several calls, one after the other. If a later one fails, its items and those after them are
    /// [`ItemResult::Refused`], so that it stays known what became of the earlier ones.
    ///
    /// # Errors
    /// [`Error`], if the first call fails: then nothing is known to be stored.
    pub async fn send_many(&self, items: impl IntoIterator<Item = Item>) -> Result<Vec<ItemResult>, Error> {
        let mut results = Vec::new();
        let mut failure: Option<Error> = None;
        for batch in items::batches(items.into_iter()) {
            let count = batch.items;
            if failure.is_none() {
                match self.send_batch(batch).await {
                    Ok(answers) => {
                        results.extend(answers);
                        continue;
                    }
                    Err(error) if results.is_empty() => return Err(error),
                    Err(error) => failure = Some(error),
                }
            }
            results.extend(std::iter::repeat_n(failure.as_ref().map(ItemResult::from), count).flatten());
        }
        Ok(results)
    }

    async fn send_batch(&self, batch: items::Batch) -> Result<Vec<ItemResult>, Error> {
        let answer = self.perform(call::send_lines(batch.lines, batch.repeatable)).await?;
        items::read_results(&answer.body, batch.items).ok_or_else(|| self.unexpected(&answer))
    }

    /// What the server knows of a channel: whether it is open, and how far its sockets are.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn channel(&self, client_id: &str) -> Result<ChannelState, Error> {
        self.ask(call::channel(client_id)).await
    }

    /// Ends a channel's sockets, refuses its earlier tokens, and makes what is kept unreadable. What is sent and created
    /// afterwards just works. Deleting what nobody ever opened is fine.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_channel(&self, client_id: &str) -> Result<(), Error> {
        let answer = self.perform(call::delete_channel(client_id)).await?;
        // Whoever answers with anything else deleted nothing.
        if answer.status == NO_CONTENT { Ok(()) } else { Err(self.unexpected(&answer)) }
    }

    /// A page of a channel's kept messages, oldest first: all that are kept, or those `after` a place, which is the id of
    /// a message or a cursor. Where there are more, [`MessagesPage::next`] is the `after` of the next page.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn messages(&self, client_id: &str, after: Option<&str>) -> Result<MessagesPage, Error> {
        self.ask(call::messages(client_id, after)).await
    }

    /// All client ids that have a socket open. They may change while they are read.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn presence(&self) -> Result<Vec<String>, Error> {
        let mut client_ids = Vec::new();
        let mut after = None;
        loop {
            let page = self.presence_page(after.as_deref()).await?;
            client_ids.extend(page.client_ids);
            after = page.next;
            if after.is_none() {
                return Ok(client_ids);
            }
        }
    }

    /// One page of the client ids that have a socket open; `after` is the `next` of the page before.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn presence_page(&self, after: Option<&str>) -> Result<PresencePage, Error> {
        self.ask(call::presence(after)).await
    }

    /// Listens to a channel: with a token, or with a [`TokenSource`] that fetches one whenever the last has timed out.
    /// `after` is up to where everything was had already; without it the token says where to start.
    ///
    /// Nothing happens before [`Listener::next`] is called.
    #[must_use]
    pub fn listen(&self, token: impl Into<TokenSource>, after: Option<Cursor>) -> Listener {
        Listener::new(self.http.clone(), token.into(), after)
    }

    /// Tokens for a client id, made by creating its channel with the API key.
    #[must_use]
    pub fn token_source(&self, client_id: &str, duration_minutes: Option<u32>) -> TokenSource {
        let (client, client_id) = (self.clone(), client_id.to_owned());
        TokenSource::new(move || {
            let (client, client_id) = (client.clone(), client_id.clone());
            async move {
                let channel = client.create_channel(&client_id, duration_minutes).await;
                channel.map(FreshToken::from).map_err(TokenFailure::from)
            }
        })
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let answer = self.perform(call).await?;
        // The cause is dropped: its text may quote the answer, and the answer may hold a token.
        serde_json::from_slice(&answer.body).map_err(|_| self.unexpected(&answer))
    }

    async fn perform(&self, call: Call) -> Result<Answer, Error> {
        self.http.perform(call, self.authorization.as_ref().ok_or(Error::NoApiKey)?).await
    }

    fn unexpected(&self, answer: &Answer) -> Error {
        Error::Unexpected { url: self.http.address().to_string(), status: answer.status }
    }
}

impl fmt::Debug for Client {
    /// Says whether there is a key, never which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.http.address().to_string())
            .field("api_key", &self.authorization.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

#[cfg(test)]
mod tests;
