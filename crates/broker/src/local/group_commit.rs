//! `fsync`: one thread writes; whatever waits while it syncs becomes the next batch. Nobody lingers.

use super::Shared;
use crate::{
    broker::Flush,
    error::PublishError,
    message::{Draft, Stored},
};
use parking_lot::{Condvar, Mutex};
use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};
use tokio::sync::oneshot;

/// What may wait to be written: a second of a slow disk. More is refused, not held.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What each waiting message costs beside its data.
const DRAFT_BYTES: usize = 256;

/// What is committed together, with where the answers go and the clock.
type Batch = (Vec<Draft>, Vec<Answer>, u64);

type Answer = oneshot::Sender<Result<Stored, PublishError>>;

/// Messages on their way to the writer thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// The writer sleeps on it while nothing waits.
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    drafts: Vec<Draft>,
    answers: Vec<Answer>,
    bytes: usize,
    /// The newest clock any publisher brought.
    now_ms: u64,
    /// Why no more is taken.
    ended: Option<PublishError>,
}

impl Queue {
    /// Queues a draft and returns where its answer will come.
    pub(super) fn send(
        &self,
        draft: Draft,
        now_ms: u64,
    ) -> Result<oneshot::Receiver<Result<Stored, PublishError>>, PublishError> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let bytes = draft.data.bytes().len() + DRAFT_BYTES;
        if let Some(ended) = &waiting.ended {
            return Err(ended.clone());
        }
        if waiting.bytes + bytes > WAITING_BYTES_MAX && !waiting.drafts.is_empty() {
            return Err(PublishError::Overloaded);
        }
        waiting.bytes += bytes;
        waiting.now_ms = waiting.now_ms.max(now_ms);
        waiting.drafts.push(draft);
        waiting.answers.push(answer);
        drop(waiting);
        self.arrived.notify_one();
        Ok(answered)
    }

    /// No more is taken; the writer finishes what waits and ends.
    pub(super) fn close(&self) {
        self.waiting.lock().ended.get_or_insert(PublishError::Stopping);
        self.arrived.notify_one();
    }

    /// Nobody writes any more: whoever waits is told so by losing its answer, and whoever comes by an error.
    fn abandon(&self) {
        let mut waiting = self.waiting.lock();
        waiting.ended = Some(PublishError::Unavailable);
        let abandoned = waiting.take();
        drop(waiting);
        drop(abandoned);
    }

    /// All that waits; `None` when closed and empty.
    fn take(&self) -> Option<Batch> {
        let mut waiting = self.waiting.lock();
        while waiting.drafts.is_empty() {
            if waiting.ended.is_some() {
                return None;
            }
            self.arrived.wait(&mut waiting);
        }
        Some(waiting.take())
    }
}

impl Waiting {
    fn take(&mut self) -> Batch {
        self.bytes = 0;
        (std::mem::take(&mut self.drafts), std::mem::take(&mut self.answers), self.now_ms)
    }
}

/// Commits a batch, and answers.
fn commit(shared: &Shared, (mut drafts, answers, now_ms): Batch) {
    let results = shared.log.lock().commit(shared, &mut drafts, now_ms);
    shared.announce(|announce| announce.flush(Flush::HandOver));
    for (answer, result) in answers.into_iter().zip(results) {
        // A publisher that went away does not want to know.
        let _ = answer.send(result);
    }
}

/// Commits what waits now; whether there was anything.
pub(super) fn step(shared: &Shared) -> bool {
    let mut waiting = shared.queue.waiting.lock();
    let any = !waiting.drafts.is_empty();
    let batch = waiting.take();
    drop(waiting);
    if any {
        commit(shared, batch);
    }
    any
}

/// Sees to it that a writer that panics leaves nobody waiting for it.
struct Watch(Arc<Shared>);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.refuse(PublishError::Unavailable);
            self.0.queue.abandon();
        }
    }
}

/// Starts the writer thread; it ends after [`Queue::close`].
pub(super) fn spawn(shared: Arc<Shared>) -> JoinHandle<()> {
    let run = move || {
        let watch = Watch(shared);
        while let Some(batch) = watch.0.queue.take() {
            commit(&watch.0, batch);
        }
    };
    thread::Builder::new().name("journal".into()).spawn(run).expect("a thread at start")
}

#[cfg(test)]
mod tests;
