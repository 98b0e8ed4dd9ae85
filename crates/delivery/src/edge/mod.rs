//! Edge threads: each a single-threaded runtime that accepts connections and owns the descriptors of its sockets.
//!
//! Idle sockets wait in one `mio::Poll` nested in the runtime: no task, timer or buffer each. Other threads write to a
//! socket under its lock, but only its edge reads from it, notices that it is writable, and ends it.

mod diagnosis;
mod events;
mod handle;
mod local;
mod replay;
mod slow;
mod tick;
#[cfg(test)]
mod turns;
mod work;

pub use handle::{EdgeHandle, Lag};
pub use local::Edge;
pub(crate) use slow::end_patience;

use crate::hub::Hub;
use std::{future::Future, io, rc::Rc, sync::Arc, thread};
use tokio::{runtime::Builder, task::LocalSet};

/// Threads that read from the disk for sockets that are behind, per edge.
const READERS_MAX: usize = 4;

/// Starts one edge thread for each handle of the hub. `serve` runs on each of them, beside the sockets, until it ends.
///
/// # Errors
/// If a thread, a runtime or an epoll descriptor cannot be made.
pub fn spawn<F, S>(
    hub: &Arc<Hub>,
    handles: &[Arc<EdgeHandle>],
    serve: S,
) -> io::Result<Vec<thread::JoinHandle<()>>>
where
    F: Future<Output = ()> + 'static,
    S: Fn(Rc<Edge>) -> F + Clone + Send + 'static,
{
    let mut threads = Vec::new();
    for handle in handles {
        let (hub, handle, serve) = (Arc::clone(hub), Arc::clone(handle), serve.clone());
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(READERS_MAX).build()?;
        let name = format!("edge-{}", handle.index());
        threads.push(thread::Builder::new().name(name).spawn(move || {
            let local = LocalSet::new();
            local.block_on(&runtime, async move {
                match Edge::start(hub, handle) {
                    Ok(edge) => serve(edge).await,
                    Err(error) => tracing::error!(%error, "an edge thread could not start"),
                }
            });
        })?);
    }
    Ok(threads)
}
