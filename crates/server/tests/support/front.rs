//! What a browser does below `fetch` and `EventSource`: requests of HTTP/1.1 go in, and all of them go over one connection
//! of HTTP/2. So the clients of these tests speak HTTP/2 as they are.
//!
//! It passes on what it gets, takes no more than is taken from it, and takes back what is given up.

use super::{http::Api, opening::Opening, server::Server, tls::Authority};
use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{Builder, SendRequest},
};
use protocol::socket::Transport;
use socket2::SockRef;
use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    runtime,
    sync::Notify,
    task::{LocalSet, spawn_local},
};
use tokio_rustls::TlsConnector;

/// The windows of a stream and of the connection: small, so that slow readers show soon.
const STREAM_WINDOW: u32 = 32 * 1024;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// What the kernel keeps for a client that does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Between clients and a server.
pub(crate) struct Front {
    address: SocketAddr,
    /// Connections that were made to the server.
    connections: Arc<AtomicUsize>,
    told: Arc<Told>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What it is to do.
#[derive(Default)]
struct Told {
    word: AtomicUsize,
    changed: Notify,
}

const GO_ON: usize = 0;
const PAUSE: usize = 1;
const END: usize = 2;

impl Front {
    pub(crate) fn of(server: &Server, authority: &Authority) -> Self {
        let connector = TlsConnector::from(authority.client().speaking(&[b"h2"]).config());
        let (listens, at) = mpsc::channel();
        let (told, connections, to) = (Arc::<Told>::default(), Arc::new(AtomicUsize::new(0)), server.address);
        let (counter, hears) = (Arc::clone(&connections), Arc::clone(&told));
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listens.send(listener.local_addr().unwrap()).unwrap();
                let upstream = Rc::new(Upstream { to, connector, counter, sender: RefCell::default() });
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let stream = accepted.unwrap().0;
                            SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES).unwrap();
                            spawn_local(serve(Rc::clone(&upstream), stream));
                        }
                        () = hears.changed.notified() => {
                            // All its tasks are on this thread, which waits here.
                            while hears.word.load(Ordering::Relaxed) == PAUSE {
                                thread::sleep(Duration::from_millis(10));
                            }
                            if hears.word.load(Ordering::Relaxed) == END {
                                break;
                            }
                        }
                    }
                }
            });
        });
        Self { address: at.recv().unwrap(), connections, told, thread: Some(thread) }
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(self.address)
    }

    pub(crate) fn opening(&self, transport: Transport, token: &str) -> Opening {
        Opening::new(self.address, transport, token)
    }

    /// Takes nothing any more from the server, as a process that was stopped.
    pub(crate) fn pause(&self) {
        self.say(PAUSE);
    }

    /// Takes again.
    pub(crate) fn go_on(&self) {
        self.say(GO_ON);
    }

    fn say(&self, word: usize) {
        self.told.word.store(word, Ordering::Relaxed);
        self.told.changed.notify_one();
    }

    /// How many connections it has made to the server so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.say(END);
        let _ = self.thread.take().unwrap().join();
    }
}

/// The one connection, made anew when it is gone.
struct Upstream {
    to: SocketAddr,
    connector: TlsConnector,
    counter: Arc<AtomicUsize>,
    sender: RefCell<Option<SendRequest<Bytes>>>,
}

impl Upstream {
    async fn sender(&self) -> io::Result<SendRequest<Bytes>> {
        let known = self.sender.borrow().clone();
        if let Some(known) = known
            && let Ok(ready) = known.ready().await
        {
            return Ok(ready);
        }
        let stream = TcpStream::connect(self.to).await?;
        stream.set_nodelay(true)?;
        let stream = self.connector.connect("localhost".try_into().unwrap(), stream).await?;
        let mut builder = Builder::new();
        builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
        self.counter.fetch_add(1, Ordering::Relaxed);
        spawn_local(connection);
        *self.sender.borrow_mut() = Some(sender.clone());
        sender.ready().await.map_err(io::Error::other)
    }
}

