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

    /// Whether something happened since the last look.
    fn is_marked(&self, key: ChannelKey) -> bool {
        self.marks.lock().as_ref().is_some_and(|marks| marks.contains_key(&key))
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
        let sockets = |key| hub.sockets(key);
        let seen = look(&hub.watch, &mut departures, &mut unrecorded, sockets, now_ms);
        let changed = |(id, connected): &(ClientId, bool)| *connected != store.is_here(id);
        let changes: Vec<Change> =
            seen.into_iter().filter(changed).map(|(id, connected)| Change { id, connected }).collect();
        if changes.is_empty() {
            continue;
        }
        match store.record(changes.clone(), hub.clock.now_ms()).await {
            Ok(ids) => recorded(ids),
            Err(error) => {
                tracing::error!(%error, "who came and went could not be recorded; it is tried again every second");
                unrecorded.extend(changes.into_iter().map(|change| (hub.broker.key(&change.id), change.id)));
            }
        }
    }
}

/// Who is there and who is gone, of those to whom something happened and of those whose time is over.
///
/// That nobody is there counts only if nothing has happened since the marks were taken: a socket that came and went in that moment
/// has left a mark, which says how it went, and who went without a word is waited for. A mark is there before anybody finds
/// the socket gone ([`Hub::leave`]).
fn look(
    watch: &Watch,
    departures: &mut Departures,
    unrecorded: &mut HashMap<ChannelKey, ClientId>,
    sockets: impl Fn(ChannelKey) -> u32,
    now_ms: u64,
) -> Vec<(ClientId, bool)> {
    let mut seen = Vec::new();
    for (key, touched) in watch.take() {
        let present = sockets(key) > 0;
        departures.touch(key, &touched, present, now_ms);
        if present {
            seen.push((touched.id, true));
        }
    }
    while let Some(key) = departures.due(now_ms) {
        let present = sockets(key) > 0;
        if !present && watch.is_marked(key) {
            // The marks are looked at first; it stays due.
            break;
        }
        seen.extend(departures.take(key).map(|id| (id, present)));
    }
    unrecorded.retain(|key, id| {
        let present = sockets(*key) > 0;
        let is_known = present || !watch.is_marked(*key);
        if is_known {
            seen.push((id.clone(), present));
        }
        !is_known
    });
    seen
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

#[cfg(test)]
mod tests {
    use super::*;
    use broker::key::ChannelKey;

    const GRACE_MS: u64 = 5_000;
    const NOBODY: fn(ChannelKey) -> u32 = |_| 0;

    struct World {
        watch: Watch,
        departures: Departures,
        unrecorded: HashMap<ChannelKey, ClientId>,
        ada: Channel,
    }

    impl World {
        fn new() -> Self {
            let watch = Watch::default();
            watch.begin();
            let ada = Channel::new(ChannelKey(1), "ada".parse().unwrap(), 0);
            Self { watch, departures: Departures::new(GRACE_MS), unrecorded: HashMap::new(), ada }
        }

        fn look(&mut self, sockets: impl Fn(ChannelKey) -> u32, now_ms: u64) -> Vec<bool> {
            let seen = look(&self.watch, &mut self.departures, &mut self.unrecorded, sockets, now_ms);
            seen.into_iter().map(|(_, present)| present).collect()
        }
    }

    /// The marks were taken, and it goes before it is looked at.
    #[test]
    fn a_socket_that_goes_at_the_moment_of_a_look_is_waited_for() {
        let mut world = World::new();
        let (watch, ada) = (&world.watch, &world.ada);
        watch.came(ada);
        let gone = std::cell::Cell::new(false);
        let goes = |_| {
            if !gone.replace(true) {
                watch.went(ada, false);
            }
            0
        };
        let seen = look(watch, &mut world.departures, &mut world.unrecorded, goes, 0);
        assert!(seen.is_empty(), "how it went is not known yet");
        assert!(world.look(NOBODY, 1).is_empty());
        assert!(world.look(NOBODY, GRACE_MS).is_empty());
        assert_eq!(world.look(NOBODY, GRACE_MS + 1), [false], "after the grace");
    }

    #[test]
    fn what_could_not_be_recorded_waits_for_what_has_just_happened() {
        let mut world = World::new();
        world.unrecorded.insert(ChannelKey(1), world.ada.id.clone());
        let (watch, ada) = (&world.watch, &world.ada);
        let goes = |_| {
            watch.went(ada, false);
            0
        };
        let seen = look(watch, &mut world.departures, &mut world.unrecorded, goes, 0);
        assert_eq!((seen.len(), world.unrecorded.len()), (0, 1));
        assert_eq!(world.look(|_| 1, 1), [true, true], "it is there again");
        assert!(world.unrecorded.is_empty());
    }

    #[test]
    fn who_leaves_with_a_word_is_gone_at_once() {
        let mut world = World::new();
        world.watch.came(&world.ada);
        assert_eq!(world.look(|_| 1, 0), [true]);
        world.watch.went(&world.ada, true);
        assert_eq!(world.look(NOBODY, 1), [false]);
    }
}
