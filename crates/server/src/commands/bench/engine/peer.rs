//! How a server is spoken to, as data: how a socket is opened, and how a message goes in.

use super::{template::Template, wire::Endpoint};

/// How a socket's messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// WebSocket.
    Ws,
    /// Server-sent events.
    Sse,
}

pub(crate) struct Peer {
    pub(crate) opening: Opening,
    pub(crate) publishing: Publishing,
    /// The call that makes a channel's token, where sockets need one.
    pub(crate) tokens: Option<Call>,
    /// Whether sockets come back with a cursor.
    pub(crate) resumes: bool,
}

/// How a socket is opened.
pub(crate) struct Opening {
    pub(crate) endpoint: Endpoint,
    pub(crate) transport: Transport,
    /// The whole head of the request.
    pub(crate) request: Template,
    /// After the server's answer: once a frame has the first, the second is said. An empty first waits for nothing.
    pub(crate) steps: Vec<(Vec<u8>, Template)>,
    /// The socket is open when a frame has this; empty: when the last step is done.
    pub(crate) ready: Vec<u8>,
    /// Whether what is said are frames of bytes.
    pub(crate) binary: bool,
    /// A frame that begins with the first is answered with the second.
    pub(crate) ping: Option<(Vec<u8>, Vec<u8>)>,
}

/// How a message goes in.
pub(crate) struct Publishing {
    pub(crate) endpoint: Endpoint,
    pub(crate) carrier: Carrier,
    pub(crate) one: Call,
    pub(crate) batch: Option<Call>,
}

/// What carries the calls.
pub(crate) enum Carrier {
    Http,
    /// Lines over TCP: `hello` is said first; each message is answered by a line that begins with `answer`.
    Lines {
        hello: Vec<u8>,
        answer: Vec<u8>,
    },
}

/// A request, or a line, with one message or several.
#[derive(Clone, Default)]
pub(crate) struct Call {
    /// Method, target and headers, but for `Content-Length`; empty where lines are spoken.
    pub(crate) head: Template,
    pub(crate) before: Template,
    pub(crate) item: Template,
    pub(crate) between: Vec<u8>,
    pub(crate) after: Template,
}

impl Call {
    /// The head of a POST; `headers` each with their line's end.
    pub(crate) fn head(target: &str, host: &str, headers: &str) -> Template {
        Template::new(&format!("POST {target} HTTP/1.1\r\nHost: {host}\r\n{headers}"))
    }
}
