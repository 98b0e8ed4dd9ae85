//! One page's life: over all its connections, whichever way they travel and however they end. It keeps what a client
//! keeps, and writes down what its application would be handed.

use super::decoder::{Decoder, Frame};
use crate::support::{
    opening::{Opening, Place as TokenPlace},
    websocket,
};
use checker::{Event, History, Place};
use protocol::socket::Transport;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

/// How a page says up to where it has had everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// `?after=`.
    After,
    /// The header that `EventSource` sends by itself.
    LastEventId,
    /// Not at all: its token says where it began, and what it has had it drops by itself.
    Token,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The descriptor is closed.
    Fin,
    /// The kernel says nothing but RST.
    Reset,
}

/// A page.
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) server: SocketAddr,
    pub(crate) token: String,
    pub(crate) manner: Manner,
    history: History,
    /// Where it comes from, if it is not to matter that one address has only so many ports.
    pub(crate) from: Option<IpAddr>,
    /// Up to where it has had everything.
    pub(crate) cursor: Option<String>,
    /// All its messages.
    had: Vec<(Place, String)>,
    /// The name of the last text.
    pub(crate) last: String,
    /// The socket that its polls belong to.
    socket: String,
    connection: Option<Connection>,
}

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    transport: Transport,
    /// How many of its messages a page that gets them again has got again.
    again: usize,
    /// Bytes in one read: few, for a page that wants to see the middle of a frame.
    read_max: usize,
}

impl Page {
    /// A page that reads a channel from its token on; its life begins here.
    pub(crate) fn new(
        history: &History,
        name: String,
        channel: &str,
        server: SocketAddr,
        token: &str,
    ) -> Self {
        history.record(Event::Begin { reader: name.clone(), channel: channel.into(), from: None });
        Self {
            name,
            server,
            token: token.into(),
            manner: Manner::After,
            history: history.clone(),
            from: None,
            cursor: None,
            had: Vec::new(),
            last: String::new(),
            socket: String::new(),
            connection: None,
        }
    }

    pub(crate) fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// Connects and asks; what comes then is in [`next`](Self::next).
    pub(crate) async fn open(&mut self, transport: Transport) -> io::Result<()> {
        self.connect(transport).await?;
        // A poll that is new is answered at once.
        let wait = (transport == Transport::LongPoll).then_some("0");
        self.ask(wait, false).await
    }

    /// Goes on with polls of the socket that it had, on a new connection.
    pub(crate) async fn poll_on(&mut self) -> io::Result<()> {
        self.connect(Transport::LongPoll).await?;
        self.poll_again().await
    }

    /// Polls again on the same connection, as is due after each answer.
    pub(crate) async fn poll_again(&mut self) -> io::Result<()> {
        self.ask(Some("20"), true).await
    }

