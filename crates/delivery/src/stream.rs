//! The connection under a socket: the kernel's, with or without TLS; a stream of HTTP/2; or in a simulation one that a
//! seed decides over.

use crate::{
    pipe::Pipe,
    tls::{RECORD_BYTES_MAX, Session},
};
use mio::{Interest, Registry, Token, net::TcpStream};
use rustix::fd::{AsFd, BorrowedFd};
use std::{
    cell::RefCell,
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, SocketAddr},
};

/// A connection that never waits.
#[derive(Debug)]
pub struct Stream(Kind);

/// Each with its slot at the edge that owns it: laid out so, all fits into the room of a descriptor, a slot and a few
/// bytes that are free in any case.
#[derive(Debug)]
enum Kind {
    /// The kernel's.
    Tcp(TcpStream, u32),
    /// The kernel's, with what is said on it in records. In a box, so that it is no burden for the others.
    Tls(Box<Tls>, u32),
    /// A stream of HTTP/2, on a connection that somebody else owns.
    Pipe(Pipe, u32),
    /// The simulation's.
    #[cfg(test)]
    Simulated(crate::simulation::ServerEnd, u32),
}

#[derive(Debug)]
struct Tls {
    stream: TcpStream,
    session: Session,
}

/// Ciphertext is read in pieces of this size: what a client says is short.
const CIPHERTEXT_BYTES: usize = 4096;

thread_local! {
    /// What all connections of a thread read their ciphertext into, and gather plaintext in for one record.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

// === impl Stream ===

impl Stream {
    /// A connection without TLS, which must not block.
    #[must_use]
    pub fn plain(stream: std::net::TcpStream) -> Self {
        Self(Kind::Tcp(TcpStream::from_std(stream), 0))
    }

    /// A connection with TLS, after its handshake, which must not block.
    #[must_use]
    pub fn tls(stream: std::net::TcpStream, session: Session) -> Self {
        Self(Kind::Tls(Box::new(Tls { stream: TcpStream::from_std(stream), session }), 0))
    }

    /// A stream of HTTP/2.
    pub(crate) fn pipe(pipe: Pipe) -> Self {
        Self(Kind::Pipe(pipe, 0))
    }

    #[cfg(test)]
    pub(crate) fn simulated(end: crate::simulation::ServerEnd) -> Self {
        Self(Kind::Simulated(end, 0))
    }

    /// Has the kernel say, under its slot, when it can be read or written.
    pub(crate) fn register(&mut self, registry: &Registry, slot: u32) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(_, own) | Kind::Tls(_, own) | Kind::Pipe(_, own) => *own = slot,
            #[cfg(test)]
            Kind::Simulated(_, own) => *own = slot,
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        match &mut self.0 {
            Kind::Tcp(stream, _) => registry.register(stream, Token(slot as usize), interest),
            Kind::Tls(tls, _) => registry.register(&mut tls.stream, Token(slot as usize), interest),
            Kind::Pipe(pipe, _) => {
                pipe.register(slot);
                Ok(())
            }
            #[cfg(test)]
            Kind::Simulated(..) => Ok(()),
        }
    }

    /// Its slot at the edge that owns it.
    pub(crate) fn slot(&self) -> u32 {
        match &self.0 {
            Kind::Tcp(_, slot) | Kind::Tls(_, slot) | Kind::Pipe(_, slot) => *slot,
            #[cfg(test)]
            Kind::Simulated(_, slot) => *slot,
        }
    }

    /// The kernel's end of what is beneath, if it is one of the kernel's.
    fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Tcp(stream, _) => Ok(stream.as_fd()),
            Kind::Tls(tls, _) => Ok(tls.stream.as_fd()),
            Kind::Pipe(pipe, _) => Ok(pipe.line().as_fd()),
            #[cfg(test)]
            Kind::Simulated(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Gives bytes to the other side; how many it took. Fewer than all only if it takes no more for now.
    ///
    /// With TLS, the end of what it took may still wait here: a record is taken as a whole.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing now; others if the connection is gone.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(stream, _) => stream.write(bytes),
            Kind::Tls(tls, _) => tls.write(bytes),
            Kind::Pipe(pipe, _) => pipe.write(bytes),
            #[cfg(test)]
            Kind::Simulated(end, _) => end.write(bytes),
        }
    }

    /// Gives several pieces with one system call, or in one record.
    #[inline]
    pub(crate) fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(stream, _) => stream.write_vectored(pieces),
            Kind::Tls(tls, _) => tls.write_gathered(pieces),
            Kind::Pipe(pipe, _) => write_each(pipe, pieces),
            #[cfg(test)]
            Kind::Simulated(end, _) => {
                end.write(&pieces.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>())
            }
        }
    }

    /// Whether bytes that were taken wait for the other side to take them. They go before all others, with
    /// [`flush`](Self::flush).
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        match &self.0 {
            Kind::Tls(tls, _) => !tls.session.outgoing().is_empty(),
            _ => false,
        }
    }

    /// Sends what is pending, as far as it goes; how much went.
    ///
    /// # Errors
    /// `WouldBlock` if something is pending and nothing went.
    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tls(tls, _) if !tls.session.outgoing().is_empty() => tls.flush(),
            _ => Ok(0),
        }
    }

    /// Takes what the other side sent; 0 if it sends no more.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(stream, _) => stream.read(into),
            Kind::Tls(tls, _) => tls.read(into),
            Kind::Pipe(pipe, _) => pipe.read(),
            #[cfg(test)]
            Kind::Simulated(end, _) => end.read(into),
        }
    }

    /// Whether a read that did not fill its buffer leaves nothing behind: else it is to be read until it says
    /// `WouldBlock`, for the kernel tells of what is there only once.
    pub(crate) fn is_drained_by_short_reads(&self) -> bool {
        !matches!(self.0, Kind::Tls(..))
    }

    /// Says farewell in order where the other side still reads.
    pub fn shutdown(&mut self) {
        match &mut self.0 {
            Kind::Tcp(stream, _) => drop(stream.shutdown(Shutdown::Write)),
            Kind::Tls(tls, _) => {
                tls.session.close();
                let _ = tls.flush();
                drop(tls.stream.shutdown(Shutdown::Write));
            }
            Kind::Pipe(pipe, _) => pipe.end(),
            #[cfg(test)]
            Kind::Simulated(end, _) => end.shutdown(),
        }
    }

    /// Both ends' addresses.
    pub(crate) fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        let stream = self.descriptor()?;
        let address = |any| SocketAddr::try_from(any).map_err(io::Error::from);
        Ok((
            address(rustix::net::getsockname(stream)?)?,
            address(rustix::net::getpeername(stream)?.ok_or(io::ErrorKind::NotConnected)?)?,
        ))
    }

    /// Whether the kernel asks by itself if the other side is there. A connection of which this is a part keeps its own
    /// way.
    pub(crate) fn set_keepalive(&self, on: bool) -> io::Result<()> {
        if matches!(self.0, Kind::Pipe(..)) {
            return Ok(());
        }
        Ok(rustix::net::sockopt::set_socket_keepalive(self.descriptor()?, on)?)
    }

    /// How long the kernel waits for what it sent to be acknowledged; 0 for as long as it likes.
    pub(crate) fn set_user_timeout(&self, milliseconds: u32) -> io::Result<()> {
        Ok(rustix::net::sockopt::set_tcp_user_timeout(self.descriptor()?, milliseconds)?)
    }
}

