//! A network that dies without a word: it forwards for a while, then swallows everything, and only much later cuts.

use crate::support::Random;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    time::{Instant, sleep, timeout_at},
};

/// A proxy before a server, on a port of its own, for as long as it lives.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    /// Ended by its drop.
    _runtime: Runtime,
}

/// How long a connection lives, each a bound of a random time.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) forwards: Duration,
    pub(crate) swallows: Duration,
}

impl Relay {
    pub(crate) fn start(server: SocketAddr, times: Times) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let mut random = Random(0x4e7);
            while let Ok((client, _)) = listener.accept().await {
                let forwards = up_to(times.forwards, &mut random);
                let swallows = up_to(times.swallows, &mut random);
                tokio::spawn(connection(client, server, forwards, swallows));
            }
        });
        Self { address, _runtime: runtime }
    }
}

fn up_to(bound: Duration, random: &mut Random) -> Duration {
    Duration::from_micros(random.below(bound.as_micros() as u64))
}

/// Forwards, swallows, cuts.
async fn connection(
    client: TcpStream,
    server: SocketAddr,
    forwards: Duration,
    swallows: Duration,
) -> io::Result<()> {
    let until = Instant::now() + forwards;
    let server = TcpStream::connect(server).await?;
    let (client, server) = (Arc::new(client), Arc::new(server));
    let there = tokio::spawn(forward(Arc::clone(&client), Arc::clone(&server), until));
    let back = forward(Arc::clone(&server), Arc::clone(&client), until).await;
    let there = there.await;
    if back.is_ok() && matches!(there, Ok(Ok(()))) {
        // Neither side is told: what they send now fills the kernel's buffers.
        sleep(swallows).await;
    }
    client.set_zero_linger()?;
    server.set_zero_linger()
}

/// Copies one way until it is time, or until one side has ended.
async fn forward(from: Arc<TcpStream>, to: Arc<TcpStream>, until: Instant) -> io::Result<()> {
    let mut bytes = vec![0; 4096];
    loop {
        let Ok(readable) = timeout_at(until, from.readable()).await else { return Ok(()) };
        readable?;
        let count = match from.try_read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            other => other?,
        };
        let mut written = 0;
        while written < count {
            let Ok(writable) = timeout_at(until, to.writable()).await else { return Ok(()) };
            writable?;
            match to.try_write(&bytes[written..count]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => written += other?,
            }
        }
    }
}