    async fn connect(&mut self, transport: Transport) -> io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = self.from {
            socket.bind((from, 0).into())?;
        }
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        let decoder = Decoder::new(transport);
        self.connection = Some(Connection { stream, decoder, transport, again: 0, read_max: READ_BYTES });
        Ok(())
    }

    async fn ask(&mut self, wait: Option<&str>, goes_on: bool) -> io::Result<()> {
        let Some(connection) = &mut self.connection else { return Err(io::ErrorKind::NotConnected.into()) };
        let place = match connection.transport {
            Transport::WebSocket => TokenPlace::Protocol,
            _ => TokenPlace::Header,
        };
        let mut opening = Opening::new(self.server, connection.transport, &self.token).place(place);
        match (&self.cursor, self.manner) {
            // Polls go on from where the last one ended, whatever the manner.
            (Some(cursor), _) if goes_on => opening = opening.after(cursor),
            (Some(cursor), Manner::After) => opening = opening.after(cursor),
            (Some(cursor), Manner::LastEventId) => opening = opening.header("Last-Event-ID", cursor),
            (None, _) | (_, Manner::Token) => {}
        }
        if goes_on {
            opening = opening.query("socket", &self.socket);
        }
        if let Some(wait) = wait {
            opening = opening.query("wait", wait);
        }
        connection.stream.write_all(&opening.bytes()).await
    }

    /// Ends the connection, if there is one.
    pub(crate) fn cut(&mut self, cut: Cut) {
        if let Some(connection) = self.connection.take()
            && cut == Cut::Reset
        {
            connection.stream.set_zero_linger().unwrap();
        }
    }

    /// Whether the connection stands in the middle of a frame.
    pub(crate) fn is_inside_frame(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.decoder.is_inside_frame())
    }

    /// Reads in small pieces from now on.
    pub(crate) fn read_little(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.read_max = 100;
        }
    }

    /// The next frame, written down, and answered if it asks for an answer. May be given up at any time.
    pub(crate) async fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.next_here()? {
                return Ok(frame);
            }
            self.read().await?;
        }
    }

    /// The next frame, if it has come as a whole.
    pub(crate) fn next_here(&mut self) -> io::Result<Option<Frame>> {
        let Some(connection) = &mut self.connection else { return Err(io::ErrorKind::NotConnected.into()) };
        let Some(frame) = connection.decoder.next()? else { return Ok(None) };
        self.take(&frame)?;
        Ok(Some(frame))
    }

    /// Reads once.
    pub(crate) async fn read(&mut self) -> io::Result<()> {
        let Some(connection) = &mut self.connection else { return Err(io::ErrorKind::NotConnected.into()) };
        loop {
            connection.stream.readable().await?;
            // Not held over a wait: ten thousand pages have no buffer each.
            let mut bytes = [0; READ_BYTES];
            match connection.stream.try_read(&mut bytes[..connection.read_max]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    connection.decoder.feed(&bytes[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a frame as a client does.
    pub(crate) fn take(&mut self, frame: &Frame) -> io::Result<()> {
        match frame {
            Frame::Open { cursor, socket } => {
                self.socket.clone_from(socket);
                if !cursor.is_empty() {
                    self.cursor = Some(cursor.clone());
                }
            }
            Frame::Message { id, name } => self.message(id.as_deref(), name),
            Frame::Gap { cursor, reason } => {
                let (reader, reason) = (self.name.clone(), reason.clone());
                self.history.record(Event::Gap { reader, place: cursor.parse().unwrap(), reason });
                self.cursor = Some(cursor.clone());
            }
            Frame::Ping { cursor } => self.cursor = Some(cursor.clone()),
            Frame::Asked(bytes) => self.say(&websocket::frame(websocket::FIN | websocket::PONG, bytes))?,
            Frame::Polled { cursor } => self.cursor = Some(cursor.clone()),
            Frame::Close { .. } | Frame::Refused(_) => {}
        }
        Ok(())
    }

    fn message(&mut self, id: Option<&str>, name: &str) {
        let place: Option<Place> = id.map(|id| id.parse().unwrap());
        self.cursor = id.map(str::to_owned).or(self.cursor.take());
        if self.manner == Manner::Token {
            let connection = self.connection.as_mut().expect("it came over one");
            connection.again += 1;
            if let Some((had, _)) = self.had.get(connection.again - 1) {
                assert_eq!(place.as_ref(), Some(had), "{}: what it had before, in the same order", self.name);
                return;
            }
        }
        self.had.extend(place.clone().map(|place| (place, name.to_owned())));
        name.clone_into(&mut self.last);
        self.history.record(Event::Message { reader: self.name.clone(), place, value: name.into() });
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        // So small that a kernel takes it whole, or the connection is worth nothing.
        match connection.stream.try_write(bytes)? {
            count if count == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Reads on until this text has come.
    pub(crate) async fn until(&mut self, last: &str) -> io::Result<()> {
        while self.last != last {
            match self.next().await? {
                Frame::Polled { .. } if self.last != last => self.poll_again().await?,
                Frame::Close { code, reason } => panic!("{} was closed: {code} {reason}", self.name),
                Frame::Refused(status) => panic!("{} was refused: {status}", self.name),
                _ => {}
            }
        }
        Ok(())
    }

    /// It has had everything, and its life ends. All that it had.
    pub(crate) fn end(mut self) -> Vec<(Place, String)> {
        self.cut(Cut::Fin);
        self.history.record(Event::End { reader: self.name.clone() });
        self.had
    }
}

/// What one read takes at most.
const READ_BYTES: usize = 16 * 1024;

/// No frame is as late, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
