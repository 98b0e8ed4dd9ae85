//! Seeing who comes and goes on this node, and having it recorded.
//!
//! Sockets only leave a mark; one task looks at the marks, at what is open now, and at what was recorded, and records
//! the difference. So nothing that happens to sockets waits for the disk, and a burst is one record's work.

use super::departures::{Departures, Touched};
use crate::{channel::Channel, hub::Hub};
use broker::{
    key::ChannelKey,
    presence::{Change, PresenceStore},
};
use parking_lot::Mutex;
use protocol::id::ClientId;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::Notify, time};

/// The marks. Bounded by the client ids that came or went since the task last looked.
#[derive(Default)]
pub(crate) struct Watch {
    marks: Mutex<Option<HashMap<ChannelKey, Touched>>>,
    notify: Notify,
}

/// How long a return changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    /// After the end of the last socket.
    pub after_end: Duration,
    /// After the start of this node, for those who were connected before.
    pub after_start: Duration,
}

/// A record that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

impl Watch {
    fn mark(&self, channel: &Channel, mark: impl FnOnce(&mut Touched)) {
        if channel.id.is_canary() {
            return;
        }
        let mut marks = self.marks.lock();
        // Nobody looks where nobody is to be told.
        let Some(marks) = &mut *marks else { return };
        let fresh = || Touched { id: channel.id.clone(), came: 0, silent: 0 };
        mark(marks.entry(channel.key).or_insert_with(fresh));
        self.notify.notify_one();
    }

    /// A socket is open, and can receive.
    pub(crate) fn came(&self, channel: &Channel) {
        self.mark(channel, |touched| touched.came += 1);
    }

    /// A socket is gone, with a farewell or without.
    pub(crate) fn went(&self, channel: &Channel, farewell: bool) {
        self.mark(channel, |touched| touched.silent += u32::from(!farewell));
    }

    fn begin(&self) {
        self.marks.lock().get_or_insert_default();
    }

    fn end(&self) {
        *self.marks.lock() = None;
    }

    fn take(&self) -> HashMap<ChannelKey, Touched> {
        self.marks.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// Stops the marks when the task that looks at them ends.
struct Watching<'a>(&'a Watch);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Watches until it is dropped: a node that stops has nobody leave. `recorded` hears of whom there is something to
/// tell. Start it before the first socket opens.
pub fn watch(
    hub: Arc<Hub>,
    store: Arc<dyn PresenceStore>,
    grace: Grace,
    recorded: impl FnMut(Vec<ClientId>),
) -> impl Future<Output = ()> {
    // Now, not when the task first runs: nobody may come unseen.
    hub.watch.begin();
    run(hub, store, grace, recorded)
}

async fn run(
    hub: Arc<Hub>,
    store: Arc<dyn PresenceStore>,
    grace: Grace,
    mut recorded: impl FnMut(Vec<ClientId>),
) {
    let _watching = Watching(&hub.watch);
    let mut departures = Departures::new(millis(grace.after_end));
    let return_by = hub.clock.elapsed_ms() + millis(grace.after_start);
    for id in store.here() {
        departures.expect(hub.broker.key(&id), id, return_by);
    }
    // What could not be recorded yet. A client id stands here once.
    let mut unrecorded: HashMap<ChannelKey, ClientId> = HashMap::new();
    loop {
        let retry = (!unrecorded.is_empty()).then_some(RETRY);
        tokio::select! {
            () = wait(&hub, &departures, retry) => {}
            () = store.counted_out() => hub.send_away(),
        }
        let now_ms = hub.clock.elapsed_ms();
        let mut changes = Vec::new();
        let mut look = |key: ChannelKey, id: ClientId, may_be_gone: bool| {
            let connected = hub.sockets(key) > 0;
            if connected != store.is_here(&id) && (connected || may_be_gone) {
                changes.push(Change { id, connected });
            }
        };
        for (key, touched) in hub.watch.take() {
            departures.touch(key, &touched, hub.sockets(key) > 0, now_ms);
            look(key, touched.id, false);
        }
        while let Some((key, id)) = departures.poll(now_ms) {
            look(key, id, true);
        }
        unrecorded.drain().for_each(|(key, id)| look(key, id, true));
        if changes.is_empty() {
            continue;
        }
        match store.record(changes.clone(), hub.clock.now_ms()).await {
            Ok(ids) => recorded(ids),
            Err(error) => {
                tracing::error!(%error, "who came and went could not be recorded; it is tried again every second");
                unrecorded =
                    changes.into_iter().map(|change| (hub.broker.key(&change.id), change.id)).collect();
            }
        }
    }
}

/// Until there is something to look at.
async fn wait(hub: &Hub, departures: &Departures, retry: Option<Duration>) {
    let due = departures.poll_timeout().map(|at_ms| at_ms.saturating_sub(hub.clock.elapsed_ms()));
    let pause = due.map(Duration::from_millis).into_iter().chain(retry).min();
    match pause {
        Some(pause) => drop(time::timeout(pause, hub.watch.notify.notified()).await),
        None => hub.watch.notify.notified().await,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
