//! TLS without a descriptor: records in, records out.
//!
//! A session is the same while hyper has the connection and after its edge took it over, so nothing is lost in between.
//! It keeps no buffers: what is at rest costs the keys and nothing else, and what a peer can make grow is one record in
//! each direction.

use rustls::{
    Error, InvalidMessage, ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus},
};
use std::{fmt, sync::Arc};

/// Plaintext of one record (RFC 8446, 5.1).
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// Ciphertext that may wait to become a whole record: the largest one of TLS 1.2 (RFC 5246, 6.2.3), with its head.
const INCOMING_BYTES_MAX: usize = RECORD_BYTES_MAX + 2048 + 5;

/// What a record has beside its plaintext, at least in the ciphers that are offered.
const OVERHEAD_BYTES: usize = 64;

/// One TLS connection of this server.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// Of a record that is not here as a whole yet.
    incoming: Vec<u8>,
    /// What the peer said, until somebody takes it.
    plain: Vec<u8>,
    /// Records on their way to the peer, and how much of them is gone.
    outgoing: Vec<u8>,
    sent: usize,
    handshaking: bool,
    /// The peer said that it says no more (`close_notify`).
    peer_closed: bool,
    /// It broke a rule and was told of it; nothing may be said behind that.
    failed: bool,
}

impl Session {
    /// A connection before its handshake.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self {
            connection: UnbufferedServerConnection::new(config)?,
            incoming: Vec::new(),
            plain: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            handshaking: true,
            peer_closed: false,
            failed: false,
        })
    }

    /// Whether nothing can be said yet.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.handshaking
    }

    /// Whether the peer said farewell; what it said before may still wait to be taken.
    #[must_use]
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The protocol that was agreed on (ALPN), once the handshake is over.
    #[must_use]
    pub fn protocol(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// Takes bytes from the connection. Take [`plain`](Self::take_plain) and send [`outgoing`](Self::outgoing) afterwards,
    /// also after an error: the peer is told of it.
    ///
    /// # Errors
    /// If the peer does not speak TLS as it must. The connection is over then.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.incoming.extend_from_slice(bytes);
        let mut result = self.advance(None);
        if result.is_ok() && self.incoming.len() > INCOMING_BYTES_MAX {
            result = Err(InvalidMessage::MessageTooLarge.into());
        }
        if self.incoming.is_empty() {
            self.incoming = Vec::new();
        }
        result
    }

    /// Gives what the peer said; 0 if there is nothing.
    pub fn take_plain(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.plain.len());
        into[..count].copy_from_slice(&self.plain[..count]);
        if count == self.plain.len() {
            self.plain = Vec::new();
        } else {
            self.plain.drain(..count);
        }
        count
    }

    /// Makes a record of at most [`RECORD_BYTES_MAX`] bytes, behind what is outgoing already.
    ///
    /// # Errors
    /// If the connection is over, or not there yet.
    pub fn send(&mut self, plain: &[u8]) -> Result<(), Error> {
        debug_assert!(plain.len() <= RECORD_BYTES_MAX, "outgoing is bounded by one record");
        self.advance(Some(Say::Plain(plain)))
    }

    /// Says farewell. If that cannot be said, there is nobody to say it to.
    pub fn close(&mut self) {
        if !self.handshaking && !self.failed {
            let _ = self.advance(Some(Say::Farewell));
        }
    }

    /// What is to be sent.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// So much of it was sent.
    pub fn sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent == self.outgoing.len() {
            (self.outgoing, self.sent) = (Vec::new(), 0);
        }
    }

    /// Goes through what came until nothing more follows from it, then says something.
    fn advance(&mut self, mut say: Option<Say<'_>>) -> Result<(), Error> {
        let mut used = 0;
        let result = loop {
            // Always with all that came: the connection remembers places in it.
            let UnbufferedStatus { mut discard, state, .. } =
                self.connection.process_tls_records(&mut self.incoming[used..]);
            let step = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
                    match traffic.next_record() {
                        Some(Ok(record)) => {
                            discard += record.discard;
                            self.plain.extend_from_slice(record.payload);
                        }
                        Some(Err(error)) => break Err(error),
                        None => break Ok(Step::GoOn),
                    }
                },
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    append(&mut self.outgoing, 0, |into| data.encode(into)).map(|()| Step::GoOn)
                }
                // It is in `outgoing`, which keeps the order.
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(Step::GoOn)
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.peer_closed = true;
                    Ok(Step::GoOn)
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.handshaking = false;
                    match say.take() {
                        Some(Say::Plain(plain)) => {
                            let guess = plain.len() + OVERHEAD_BYTES;
                            append(&mut self.outgoing, guess, |into| traffic.encrypt(plain, into))
                        }
                        Some(Say::Farewell) => append(&mut self.outgoing, OVERHEAD_BYTES, |into| {
                            traffic.queue_close_notify(into)
                        }),
                        None => Ok(()),
                    }
                    .map(|()| Step::Done)
                }
                // Waits for the peer, or is over.
                Ok(_) => Ok(Step::Done),
                Err(error) => Err(error),
            };
            used += discard;
            match step {
                Ok(Step::GoOn) => {}
                Ok(Step::Done) if say.is_some() => break Err(Error::HandshakeNotComplete),
                Ok(Step::Done) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.incoming.drain(..used);
        if result.is_err() {
            self.failed = true;
            self.say_why();
        }
        result
    }

    /// After an error: the alert that tells the peer.
    fn say_why(&mut self) {
        // As long as there is something to send, nothing that came is looked at.
        while self.connection.wants_write() {
            let state = self.connection.process_tls_records(&mut self.incoming).state;
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else { return };
            if append(&mut self.outgoing, 0, |into| data.encode(into)).is_err() {
                return;
            }
        }
    }
}

/// What is said once everything that came is dealt with.
enum Say<'a> {
    Plain(&'a [u8]),
    Farewell,
}

enum Step {
    GoOn,
    Done,
}

/// Appends what a writer writes, which says itself how much room it needs.
fn append<E: Into<Room>>(
    out: &mut Vec<u8>,
    guess: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), Error> {
    let start = out.len();
    let mut room = guess;
    loop {
        out.resize(start + room, 0);
        match write(&mut out[start..]).map_err(Into::into) {
            Ok(written) => {
                out.truncate(start + written);
                return Ok(());
            }
            Err(Room::Needed(size)) if size > room => room = size,
            Err(_) => {
                out.truncate(start);
                return Err(Error::EncryptError);
            }
        }
    }
}

/// Why nothing was written.
enum Room {
    Needed(usize),
    Never,
}

impl From<EncodeError> for Room {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::InsufficientSize(InsufficientSizeError { required_size, .. }) => {
                Self::Needed(required_size)
            }
            EncodeError::AlreadyEncoded => Self::Never,
        }
    }
}

impl From<EncryptError> for Room {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::InsufficientSize(InsufficientSizeError { required_size, .. }) => {
                Self::Needed(required_size)
            }
            EncryptError::EncryptExhausted => Self::Never,
        }
    }
}

impl fmt::Debug for Session {
    /// Without what is said, and without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("handshaking", &self.handshaking)
            .field("outgoing", &self.outgoing().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tls/tests.rs"]
mod tests;