/// As many of the pieces as there is room for.
#[inline(never)]
fn write_each(pipe: &Pipe, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut taken = 0;
    for piece in pieces {
        match pipe.write(piece) {
            Ok(count) => {
                taken += count;
                if count < piece.len() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

// === impl Tls ===

impl Tls {
    /// Sends what is outgoing until the kernel takes no more.
    fn flush(&mut self) -> io::Result<usize> {
        let mut gone = 0;
        while !self.session.outgoing().is_empty() {
            match self.stream.write(self.session.outgoing()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.session.sent(count);
                    gone += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && gone > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }

    /// Sends what is outgoing from before; nothing new may be said until it is gone.
    fn make_way(&mut self) -> io::Result<()> {
        self.flush()?;
        if self.session.outgoing().is_empty() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Says one record. Whether all of it is with the kernel.
    fn say(&mut self, record: &[u8]) -> io::Result<bool> {
        self.session.send(record).map_err(io::Error::other)?;
        match self.flush() {
            Ok(_) => Ok(self.session.outgoing().is_empty()),
            // It was made and cannot be taken back.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    // Apart, so that connections without TLS have the short way.
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.make_way()?;
        let mut taken = 0;
        for record in bytes.chunks(RECORD_BYTES_MAX) {
            taken += record.len();
            if !self.say(record)? {
                break;
            }
        }
        Ok(taken)
    }

    /// Small frames share a record.
    #[inline(never)]
    fn write_gathered(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.make_way()?;
        SCRATCH.with_borrow_mut(|record| {
            record.clear();
            let mut taken = 0;
            for piece in pieces {
                let mut rest: &[u8] = piece;
                while !rest.is_empty() {
                    let (head, tail) = rest.split_at(rest.len().min(RECORD_BYTES_MAX - record.len()));
                    record.extend_from_slice(head);
                    rest = tail;
                    if record.len() == RECORD_BYTES_MAX {
                        taken += record.len();
                        if !self.say(record)? {
                            return Ok(taken);
                        }
                        record.clear();
                    }
                }
            }
            if !record.is_empty() {
                taken += record.len();
                self.say(record)?;
            }
            Ok(taken)
        })
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.session.take_plain(into);
            if count > 0 || self.session.peer_closed() {
                return Ok(count);
            }
            SCRATCH.with_borrow_mut(|ciphertext| {
                ciphertext.resize(CIPHERTEXT_BYTES, 0);
                let count = self.stream.read(ciphertext)?;
                if count == 0 {
                    // Cut off, without a farewell; the frames know by themselves whether they are whole.
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.session.receive(&ciphertext[..count]).map_err(|error| {
                    let _ = self.flush();
                    io::Error::new(io::ErrorKind::InvalidData, error)
                })
            })?;
        }
    }
}
