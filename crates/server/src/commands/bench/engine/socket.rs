//! One socket that is opened and then gets messages.

use super::{
    course::Course,
    peer::{Opening, Transport},
    websocket,
    wire::Wire,
};

/// A frame longer than this is none that a measurement sends.
const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How far the opening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    /// The request is sent; its answer is awaited.
    Asked,
    /// It was answered, and so many of the peer's steps are done.
    Steps(u8),
    Open,
    /// Refused, cut or closed.
    Gone,
}

pub(crate) struct Socket {
    /// None when it is gone.
    pub(crate) wire: Option<Wire>,
    pub(crate) phase: Phase,
    /// When its opening began.
    pub(crate) began: u64,
    /// What came of a frame that is not whole; empty nearly always.
    pub(crate) carry: Vec<u8>,
    pub(crate) course: Course,
    /// Up to where it has had everything, where that is remembered.
    pub(crate) cursor: String,
}

impl Socket {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            wire: None,
            phase: Phase::Gone,
            began: now,
            carry: Vec::new(),
            course: Course::default(),
            cursor: String::new(),
        }
    }
}

/// What is found at the beginning of what came.
pub(crate) enum Unit<'a> {
    Partly,
    /// A frame, or an event: this is looked at, and so many bytes are done with.
    Frame {
        payload: &'a [u8],
        length: usize,
    },
    Ping {
        payload: &'a [u8],
        length: usize,
    },
    /// The server ends it, and says why.
    Closed(String),
    Nothing {
        length: usize,
    },
}

/// Takes the answer's head off; `Err` says why it is none that opens a socket.
pub(crate) fn head(opening: &Opening, data: &[u8]) -> Result<Option<usize>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(data) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if data.len() < 64 * 1024 => return Ok(None),
        _ => return Err("what answers does not speak HTTP".into()),
    };
    let wanted = match opening.transport {
        Transport::Ws => 101,
        Transport::Sse => 200,
    };
    match response.code {
        Some(status) if status == wanted => Ok(Some(length)),
        status => {
            let body = String::from_utf8_lossy(&data[length..data.len().min(length + 300)]).into_owned();
            Err(format!(
                "status {} instead of {wanted}: {}",
                status.unwrap_or(0),
                body.replace(['\r', '\n'], " ")
            ))
        }
    }
}

/// The first frame or event.
pub(crate) fn first(transport: Transport, data: &[u8]) -> Unit<'_> {
    if data.len() > FRAME_BYTES_MAX {
        return Unit::Closed("a frame of over 4 MiB".into());
    }
    match transport {
        Transport::Ws => frame(data),
        Transport::Sse => event(data),
    }
}

fn frame(data: &[u8]) -> Unit<'_> {
    let Some(frame) = websocket::first(data) else { return Unit::Partly };
    let websocket::Frame { opcode, payload, length } = frame;
    match opcode {
        websocket::PING => Unit::Ping { payload, length },
        websocket::CLOSE => Unit::Closed(websocket::close_reason(payload)),
        websocket::TEXT | websocket::BINARY => Unit::Frame { payload, length },
        _ => Unit::Nothing { length },
    }
}

/// Events end with an empty line. Where they come in chunks, the chunks' heads lie between them.
fn event(data: &[u8]) -> Unit<'_> {
    let ends = [(&b"\n\n"[..], 2), (b"\n\r\n", 3)];
    let found = ends
        .iter()
        .filter_map(|(end, length)| Some(data.windows(*length).position(|window| window == *end)? + length));
    let Some(length) = found.min() else { return Unit::Partly };
    Unit::Frame { payload: &data[..length], length }
}

/// The cursor after a frame of Downlink: a message's place, or what an open frame, a ping or a gap says.
pub(crate) fn cursor(transport: Transport, payload: &[u8]) -> Option<&str> {
    let (names, end): (&[&[u8]], u8) = match transport {
        Transport::Ws => (&[b"{\"id\":\"", b"\"cursor\":\""], b'"'),
        Transport::Sse => (&[b"id: ", b"id:"], b'\n'),
    };
    let head = &payload[..payload.len().min(120)];
    let found = names.iter().find_map(|name| {
        let at = head.windows(name.len()).position(|window| window == *name)? + name.len();
        let length = head[at..].iter().position(|byte| *byte == end)?;
        std::str::from_utf8(&head[at..at + length]).ok()
    });
    found.map(str::trim).filter(|cursor| !cursor.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_found_on_both_transports() {
        for (transport, frame, wanted) in [
            (Transport::Ws, r#"{"id":"k3f.17","data":"hello"}"#, Some("k3f.17")),
            (Transport::Ws, r#"{"type":"open","cursor":"k3f.12","socket":"s","ping":15}"#, Some("k3f.12")),
            (Transport::Ws, r#"{"data":"not stored"}"#, None),
            (Transport::Sse, "id: k3f.17\ndata: hello\n\n", Some("k3f.17")),
            (Transport::Sse, "event: ready\nid: k3f.12\ndata: {}\n\n", Some("k3f.12")),
            (Transport::Sse, "data: not stored\n\n", None),
        ] {
            assert_eq!(cursor(transport, frame.as_bytes()), wanted, "{frame}");
        }
    }

    #[test]
    fn an_event_is_taken_when_its_empty_line_is_there() {
        assert!(matches!(event(b"id: 1\ndata: x\n"), Unit::Partly));
        assert!(matches!(event(b"id: 1\ndata: x\n\nid"), Unit::Frame { length: 15, .. }));
    }
}
