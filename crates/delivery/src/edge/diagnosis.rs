//! What the kernel knows of one connection: whether bytes wait for a slow reader, or for a network that is gone.
//!
//! A reader that takes nothing closes its window; our kernel then asks it now and then, and an answer shows that it is there. A
//! peer that is gone answers nothing. From outside both look alike, so the kernel is asked, by the one call that answers for
//! one connection in constant time: sock_diag (sock_diag(7)). It is a message on a netlink socket, so no `unsafe` is needed.

use rustix::{
    fd::OwnedFd,
    io::{self, Errno},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with},
};
use std::net::{IpAddr, SocketAddr};

/// Asks the kernel about connections of this process.
#[derive(Debug)]
pub(super) struct Diagnosis {
    netlink: OwnedFd,
}

/// What a connection that takes no bytes waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For its reader: the window is closed, and so many of the kernel's last questions were not answered.
    Reader {
        /// Questions without an answer.
        unanswered: u8,
    },
    /// For the network, or for nothing any more.
    Network,
}

/// The netlink message header, and `struct inet_diag_req_v2` behind it (linux/inet_diag.h).
const REQUEST_BYTES: usize = HEADER_BYTES + 56;
const HEADER_BYTES: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
/// `INET_DIAG_NOCOOKIE`: any connection of these addresses.
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// The value of `idiag_timer` while a closed window is probed.
const TIMER_PROBE: u8 = 4;

impl Diagnosis {
    /// A way to ask.
    ///
    /// # Errors
    /// Where the kernel, or whoever confines this process, allows none.
    pub(super) fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let protocol = Some(netlink::INET_DIAG);
        Ok(Self { netlink: socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)? })
    }

    /// What a connection waits for. The kernel answers before `send` returns.
    ///
    /// # Errors
    /// If the kernel does not know the connection, or does not answer such questions.
    pub(super) fn ask(&self, local: SocketAddr, peer: SocketAddr) -> io::Result<Waiting> {
        let mut buffer = [0; 512];
        // An answer that an earlier question left behind would be taken for this one's.
        while recv(&self.netlink, &mut buffer[..], RecvFlags::DONTWAIT).is_ok() {}
        send(&self.netlink, &request(local, peer), SendFlags::empty())?;
        let (count, _) = recv(&self.netlink, &mut buffer[..], RecvFlags::DONTWAIT)?;
        read_answer(&buffer[..count])
    }
}

fn request(local: SocketAddr, peer: SocketAddr) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    bytes[0..4].copy_from_slice(&(REQUEST_BYTES as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    let body = &mut bytes[HEADER_BYTES..];
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    body[0] = family.as_raw() as u8;
    body[1] = IPPROTO_TCP;
    // All states of a connection.
    body[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    body[8..10].copy_from_slice(&local.port().to_be_bytes());
    body[10..12].copy_from_slice(&peer.port().to_be_bytes());
    write_address(&mut body[12..28], local.ip());
    write_address(&mut body[28..44], peer.ip());
    body[48..56].copy_from_slice(&NO_COOKIE);
    bytes
}

fn write_address(into: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(address) => into[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => into.copy_from_slice(&address.octets()),
    }
}

/// Reads the beginning of `struct inet_diag_msg`: family, state, timer, retries.
fn read_answer(bytes: &[u8]) -> io::Result<Waiting> {
    let kind = bytes.get(4..6).and_then(|kind| kind.try_into().ok()).map(u16::from_ne_bytes);
    match (kind, bytes.get(HEADER_BYTES..HEADER_BYTES + 4)) {
        (Some(SOCK_DIAG_BY_FAMILY), Some(&[_, _, TIMER_PROBE, unanswered])) => {
            Ok(Waiting::Reader { unanswered })
        }
        (Some(SOCK_DIAG_BY_FAMILY), Some(_)) => Ok(Waiting::Network),
        // NLMSG_ERROR, with the number of an error below zero.
        (_, Some(error)) => {
            let number = error.try_into().map(i32::from_ne_bytes).unwrap_or_default();
            Err(Errno::from_raw_os_error(-number))
        }
        _ => Err(Errno::BADMSG),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may")]
mod tests {
    use super::*;
    use std::{
        io::Write,
        net::{TcpListener, TcpStream},
        thread,
        time::Duration,
    };

    /// A connection whose reader has stopped, and that takes no more.
    fn blocked(address: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(address).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        // Until the kernel has taken nothing for a while: it moves bytes to the other side meanwhile.
        let mut idle = 0;
        while idle < 20 {
            idle = if ours.write(&[0; 65536]).is_ok() { 0 } else { idle + 1 };
            thread::sleep(Duration::from_millis(5));
        }
        (ours, peer)
    }

    #[test]
    fn a_reader_that_stopped_is_told_from_a_connection_that_flows() {
        let diagnosis = Diagnosis::new().unwrap();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (ours, peer) = blocked(address);
            let (local, remote) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
            let waiting = diagnosis.ask(local, remote).unwrap();
            assert!(matches!(waiting, Waiting::Reader { unanswered: 0 | 1 }), "{address}: {waiting:?}");
            // The other end of it waits for nothing.
            assert_eq!(diagnosis.ask(remote, local).unwrap(), Waiting::Network, "{address}");
            drop(peer);
        }
    }

    #[test]
    fn a_connection_that_is_not_there_is_an_error() {
        let diagnosis = Diagnosis::new().unwrap();
        let nowhere = "127.0.0.1:1".parse().unwrap();
        assert_eq!(diagnosis.ask(nowhere, nowhere), Err(Errno::NOENT));
        assert_eq!(read_answer(&[]), Err(Errno::BADMSG));
    }
}
