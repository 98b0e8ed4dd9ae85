//! A connection with TLS: its handshake, and what hyper reads and writes afterwards.

use super::{
    connection::{Connection, linger},
    http2,
};
use crate::tls::{ACME, HTTP2};
use delivery::tls::{RECORD_BYTES_MAX, Session};
use protocol::limits;
use rustls::ServerConfig;
use std::{
    io,
    os::fd::AsFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};

/// Ciphertext is read in pieces of this size. They stand on the stack for as long as a read takes.
const CIPHERTEXT_BYTES: usize = 8 * 1024;

/// The first byte of a TLS connection: a record of the handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// What somebody is told who speaks HTTP to a port with TLS. Browsers show it.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 52\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n\
    This port speaks TLS. Write https:// or wss:// URLs.";

/// A connection that speaks TLS.
pub(super) struct TlsStream {
    stream: TcpStream,
    session: Session,
}

/// Why there is no TLS connection.
enum Failed {
    /// It speaks HTTP without TLS.
    PlainHttp(TcpStream),
    /// Somebody went away, or speaks something else, or takes too long.
    Gone(io::Error),
}

/// Shakes hands, then answers requests until the connection ends.
pub(super) async fn run(connection: Connection, stream: TcpStream, config: Arc<ServerConfig>) {
    let shaken = tokio::time::timeout(limits::HEAD_TIME, TlsStream::accept(stream, config)).await;
    match shaken {
        // In memory of its own: it is much larger than what most connections need.
        Ok(Ok(stream)) if stream.session.protocol() == Some(HTTP2) => {
            Box::pin(http2::run(connection, stream)).await;
        }
        // An authority has seen what it wanted to see (RFC 8737, 3).
        Ok(Ok(stream)) if stream.session.protocol() == Some(ACME) => linger(stream).await,
        Ok(Ok(stream)) => connection.run(stream).await,
        Ok(Err(Failed::PlainHttp(mut stream))) => {
            if stream.write_all(PLAIN_HTTP).await.is_ok() {
                linger(stream).await;
            }
        }
        Ok(Err(Failed::Gone(error))) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

// === impl TlsStream ===

impl TlsStream {
    async fn accept(stream: TcpStream, config: Arc<ServerConfig>) -> Result<Self, Failed> {
        let session = Session::new(config).map_err(|error| Failed::Gone(io::Error::other(error)))?;
        let mut this = Self { stream, session };
        let mut is_first = true;
        while this.session.is_handshaking() {
            this.stream.readable().await?;
            let mut ciphertext = [0; CIPHERTEXT_BYTES];
            match this.stream.try_read(&mut ciphertext) {
                Ok(0) => return Err(Failed::Gone(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) if is_first && ciphertext[0] != HANDSHAKE && ciphertext[0].is_ascii_uppercase() => {
                    return Err(Failed::PlainHttp(this.stream));
                }
                Ok(count) => this.received(&ciphertext[..count])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(Failed::Gone(error)),
            }
            is_first = false;
            this.flush().await?;
        }
        Ok(this)
    }

    /// The connection beneath once more, for those who ask the kernel about it.
    pub(super) fn line(&self) -> io::Result<std::net::TcpStream> {
        Ok(self.stream.as_fd().try_clone_to_owned()?.into())
    }

    /// Takes the connection apart, for an edge.
    pub(super) fn into_parts(self) -> (TcpStream, Session) {
        (self.stream, self.session)
    }

    fn received(&mut self, ciphertext: &[u8]) -> io::Result<()> {
        self.session.receive(ciphertext).map_err(|error| {
            // The peer is told why, if it listens.
            let _ = self.stream.try_write(self.session.outgoing());
            io::Error::new(io::ErrorKind::InvalidData, error)
        })
    }

    /// Sends what is outgoing.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.session.outgoing().is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, self.session.outgoing()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.session.sent(count),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let count = this.session.take_plain(into.initialize_unfilled());
            into.advance(count);
            if count > 0 || this.session.peer_closed() {
                return Poll::Ready(Ok(()));
            }
            let mut ciphertext = [0; CIPHERTEXT_BYTES];
            let mut buffer = ReadBuf::new(&mut ciphertext);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
            match buffer.filled() {
                // Cut off, without a farewell: HTTP knows by itself whether a request is whole.
                [] => return Poll::Ready(Ok(())),
                filled => this.received(filled)?,
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let record = &bytes[..bytes.len().min(RECORD_BYTES_MAX)];
        this.session.send(record).map_err(io::Error::other)?;
        // It was taken; what does not go now goes with the next write, or the flush.
        match this.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(record.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.session.close();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
