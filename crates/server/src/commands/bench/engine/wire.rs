//! One connection, plain or TLS, that never blocks.

use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::Duration,
};

/// Where connections go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    /// As it stands in a request's `Host`.
    pub(crate) host: String,
    /// The name that its certificate must have, and what is trusted; without it the connection is plain.
    pub(crate) tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
}

pub(crate) struct Wire {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// What the kernel did not take yet; empty nearly always.
    unsent: Vec<u8>,
}

/// What a read has found.
pub(crate) enum Input {
    Bytes(usize),
    Nothing,
    End,
}

impl Wire {
    /// Begins to connect. It is connected when it is writable, and not if a read says otherwise.
    pub(crate) fn connect(endpoint: &Endpoint, source: Option<Ipv4Addr>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(endpoint.address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // It ends with a reset: thousands that end at once leave no ports that wait.
        socket.set_linger(Some(Duration::ZERO))?;
        if let Some(source) = source {
            socket.bind(&SocketAddrV4::new(source, 0).into())?;
        }
        match socket.connect(&endpoint.address.into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            _ => {}
        }
        let tls = match &endpoint.tls {
            None => None,
            Some((name, config)) => {
                let session = ClientConnection::new(Arc::clone(config), name.clone());
                let mut session = session.map_err(io::Error::other)?;
                // What is written is bounded by who writes: one request at a time.
                session.set_buffer_limit(None);
                Some(Box::new(session))
            }
        };
        Ok(Self { stream: socket.into(), tls, unsent: Vec::new() })
    }

    /// Sends what can be sent, and keeps the rest for [`flush`](Self::flush).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            return self.flush();
        }
        let mut sent = 0;
        if self.unsent.is_empty() {
            sent = taken((&self.stream).write(bytes))?;
        }
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what was kept. Call it when the descriptor is writable.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                if taken(tls.write_tls(&mut &self.stream))? == 0 {
                    break;
                }
            }
            return Ok(());
        }
        if !self.unsent.is_empty() {
            let sent = taken((&self.stream).write(&self.unsent))?;
            self.unsent.drain(..sent);
            if self.unsent.is_empty() {
                self.unsent = Vec::new();
            }
        }
        Ok(())
    }

    /// Whether something waits for the descriptor to become writable.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Reads once. `scratch` has more room than one TLS record, so nothing stays in the session.
    pub(crate) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Input> {
        let Some(tls) = &mut self.tls else { return input((&self.stream).read(scratch)) };
        match input(tls.read_tls(&mut &self.stream))? {
            Input::Bytes(_) => {}
            nothing_or_end => return Ok(nothing_or_end),
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        let mut filled = 0;
        while filled < scratch.len() {
            match input(tls.reader().read(&mut scratch[filled..]))? {
                Input::Bytes(more) => filled += more,
                Input::Nothing => break,
                Input::End if filled == 0 => return Ok(Input::End),
                Input::End => break,
            }
        }
        self.flush()?;
        Ok(if filled == 0 { Input::Nothing } else { Input::Bytes(filled) })
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn taken(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if is_later(&error) => Ok(0),
        written => written,
    }
}

fn input(read: io::Result<usize>) -> io::Result<Input> {
    match read {
        Ok(0) => Ok(Input::End),
        Ok(bytes) => Ok(Input::Bytes(bytes)),
        Err(error) if is_later(&error) => Ok(Input::Nothing),
        Err(error) => Err(error),
    }
}
