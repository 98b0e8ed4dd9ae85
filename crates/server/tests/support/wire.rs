//! A TCP connection with a deadline on every read, with TLS if the server speaks it.

use super::{PATIENCE, tls::Tls};
use rustls::ClientConnection;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Bytes in both directions.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    buffer: Vec<u8>,
    start: usize,
    /// How long a read may take from its beginning to its end.
    pub(crate) patience: Duration,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_with(address, None)
    }

    /// The handshake is made by the first send.
    pub(crate) fn connect_with(address: SocketAddr, tls: Option<&Tls>) -> io::Result<Self> {
        let tls = tls.map(|tls| Box::new(tls.connection()));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, tls, buffer: Vec::new(), start: 0, patience: PATIENCE })
    }

    /// With the handshake made.
    pub(crate) fn shaken(address: SocketAddr, tls: &Tls) -> io::Result<Self> {
        let mut wire = Self::connect_with(address, Some(tls))?;
        wire.send(b"")?;
        Ok(wire)
    }

    /// The certificate that the other side has shown.
    pub(crate) fn certificate(&mut self) -> Option<Vec<u8>> {
        Some(self.tls().peer_certificates()?.first()?.to_vec())
    }

    /// Whether the other side has ended, as a client looks before it uses a connection again.
    pub(crate) fn has_ended(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.stream.write_all(bytes) };
        self.stream.set_read_timeout(Some(PATIENCE))?;
        let mut rest = bytes;
        while tls.is_handshaking() || tls.wants_write() || !rest.is_empty() {
            let taken = tls.writer().write(rest)?;
            rest = &rest[taken..];
            tls.complete_io(&mut self.stream)?;
        }
        Ok(())
    }

    /// What was agreed on.
    pub(crate) fn tls(&mut self) -> &mut ClientConnection {
        self.tls.as_mut().unwrap()
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Reads more; false at the end.
    fn fill(&mut self, deadline: Instant) -> io::Result<bool> {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > 1 << 20 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 16 * 1024];
        let read = match &mut self.tls {
            None => self.stream.read(&mut chunk),
            // An end without a farewell is an error here (`UnexpectedEof`).
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.stream).read(&mut chunk),
        };
        match read {
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(count > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Exactly `count` bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        while self.unread().len() < count {
            if !self.fill(deadline)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let bytes = self.unread()[..count].to_vec();
        self.start += count;
        Ok(bytes)
    }

    /// Everything up to `mark`, which is taken too but not returned. `None` at an end before anything came.
    pub(crate) fn up_to(&mut self, mark: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let deadline = Instant::now() + self.patience;
        let mut searched = 0;
        loop {
            let from = searched;
            let found = self.unread()[from..].windows(mark.len()).position(|window| window == mark);
            if let Some(at) = found {
                let bytes = self.unread()[..from + at].to_vec();
                self.start += from + at + mark.len();
                return Ok(Some(bytes));
            }
            searched = self.unread().len().saturating_sub(mark.len() - 1);
            if !self.fill(deadline)? {
                let clean = self.unread().is_empty();
                return if clean { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Everything until the other side ends.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        while self.fill(deadline)? {}
        Ok(std::mem::take(&mut self.buffer).split_off(std::mem::take(&mut self.start)))
    }
}
