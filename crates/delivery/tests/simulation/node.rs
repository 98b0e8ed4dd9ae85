//! One life of a node: from its start on what the disk holds to its end, orderly or not.

use super::{
    broker::Paused,
    plan::Plan,
    power_disk::{PowerDisk, Random},
};
use crate::{
    clock::Clock,
    edge::{Edge, EdgeHandle},
    hub::{Hub, Limits},
    presence::{Grace, watch},
};
use broker::{
    broker::Broker,
    local::{Local, Options},
    presence::PresenceStore,
};
use parking_lot::Mutex;
use protocol::token::Keyring;
use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};
use tokio::task::LocalSet;

/// More than one, so that sockets of a channel lie with several.
const EDGES: u16 = 2;

/// A node that runs.
pub(super) struct Node {
    /// All its tasks; they end with it.
    tasks: LocalSet,
    pub(super) hub: Arc<Hub>,
    pub(super) local: Arc<Local>,
    pub(super) edges: Vec<Rc<Edge>>,
}

/// What outlives a node.
#[derive(Clone)]
pub(super) struct Disks {
    pub(super) journal: Arc<PowerDisk>,
    pub(super) ledger: Arc<PowerDisk>,
}

impl Node {
    pub(super) async fn start(
        plan: &Plan,
        disks: &Disks,
        clock: Clock,
        random: &mut Random,
    ) -> Result<Self, journal::OpenError> {
        let options = Options {
            durability: plan.durability,
            retention: Duration::from_secs(7_200),
            retention_messages: 1_000_000,
            retention_bytes: plan.retention_bytes,
            idempotency_keys: 100_000,
            hash_secret: [7; 16],
            accept_loss: false,
            new_epoch: false,
            boot_id: "boot".into(),
            new_epoch_number: Some(random.next() as u32 | 1),
        };
        let (local, _) =
            Local::open_stepwise(disks.journal.clone(), disks.ledger.clone(), options, clock.now_ms())?;
        let local = Arc::new(local);
        let paused = Paused { local: Arc::clone(&local), random: Mutex::new(Random(random.next())) };
        let limits = Limits {
            sockets_per_client: 1_000,
            sockets_per_address: 100_000,
            messages_per_channel: 1_000_000,
            tail_bytes: plan.tail_bytes,
        };
        let handles: Vec<_> = (0..EDGES).map(EdgeHandle::new).collect();
        let keyring = Keyring::new(&[(String::new(), vec![7; 32])]).expect("a good key");
        let hub = Hub::new(Arc::new(paused), keyring, clock, limits, handles.clone());
        let tasks = LocalSet::new();
        let grace = Grace { after_end: Duration::from_secs(5), after_start: Duration::from_secs(12) };
        let store = Arc::clone(&local) as Arc<dyn PresenceStore>;
        tasks.spawn_local(watch(Arc::clone(&hub), store, grace, |_| ()));
        let edges = tasks
            .run_until(async {
                let start = |handle| Edge::start(Arc::clone(&hub), handle).expect("an epoll descriptor");
                handles.into_iter().map(start).collect()
            })
            .await;
        Ok(Self { tasks, hub, local, edges })
    }

    /// Lets the tasks that can run do so for a while.
    pub(super) fn turn(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        // It never ends: the edges' tasks live as long as the node.
        let _ = Pin::new(&mut self.tasks).poll(&mut context);
    }

    /// Runs something on the node.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) -> tokio::task::JoinHandle<()> {
        self.tasks.spawn_local(task)
    }

    /// The kernel tells an edge that its connections are writable, readable or gone; a random one each.
    pub(super) fn wake(&self, random: &mut Random) {
        for edge in &self.edges {
            let slots: Vec<usize> = edge.sockets.borrow().iter().map(|(slot, _)| slot).collect();
            if !slots.is_empty() {
                let slot = slots[random.below(slots.len() as u64) as usize];
                edge.ready(slot, true, true, &mut [0; 256]);
            }
        }
    }

    /// The same for all of them.
    pub(super) fn wake_all(&self) {
        for edge in &self.edges {
            let slots: Vec<usize> = edge.sockets.borrow().iter().map(|(slot, _)| slot).collect();
            slots.into_iter().for_each(|slot| edge.ready(slot, true, true, &mut [0; 256]));
        }
    }

    /// Stops in order: sockets are sent away, what waits is committed, the journal is closed.
    pub(super) async fn stop(mut self) {
        self.hub.drain(500);
        self.turn();
        self.local.step();
        self.turn();
        self.local.close().await;
        self.kill();
    }

    /// Ends at once. The kernel closes its connections; what it had taken may still be read.
    pub(super) fn kill(self) {
        // First of all whoever could still write something down.
        drop(self.tasks);
        for edge in &self.edges {
            let slots: Vec<usize> = edge.sockets.borrow().iter().map(|(slot, _)| slot).collect();
            slots.into_iter().for_each(|slot| edge.end(slot));
        }
        let polls = self.hub.polls.lock().clone();
        polls.iter().for_each(|socket| self.hub.leave_poll(socket));
    }
}
