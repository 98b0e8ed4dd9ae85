//! The canary's socket at an edge, and who reads it: both on the edge's own thread, so that a thread that hangs is seen.

use super::Canary;
use broker::message::Position;
use delivery::{edge::Edge, open::Request, stream::Stream};
use protocol::{
    id::ClientId,
    limits::CANARY_PERIOD,
    socket::{Seconds, Transport},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    os::{fd::OwnedFd, unix::net::UnixStream},
    rc::Rc,
    sync::Arc,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::sleep,
};

/// Keeps a socket open at this edge until the node stops.
pub(crate) async fn perch(canary: Arc<Canary>, edge: Rc<Edge>) {
    let mut failed = false;
    while !edge.hub().is_draining() {
        match sit(&canary, &edge).await {
            // It says so once: it is tried again every second.
            Err(error) if !std::mem::replace(&mut failed, true) => {
                tracing::warn!(%error, edge = edge.index(), "the canary has no socket");
            }
            result => failed = result.is_err(),
        }
        sleep(CANARY_PERIOD).await;
    }
}

/// Opens a socket, and reads what comes until it ends.
async fn sit(canary: &Canary, edge: &Rc<Edge>) -> io::Result<()> {
    // No port, no firewall, and not in the lists of an operator who counts connections.
    let (browser, server) = UnixStream::pair()?;
    browser.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let hub = edge.hub();
    let request = Request {
        id: ClientId::canary(),
        position: Position::After(hub.broker.end()),
        transport: Transport::Lines,
        silence: None,
        token: (None, u64::MAX),
        expires_at: Seconds::MAX,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let opened = hub.open(request, edge.index()).await.map_err(|refused| io::Error::other(refused.reason))?;
    let server = std::net::TcpStream::from(OwnedFd::from(server));
    edge.adopt(Stream::plain(server), opened, b"", &mut []);
    let mut lines = BufReader::new(tokio::net::UnixStream::from_std(browser)?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(message) = read(&line) {
            canary.arrived(edge.index(), message);
        }
    }
    Ok(())
}

/// The kind, the node's tag and the number of the message in a frame, if it is one.
fn read(line: &str) -> Option<(char, u32, u64)> {
    let (_, data) = line.split_once(r#""data":""#)?;
    let (data, _) = data.split_once('"')?;
    let mut letters = data.chars();
    let kind = letters.next()?;
    let (tag, number) = letters.as_str().split_once('.')?;
    Some((kind, tag.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_from_other_frames() {
        assert_eq!(read(r#"{"id":"k3f.17","data":"s7.12"}"#), Some(('s', 7, 12)));
        assert_eq!(read(r#"{"data":"p7.3"}"#), Some(('p', 7, 3)));
        assert_eq!(read(r#"{"type":"ping","cursor":"k3f.52"}"#), None);
    }
}
