//! What stands in front of the nodes: each connection goes to the next one that takes it. It knows nothing of requests, and
//! sends nobody back to where they were before.

use parking_lot::Mutex;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

/// A balancer, for as long as it lives.
pub(super) struct Balancer {
    pub(super) address: SocketAddr,
    /// Connections that each node took.
    taken: Arc<Mutex<Vec<usize>>>,
    /// Ended by its drop.
    _runtime: Runtime,
}

impl Balancer {
    pub(super) fn before(nodes: Vec<SocketAddr>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(vec![0; nodes.len()]));
        let (nodes, turn, counts) = (Arc::new(nodes), Arc::new(AtomicUsize::new(0)), Arc::clone(&taken));
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (nodes, turn, counts) = (Arc::clone(&nodes), Arc::clone(&turn), Arc::clone(&counts));
                tokio::spawn(async move { carry(client, &nodes, &turn, &counts).await });
            }
        });
        Self { address, taken, _runtime: runtime }
    }

    /// Connections that each node took so far.
    pub(super) fn taken(&self) -> Vec<usize> {
        self.taken.lock().clone()
    }
}

async fn carry(mut client: TcpStream, nodes: &[SocketAddr], turn: &AtomicUsize, counts: &Mutex<Vec<usize>>) {
    for _ in 0..nodes.len() {
        let index = turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
        let Ok(mut node) = TcpStream::connect(nodes[index]).await else { continue };
        counts.lock()[index] += 1;
        // A cut connection is one: whoever is left is told by its end.
        let _ = (client.set_nodelay(true), node.set_nodelay(true));
        let _ = copy_bidirectional(&mut client, &mut node).await;
        return;
    }
}
