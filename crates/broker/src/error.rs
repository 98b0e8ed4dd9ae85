//! Why a message was not stored, or what is kept could not be read.

/// Why a message was not stored. `Ok` is the only word that means that it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No room; nothing is lost, and sends go on by themselves when there is room.
    #[error(
        "the disk is full; free some space or lower the retention, sends are accepted again by themselves"
    )]
    DiskFull,
    /// The storage failed while this message was written: it may or may not be kept.
    #[error("the storage failed while the message was written; whether it is kept is not known")]
    OutcomeUnknown,
    /// The storage failed earlier.
    #[error(
        "the storage failed earlier and takes no messages until the server is started again; see its log"
    )]
    Unavailable,
    /// What all nodes keep their messages in cannot be reached, or has no leader: the message was not stored.
    #[error(
        "the servers that keep the messages (NATS) cannot be reached at this moment; send again in a moment"
    )]
    Away,
    /// More waits to be written than is allowed.
    #[error("more messages are waiting to be written than the server takes; send again in a moment")]
    Overloaded,
    /// The Idempotency-Key was used for another message.
    #[error("this Idempotency-Key was used for another message; make a new key for each message")]
    KeyReused,
    /// The server is stopping.
    #[error("the server is stopping; send again in a moment")]
    Stopping,
}

/// What is kept could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is kept of this channel could not be read: {0}")]
pub struct ReadError(pub String);

/// Why a change of presence or a deletion was not written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No room. It works again when there is.
    #[error("the disk is full; free some space")]
    Full,
    /// The disk failed. Tried again with a new file.
    #[error("the disk failed; see the server's log")]
    Failed,
    /// What the nodes share could not be reached, or this node does not count there at the moment. Tried again.
    #[error("NATS cannot be reached, or this node was counted out for its silence and is on its way back")]
    Away,
}
