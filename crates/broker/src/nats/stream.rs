//! The stream of all messages.

use super::{
    Options,
    connect::{Connection, OpenError},
};
use crate::local::Durability;
use async_nats::jetstream::{
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, Info, StorageType},
};

/// Opens the stream, or makes it; brings its retention to what is configured.
///
/// # Errors
/// [`OpenError`].
pub(super) async fn open(connection: &Connection, options: &Options) -> Result<Info, OpenError> {
    let wanted = config(connection, options);
    match connection.jetstream.get_stream(&wanted.name).await {
        Ok(stream) => {
            let there = stream.cached_info();
            fits(&there.config, &wanted)?;
            if same_limits(&there.config, &wanted) {
                return Ok(there.clone());
            }
            tracing::info!(stream = wanted.name, "the stream gets the retention that is configured here");
            let updated = Config {
                max_messages_per_subject: wanted.max_messages_per_subject,
                max_age: wanted.max_age,
                max_bytes: wanted.max_bytes,
                duplicate_window: wanted.duplicate_window,
                num_replicas: wanted.num_replicas,
                ..there.config.clone()
            };
            let updated = connection.jetstream.update_stream(&updated).await;
            updated.map_err(|error| refused(connection, &error.to_string()))
        }
        Err(error) if is_missing(&error.kind()) => make(connection, &wanted).await,
        Err(error) => Err(refused(connection, &error.to_string())),
    }
}

/// Makes the stream again if it was deleted while the program ran.
pub(super) async fn look(connection: &Connection, options: &Options) -> Result<Info, OpenError> {
    let name = connection.names.stream();
    match connection.jetstream.get_stream(&name).await {
        Ok(stream) => Ok(stream.cached_info().clone()),
        Err(error) if is_missing(&error.kind()) => {
            tracing::error!(
                stream = name,
                "the stream was deleted: it is made anew, and what was in it is gone"
            );
            make(connection, &config(connection, options)).await
        }
        Err(error) => Err(refused(connection, &error.to_string())),
    }
}

async fn make(connection: &Connection, wanted: &Config) -> Result<Info, OpenError> {
    match connection.jetstream.create_stream(wanted.clone()).await {
        Ok(stream) => Ok(stream.cached_info().clone()),
        // Another node was faster.
        Err(error) => match connection.jetstream.get_stream(&wanted.name).await {
            Ok(stream) => Ok(stream.cached_info().clone()),
            Err(_) => Err(refused(connection, &sentence(&error.kind()))),
        },
    }
}

/// The stream as it is, if it is there.
///
/// # Errors
/// [`OpenError`], also if it is not one that would do.
pub(super) async fn seen(connection: &Connection, options: &Options) -> Result<Option<Info>, OpenError> {
    let wanted = config(connection, options);
    match connection.jetstream.get_stream(&wanted.name).await {
        Ok(stream) => {
            let there = stream.cached_info();
            fits(&there.config, &wanted)?;
            Ok(Some(there.clone()))
        }
        Err(error) if is_missing(&error.kind()) => Ok(None),
        Err(error) => Err(refused(connection, &error.to_string())),
    }
}

fn config(connection: &Connection, options: &Options) -> Config {
    Config {
        name: connection.names.stream(),
        description: Some("Messages of Downlink".into()),
        subjects: vec![format!("{}*", connection.names.message_root())],
        // One more than is given to anybody: it is the witness that something before the rest is gone.
        max_messages_per_subject: i64::from(options.retention_messages) + 1,
        max_age: options.retention,
        max_bytes: i64::try_from(options.retention_bytes).unwrap_or(i64::MAX),
        discard: DiscardPolicy::Old,
        storage: storage(options),
        num_replicas: options.connect.replicas,
        allow_direct: true,
        // The server takes none that is longer than messages are kept.
        duplicate_window: options.idempotency_window.min(options.retention),
        ..Config::default()
    }
}

fn storage(options: &Options) -> StorageType {
    if options.durability == Durability::Memory { StorageType::Memory } else { StorageType::File }
}

/// What cannot be changed must be as it is wanted.
fn fits(there: &Config, wanted: &Config) -> Result<(), OpenError> {
    let name = &wanted.name;
    if there.subjects != wanted.subjects || !there.allow_direct || there.discard != DiscardPolicy::Old {
        return Err(OpenError::lasting(format!(
            "the stream {name} in JetStream is not one that Downlink made; choose another broker.prefix"
        )));
    }
    if there.storage != wanted.storage {
        return Err(OpenError::lasting(format!(
            "the stream {name} keeps its messages {}, and durability asks for the other; delete the stream, or choose \
             another broker.prefix",
            if there.storage == StorageType::Memory { "in memory" } else { "in files" }
        )));
    }
    Ok(())
}

fn same_limits(there: &Config, wanted: &Config) -> bool {
    there.max_messages_per_subject == wanted.max_messages_per_subject
        && there.max_age == wanted.max_age
        && there.max_bytes == wanted.max_bytes
        && there.duplicate_window == wanted.duplicate_window
        && there.num_replicas == wanted.num_replicas
}

fn is_missing(error: &GetStreamErrorKind) -> bool {
    use async_nats::jetstream::ErrorCode;
    matches!(error, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn sentence(error: &CreateStreamErrorKind) -> String {
    match error {
        CreateStreamErrorKind::JetStream(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn refused(connection: &Connection, why: &str) -> OpenError {
    OpenError::passing(format!(
        "the stream {} cannot be used in JetStream ({why}); see that its servers are up ({} of them for as many \
         replicas), have room for retention.bytes, and that the user may use $JS.API.> and {}>",
        connection.names.stream(),
        connection.replicas,
        connection.names.message_root(),
    ))
}
