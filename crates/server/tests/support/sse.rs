//! Server-sent events as a plain `EventSource` reads them (WHATWG HTML, 9.2.6).

use super::wire::Wire;
use std::io;

/// One block of the stream.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    /// `None` for a block without data, which calls no handler.
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<u32>,
}

/// Reads one block; `None` at the end.
pub(crate) fn read(wire: &mut Wire) -> io::Result<Option<Event>> {
    let Some(block) = wire.up_to(b"\n\n")? else { return Ok(None) };
    let block = String::from_utf8(block).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut event = Event::default();
    for line in block.split(['\n', '\r']) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "retry" => event.retry = value.parse().ok(),
            "data" => match &mut event.data {
                Some(data) => *data = format!("{data}\n{value}"),
                None => event.data = Some(value.to_owned()),
            },
            "" => {}
            other => panic!("unknown field {other:?}"),
        }
    }
    Ok(Some(event))
}
