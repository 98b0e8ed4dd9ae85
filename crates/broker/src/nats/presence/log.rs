//! The log of presence in JetStream, and the bucket of its snapshots.
//!
//! What is stored is sent on to every node by `RePublish`, at most once; what did not come is read from the log.

use crate::nats::connect::{Connection, OpenError};
use async_nats::{
    Subscriber,
    jetstream::{
        kv,
        message::StreamMessage,
        stream::{self, RawMessageErrorKind},
    },
};
use bytes::Bytes;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A record as it lies in the log.
pub(super) struct Placed {
    pub(super) place: u64,
    /// When it was stored, in milliseconds since 1970.
    pub(super) time_ms: u64,
    pub(super) batch: Bytes,
}

/// Where snapshots lie.
const BUCKET: &str = "presence";
const INDEX: &str = "index";
const PARTS: &str = "part";

/// A word that takes longer is said again, and what takes longer to read is asked for again: while there is no leader, nobody
/// answers, also later.
const PUBLISH_TIME: Duration = Duration::from_secs(2);
const READ_TIME: Duration = Duration::from_secs(2);

/// So many records are read at a time, and so many of them are asked for at once.
const READ_MAX: u64 = 500;
const ASKED_MAX: usize = 64;

/// See the module.
#[derive(Clone)]
pub(super) struct Log {
    connection: Connection,
    snapshots: kv::Store,
}

/// Why something did not work, for the log of this program.
pub(super) type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl Log {
    pub(super) async fn open(connection: Connection) -> Result<Self, OpenError> {
        let snapshots = connection.bucket(BUCKET, Duration::ZERO).await?;
        let log = Self { connection, snapshots };
        log.ensure().await.map_err(|error| {
            let name = log.name();
            OpenError::passing(format!(
                "the stream {name} cannot be used in JetStream ({error}); see that the account may make streams, and that \
                 {} of its servers are there for as many replicas",
                log.connection.replicas
            ))
        })?;
        Ok(log)
    }

    fn name(&self) -> String {
        self.connection.names.bucket("presence-log")
    }

    fn subject(&self) -> String {
        self.connection.names.between_nodes("presence.log")
    }

    fn live(&self) -> String {
        self.connection.names.between_nodes("presence.live")
    }

    /// Makes the stream and the bucket if they are not there; the end of the log, and which of several of its name it is.
    pub(super) async fn ensure(&self) -> Result<(u64, i128), Trouble> {
        self.connection.bucket(BUCKET, Duration::ZERO).await?;
        let config = stream::Config {
            name: self.name(),
            subjects: vec![self.subject()],
            num_replicas: self.connection.replicas,
            republish: Some(stream::Republish {
                source: self.subject(),
                destination: self.live(),
                headers_only: false,
            }),
            ..stream::Config::default()
        };
        let stream = self.connection.jetstream.get_or_create_stream(config).await?;
        let info = stream.cached_info();
        Ok((info.state.last_sequence, info.created.unix_timestamp_nanos()))
    }

    /// The first place that is still there, or will be.
    pub(super) async fn first(&self) -> Result<u64, Trouble> {
        let stream = self.connection.jetstream.get_stream(self.name()).await?;
        Ok(stream.cached_info().state.first_sequence)
    }

    /// What is stored from now on, as far as it comes.
    pub(super) async fn listen(&self) -> Result<Subscriber, Trouble> {
        Ok(self.connection.client.subscribe(self.live()).await?)
    }

    /// A record that was sent on. `None`: its place and time are to be read from the log.
    pub(super) fn heard(message: async_nats::Message) -> Option<Placed> {
        StreamMessage::try_from(message).ok().map(Placed::from)
    }

    /// Stores a batch; its place.
    pub(super) async fn append(&self, batch: Bytes) -> Result<u64, Trouble> {
        let appending = async {
            let acked = self.connection.jetstream.publish(self.subject(), batch).await?;
            Ok::<_, Trouble>(acked.await?.sequence)
        };
        tokio::time::timeout(PUBLISH_TIME, appending).await?
    }

    /// Reads what lies after a place and up to another one, oldest first: all of it, or a part without a hole.
    ///
    /// Each record is asked for by itself, of the log's own leader. A consumer would be made by the leader of all of JetStream,
    /// which may be gone while the log goes on: then a node could speak and not hear, until the others count it out.
    pub(super) async fn read(&self, after: u64, upto: u64) -> Result<Vec<Placed>, Trouble> {
        let deadline = Instant::now() + READ_TIME;
        let log = self.connection.jetstream.get_stream_no_info(self.name()).await?;
        let places = after + 1..=upto.min(after + READ_MAX);
        let mut records =
            futures_util::stream::iter(places).map(|place| log.get_raw_message(place)).buffered(ASKED_MAX);
        let mut read = Vec::new();
        loop {
            match timeout_at(deadline, records.next()).await {
                Ok(Some(Ok(message))) => read.push(Placed::from(message)),
                // Not there yet, or there no more.
                Ok(Some(Err(error))) if error.kind() == RawMessageErrorKind::NoMessageFound => {
                    if !read.is_empty() {
                        return Ok(read);
                    }
                }
                Ok(None) => return Ok(read),
                // What there is brings its reader nearer.
                Ok(Some(Err(_))) | Err(_) if !read.is_empty() => return Ok(read),
                Ok(Some(Err(error))) => return Err(error.into()),
                Err(late) => return Err(late.into()),
            }
        }
    }

    /// Drops what lies before a place: a snapshot holds it.
    pub(super) async fn drop_before(&self, place: u64) -> Result<(), Trouble> {
        let stream = self.connection.jetstream.get_stream_no_info(self.name()).await?;
        stream.purge().sequence(place).await?;
        Ok(())
    }

    /// The index of the newest snapshot, and its revision: 0 if there is none.
    pub(super) async fn index(&self) -> Result<(Option<Bytes>, u64), Trouble> {
        let entry = self.snapshots.entry(INDEX).await?;
        Ok(entry.map_or((None, 0), |entry| (Some(entry.value), entry.revision)))
    }

    /// Replaces the index of this revision, and no other one.
    pub(super) async fn replace_index(&self, index: Bytes, revision: u64) -> Result<(), Trouble> {
        self.snapshots.update(INDEX, index, revision).await?;
        Ok(())
    }

    /// A part of a snapshot.
    pub(super) async fn part(&self, key: &str) -> Result<Option<Bytes>, Trouble> {
        Ok(self.snapshots.get(format!("{PARTS}.{key}")).await?)
    }

    /// Stores a part; its revision.
    pub(super) async fn put_part(&self, key: &str, part: Bytes) -> Result<u64, Trouble> {
        Ok(self.snapshots.put(format!("{PARTS}.{key}"), part).await?)
    }

    /// Drops all parts that were stored before a revision, without a trace: a bucket by itself remembers each key.
    pub(super) async fn drop_parts_before(&self, revision: u64) -> Result<(), Trouble> {
        let parts = format!("{}{PARTS}.>", self.snapshots.prefix);
        self.snapshots.stream.purge().sequence(revision).filter(parts).await?;
        Ok(())
    }
}

impl From<StreamMessage> for Placed {
    fn from(message: StreamMessage) -> Self {
        let millis = message.time.unix_timestamp_nanos() / 1_000_000;
        Self {
            place: message.sequence,
            time_ms: u64::try_from(millis).unwrap_or_default(),
            batch: message.payload,
        }
    }
}
