//! Requests under way on one edge thread: a node that stops answers them, and begins no more.

use protocol::limits;
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::sync::Notify;

/// An answer that is finished has this long to reach the kernel: with small ones that was so before.
const LAST_BYTES: Duration = Duration::from_millis(20);

/// How many there are.
#[derive(Default)]
pub(super) struct Flight {
    count: Cell<usize>,
    stopping: Cell<bool>,
    landed: Notify,
    /// Connections that have a farewell to say when the node stops.
    parting: Cell<usize>,
    stops: Notify,
}

/// One of them.
pub(super) struct Flying(Rc<Flight>);

/// A connection that ends in order when the node stops.
pub(super) struct Parting(Rc<Flight>);

impl Flight {
    /// Counts a request until its answer is there; `None` if no more are taken.
    pub(super) fn begin(this: &Rc<Self>) -> Option<Flying> {
        if this.stopping.get() {
            return None;
        }
        this.count.set(this.count.get() + 1);
        Some(Flying(Rc::clone(this)))
    }

    /// Whether no more are taken.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Counts a connection that ends by itself once the node [`stops`](Self::stops).
    pub(super) fn accompany(this: &Rc<Self>) -> Parting {
        this.parting.set(this.parting.get() + 1);
        Parting(Rc::clone(this))
    }

    /// Waits until the node stops.
    pub(super) async fn stops(&self) {
        let stops = self.stops.notified();
        if !self.stopping.get() {
            stops.await;
        }
    }

    /// Takes no more, and waits for those under way, within [`limits::STOP_TIME`].
    pub(super) async fn land(&self) {
        self.stopping.set(true);
        self.stops.notify_waiters();
        let all_landed = async {
            while self.count.get() > 0 {
                self.landed.notified().await;
            }
        };
        if tokio::time::timeout(limits::STOP_TIME, all_landed).await.is_err() {
            tracing::warn!(requests = self.count.get(), "requests were under way too long and are cut off");
        }
        let all_parted = async {
            while self.parting.get() > 0 {
                self.landed.notified().await;
            }
        };
        // Whoever reads nothing hears no farewell.
        let _ = tokio::time::timeout(limits::PARTING_TIME, all_parted).await;
        tokio::time::sleep(LAST_BYTES).await;
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        self.0.landed.notify_one();
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        self.0.parting.set(self.0.parting.get() - 1);
        self.0.landed.notify_one();
    }
}
