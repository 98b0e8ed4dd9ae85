//! Pages by the thousand: many sockets on few threads, each read as a good client reads it, all written down in one
//! history.

pub(crate) mod backoff;
pub(crate) mod decoder;
pub(crate) mod page;
pub(crate) mod publisher;
pub(crate) mod relay;
pub(crate) mod text;

use std::future::Future;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

/// Threads for all pages of a test; the server has the other cores.
const THREADS: usize = 2;

/// The pages of one test, each a task that may return something.
pub(crate) struct Swarm<T> {
    runtime: Runtime,
    tasks: Vec<JoinHandle<T>>,
}

impl<T: Send + 'static> Swarm<T> {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build().unwrap();
        Self { runtime, tasks: Vec::new() }
    }

    /// Lets a page live.
    pub(crate) fn add(&mut self, page: impl Future<Output = T> + Send + 'static) {
        self.tasks.push(self.runtime.spawn(page));
    }

    /// Whether a page has ended already; while all should live, one has failed.
    pub(crate) fn has_lost_one(&self) -> bool {
        self.tasks.iter().any(JoinHandle::is_finished)
    }

    /// What all pages returned.
    ///
    /// # Panics
    /// If one of them did.
    #[track_caller]
    pub(crate) fn join(self) -> Vec<T> {
        let Self { runtime, tasks } = self;
        tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).collect()
    }
}
