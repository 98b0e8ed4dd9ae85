//! What systemd gives, and what it wants to hear: a socket that listens already (`LISTEN_FDS`), and how the service
//! does (`NOTIFY_SOCKET`). Without it, both are nothing.

use std::{
    io,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

/// It serves.
pub(crate) const READY: &str = "READY=1";
/// It ends, in order.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// The socket that was passed, if there is one. While nobody serves it, connections to it wait: a restart refuses none.
pub(crate) fn listener() -> io::Result<Option<TcpListener>> {
    let mut passed = listenfd::ListenFd::from_env();
    if passed.len() > 1 {
        let why = format!("{} sockets were passed; the server serves one", passed.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    passed.take_tcp_listener(0)
}

/// Tells how the service does. Nobody may be there to hear it, which is no reason to fail.
pub(crate) fn tell(state: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty()) else { return };
    if let Err(error) = send(place.as_encoded_bytes(), state) {
        tracing::warn!(%error, "NOTIFY_SOCKET does not hear how the service does");
    }
}

fn send(place: &[u8], state: &str) -> io::Result<()> {
    let address = match place {
        // Containers have it in the abstract namespace.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::path::Path::new(&*String::from_utf8_lossy(path)))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}