/// A client's connection: one request after another.
async fn serve(upstream: Rc<Upstream>, stream: TcpStream) {
    let (mut from, mut to) = stream.into_split();
    let mut unread = Vec::new();
    // Whatever went wrong: the client sees its connection end.
    while let Ok(true) = pass(&upstream, &mut from, &mut to, &mut unread).await {}
}

/// Passes a request on, and its answer back. Whether another may follow.
async fn pass(
    upstream: &Upstream,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    unread: &mut Vec<u8>,
) -> io::Result<bool> {
    let Some((request, length)) = read_head(from, unread).await? else { return Ok(false) };
    while unread.len() < length {
        if from.read_buf(unread).await? == 0 {
            return Ok(false);
        }
    }
    let body = Bytes::from(unread.drain(..length).collect::<Vec<u8>>());
    let is_head = request.method() == http::Method::HEAD;
    let mut sender = upstream.sender().await?;
    let (response, stream) = sender.send_request(request, body.is_empty()).map_err(io::Error::other)?;
    let sending = async {
        if !body.is_empty() {
            send_body(stream, body).await?;
        }
        response.await.map_err(io::Error::other)
    };
    // A client that goes takes its request back: what is dropped here is reset.
    let response = tokio::select! {
        response = sending => response?,
        () = gone(from) => return Ok(false),
    };
    let (head, mut body) = response.into_parts();
    let mut out = format!("HTTP/1.1 {} Passed on\r\n", head.status.as_u16()).into_bytes();
    for (name, value) in &head.headers {
        out.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let is_bare = is_head || body.is_end_stream();
    let is_whole = head.headers.contains_key(http::header::CONTENT_LENGTH) || is_bare;
    if is_bare && !head.headers.contains_key(http::header::CONTENT_LENGTH) && head.status != 204 {
        out.extend_from_slice(b"content-length: 0\r\n");
    }
    out.extend_from_slice(b"\r\n");
    to.write_all(&out).await?;
    tokio::select! {
        passed = pass_body(&mut body, to) => passed?,
        () = gone(from), if !is_whole => return Ok(false),
    }
    if !is_whole {
        to.shutdown().await?;
    }
    Ok(is_whole)
}

/// The head of a request, as HTTP/2 has it, and the length of its body.
async fn read_head(
    from: &mut OwnedReadHalf,
    unread: &mut Vec<u8>,
) -> io::Result<Option<(http::Request<()>, usize)>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut parsed = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(end) = parsed.parse(unread).map_err(io::Error::other)? {
            let mut request = http::Request::builder()
                .version(http::Version::HTTP_2)
                .method(parsed.method.unwrap())
                .uri(format!("https://localhost{}", parsed.path.unwrap()));
            let mut length = 0;
            for header in parsed.headers.iter() {
                let name = header.name.to_ascii_lowercase();
                if name == "content-length" {
                    length = std::str::from_utf8(header.value).unwrap().parse().unwrap();
                }
                if name != "host" && name != "connection" {
                    request = request.header(name, header.value);
                }
            }
            unread.drain(..end);
            return Ok(Some((request.body(()).map_err(io::Error::other)?, length)));
        }
        if from.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}

async fn send_body(mut stream: SendStream<Bytes>, mut body: Bytes) -> io::Result<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(room) = poll_fn(|cx| stream.poll_capacity(cx)).await else { break };
        let piece = body.split_to(room.map_err(io::Error::other)?.min(body.len()));
        stream.send_data(piece, body.is_empty()).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Takes from the stream only what the client has taken.
async fn pass_body(body: &mut RecvStream, to: &mut OwnedWriteHalf) -> io::Result<()> {
    while let Some(bytes) = body.data().await {
        let bytes = bytes.map_err(io::Error::other)?;
        to.write_all(&bytes).await?;
        body.flow_control().release_capacity(bytes.len()).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Waits until the client has gone. It says nothing more while it waits for an answer.
async fn gone(from: &mut OwnedReadHalf) {
    let _ = from.read(&mut [0]).await;
}
