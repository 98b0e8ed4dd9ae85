//! The connection under a socket: the kernel's, or in a simulation one that a seed decides over.

use mio::net::TcpStream;
use std::{
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, SocketAddr},
};

/// A connection that never waits.
#[derive(Debug)]
pub(crate) enum Stream {
    /// The kernel's.
    Tcp(TcpStream),
    /// The simulation's.
    #[cfg(test)]
    Simulated(crate::simulation::ServerEnd),
}

impl Stream {
    /// Gives bytes to the other side; how many it took.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).write(bytes),
            #[cfg(test)]
            Self::Simulated(end) => end.write(bytes),
        }
    }

    /// Gives several pieces with one system call.
    pub(crate) fn write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).write_vectored(pieces),
            #[cfg(test)]
            Self::Simulated(end) => {
                end.write(&pieces.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>())
            }
        }
    }

    /// Takes what the other side sent; 0 if it sends no more.
    pub(crate) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).read(into),
            #[cfg(test)]
            Self::Simulated(end) => end.read(into),
        }
    }

    /// Says farewell in order where the other side still reads.
    pub(crate) fn shutdown(&self) {
        match self {
            Self::Tcp(stream) => drop(stream.shutdown(Shutdown::Write)),
            #[cfg(test)]
            Self::Simulated(end) => end.shutdown(),
        }
    }

    /// Both ends' addresses.
    pub(crate) fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        match self {
            Self::Tcp(stream) => Ok((stream.local_addr()?, stream.peer_addr()?)),
            #[cfg(test)]
            Self::Simulated(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// How long the kernel waits for what it sent to be acknowledged; 0 for as long as it likes.
    pub(crate) fn set_user_timeout(&self, milliseconds: u32) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds)?),
            #[cfg(test)]
            Self::Simulated(_) => Ok(()),
        }
    }
}
