//! The log of presence in JetStream, and the bucket of its snapshots.
//!
//! What is stored is sent on to every node by `RePublish`, at most once; what did not come is read from the log.

use crate::nats::connect::{CALL_TIME, Connection, OpenError};
use async_nats::{
    Subscriber,
    jetstream::{
        consumer::{AckPolicy, DeliverPolicy, pull},
        kv,
        message::StreamMessage,
        stream,
    },
};
use bytes::Bytes;
use futures_util::StreamExt;
use std::time::Duration;

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

/// A word that takes longer is said again.
const PUBLISH_TIME: Duration = Duration::from_secs(2);

/// So many records are read at a time.
const READ_MAX: usize = 500;

/// A consumer that nobody reads from ends after this.
const READER_IDLE: Duration = Duration::from_secs(10);

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
        StreamMessage::try_from(message).ok().map(|message| Placed {
            place: message.sequence,
            time_ms: millis(message.time.unix_timestamp_nanos()),
            batch: message.payload,
        })
    }

    /// Stores a batch; its place.
    pub(super) async fn append(&self, batch: Bytes) -> Result<u64, Trouble> {
        let appending = async {
            let acked = self.connection.jetstream.publish(self.subject(), batch).await?;
            Ok::<_, Trouble>(acked.await?.sequence)
        };
        tokio::time::timeout(PUBLISH_TIME, appending).await?
    }

    /// Reads what lies after a place, oldest first: all of it, or a part.
    pub(super) async fn read(&self, after: u64) -> Result<Vec<Placed>, Trouble> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            ack_policy: AckPolicy::None,
            inactive_threshold: READER_IDLE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let reading = async {
            let mut reader = self.connection.jetstream.create_consumer_on_stream(config, self.name()).await?;
            let mut read = Vec::new();
            let mut messages = reader.fetch().max_messages(READ_MAX).messages().await?;
            while let Some(message) = messages.next().await {
                let message = message?;
                let info = message.info()?;
                let (place, time_ms) = (info.stream_sequence, millis(info.published.unix_timestamp_nanos()));
                read.push(Placed { place, time_ms, batch: message.payload.clone() });
            }
            drop(messages);
            let name = reader.info().await?.name.clone();
            let deleted = self.connection.jetstream.delete_consumer_from_stream(name, self.name()).await;
            // It ends by itself if not.
            drop(deleted);
            Ok::<_, Trouble>(read)
        };
        tokio::time::timeout(CALL_TIME, reading).await?
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

fn millis(nanos: i128) -> u64 {
    u64::try_from(nanos / 1_000_000).unwrap_or_default()
}
