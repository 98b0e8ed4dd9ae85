//! The connections of one edge that are no sockets: how many of them may be quiet at once.
//!
//! A quiet connection, idle between two requests or with a head that does not end, costs a descriptor and memory and
//! brings nothing. When there are too many, the longest quiet ones go; those that are about to speak stay. The connections
//! of applications go last: a request that is on its way on one of them would get no answer, and its sender could not
//! tell whether it counted.

use protocol::limits;
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use tokio::task::AbortHandle;

/// Milliseconds since the server's start.
type Milliseconds = u64;

/// One that came or was answered less long ago is not quiet yet: its request is on its way. Short, since those that come
/// wait behind a crowd of others for as many of these times as fill its queue.
const QUIET_AFTER: Milliseconds = 100;

/// The same for one of an application. In a storm its request may wait for long behind those of others, and cut off would
/// get no answer.
const TRUSTED_QUIET_AFTER: Milliseconds = 5_000;

/// A connection in the fast lane may be idle for so long; the general server keeps the same time.
const IDLE_TIME: Milliseconds = limits::HEAD_TIME.as_millis() as Milliseconds;

/// The connections of one edge.
pub(super) struct Connections {
    all: RefCell<Slab<Known>>,
    /// How many of them are not in a request.
    quiet: Cell<usize>,
    quiet_max: usize,
}

struct Known {
    /// Ends its task, and the connection with it.
    task: Option<AbortHandle>,
    /// Since when it is in no request; `None` while it is in one.
    quiet_since: Option<Milliseconds>,
    /// It has brought a key or a token that was good.
    trusted: bool,
    /// Nobody else keeps its time while it is quiet.
    in_lane: bool,
}

/// A connection's place among the others, for as long as it lives.
pub(super) struct Place {
    connections: Rc<Connections>,
    index: usize,
}

impl Connections {
    pub(super) fn new(quiet_max: usize) -> Rc<Self> {
        Rc::new(Self { all: RefCell::default(), quiet: Cell::new(0), quiet_max })
    }

    /// Takes in a connection that was accepted at `now`.
    pub(super) fn enter(self: &Rc<Self>, now: Milliseconds) -> Place {
        self.quiet.set(self.quiet.get() + 1);
        let index = self.all.borrow_mut().insert(Known {
            task: None,
            quiet_since: Some(now),
            trusted: false,
            in_lane: true,
        });
        Place { connections: Rc::clone(self), index }
    }

    /// Says which task serves the connection at a place.
    pub(super) fn served_by(&self, index: usize, task: AbortHandle) {
        if let Some(known) = self.all.borrow_mut().get_mut(index) {
            known.task = Some(task);
        }
    }

    /// Whether another connection may be accepted at `now`. If not, there is room when some of those that are new have
    /// said what they want, or have been quiet for too long.
    pub(super) fn has_room(&self, now: Milliseconds) -> bool {
        self.quiet.get() < self.quiet_max || self.make_room(now)
    }

    /// Ends those in the fast lane that have said nothing for too long; once a second.
    pub(super) fn end_idle(&self, now: Milliseconds) {
        let mut all = self.all.borrow_mut();
        let mut ended = 0;
        for (_, known) in all.iter_mut().filter(|(_, known)| known.in_lane) {
            let is_idle = |since: Milliseconds| now.saturating_sub(since) >= IDLE_TIME;
            if known.quiet_since.take_if(|since| is_idle(*since)).is_some() {
                ended += 1;
                if let Some(task) = &known.task {
                    task.abort();
                }
            }
        }
        self.quiet.set(self.quiet.get() - ended);
    }

    /// Ends the connections that have been quiet for longest, a few at once: strangers, if there are any. Whether there
    /// were any.
    pub(super) fn make_room(&self, now: Milliseconds) -> bool {
        let mut all = self.all.borrow_mut();
        let quiet_for_long = |trusted: bool, after: Milliseconds| -> Vec<(Milliseconds, usize)> {
            all.iter()
                .filter(|(_, known)| known.trusted == trusted)
                .filter_map(|(index, known)| known.quiet_since.map(|since| (since, index)))
                .filter(|(since, _)| now.saturating_sub(*since) >= after)
                .collect()
        };
        let mut quiet = quiet_for_long(false, QUIET_AFTER);
        if quiet.is_empty() {
            quiet = quiet_for_long(true, TRUSTED_QUIET_AFTER);
        }
        quiet.sort_unstable();
        quiet.truncate(self.quiet_max / 8 + 1);
        for (_, index) in &quiet {
            let known = &mut all[*index];
            // It ends when its task has its turn; nobody counts on it any more, nor ends it twice.
            known.quiet_since = None;
            if let Some(task) = &known.task {
                task.abort();
            }
        }
        self.quiet.set(self.quiet.get() - quiet.len());
        !quiet.is_empty()
    }
}

impl Place {
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Whether it is in the fast lane; elsewhere the general server keeps its time.
    pub(super) fn in_lane(&self, in_lane: bool) {
        self.connections.all.borrow_mut()[self.index].in_lane = in_lane;
    }

    /// A request has come.
    pub(super) fn busy(&self) {
        self.set(None);
    }

    /// It has brought a key or a token that was good.
    pub(super) fn trust(&self) {
        self.connections.all.borrow_mut()[self.index].trusted = true;
    }

    /// It was answered at `now`.
    pub(super) fn quiet(&self, now: Milliseconds) {
        self.set(Some(now));
    }

    fn set(&self, quiet_since: Option<Milliseconds>) {
        let mut all = self.connections.all.borrow_mut();
        let known = &mut all[self.index];
        let quiet = &self.connections.quiet;
        quiet
            .set(quiet.get() + usize::from(quiet_since.is_some()) - usize::from(known.quiet_since.is_some()));
        known.quiet_since = quiet_since;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.connections.all.borrow_mut();
        let known = all.remove(self.index);
        let quiet = &self.connections.quiet;
        quiet.set(quiet.get() - usize::from(known.quiet_since.is_some()));
        // A slab does not shrink by itself; after a storm most of it would stay for nothing.
        if all.capacity() > 1024 && all.len() < all.capacity() / 4 {
            all.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::LocalSet;

    /// A task that waits for ever, known to the others.
    fn connection(
        connections: &Rc<Connections>,
        now: Milliseconds,
    ) -> (Rc<Place>, tokio::task::JoinHandle<()>) {
        let place = Rc::new(connections.enter(now));
        let kept = Rc::clone(&place);
        let task = tokio::task::spawn_local(async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        connections.served_by(place.index(), task.abort_handle());
        (place, task)
    }

    #[tokio::test]
    async fn the_longest_quiet_one_goes_and_never_one_in_a_request() {
        LocalSet::new().run_until(longest()).await;
    }

    async fn longest() {
        let connections = Connections::new(3);
        let (busy, busy_task) = connection(&connections, 0);
        busy.busy();
        let (_first, first) = connection(&connections, 100);
        let (second, second_task) = connection(&connections, 0);
        assert!(connections.has_room(1000), "two quiet ones of three");
        second.busy();
        second.quiet(900);
        let (_third, third) = connection(&connections, 900);
        assert!(connections.has_room(1000), "a third is too many, and the first has been quiet for longest");
        assert_eq!(connections.quiet.get(), 2, "it counts no more, though it has not had its turn yet");
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(!busy_task.is_finished() && !second_task.is_finished() && !third.is_finished());
    }

    #[tokio::test]
    async fn an_application_goes_only_when_there_are_no_strangers() {
        LocalSet::new().run_until(strangers()).await;
    }

    async fn strangers() {
        let connections = Connections::new(2);
        let (application, application_task) = connection(&connections, 0);
        application.trust();
        let (_stranger, stranger) = connection(&connections, 500);
        assert!(connections.has_room(1000), "the stranger has been quiet for less long, and goes");
        assert!(stranger.await.unwrap_err().is_cancelled());
        assert!(!application_task.is_finished());
        let (other, other_task) = connection(&connections, 1000);
        other.trust();
        assert!(!connections.has_room(4_999), "there are only applications, and none is quiet for long");
        assert!(connections.has_room(5_000), "now one is");
        assert!(application_task.await.unwrap_err().is_cancelled());
        assert!(!other_task.is_finished());
    }

    #[tokio::test]
    async fn those_that_have_just_come_stay_and_others_wait() {
        LocalSet::new().run_until(just_come()).await;
    }

    async fn just_come() {
        let connections = Connections::new(2);
        let (place, task) = connection(&connections, 500);
        let (_other, other) = connection(&connections, 500);
        assert!(!connections.has_room(500) && !connections.has_room(599));
        assert!(!task.is_finished() && !other.is_finished());
        place.busy();
        assert!(connections.has_room(599), "one has said what it wants");
        place.quiet(600);
        assert!(connections.has_room(600), "the other has not");
        assert!(other.await.unwrap_err().is_cancelled());
    }

    #[test]
    fn who_is_gone_counts_no_more() {
        let connections = Connections::new(1);
        let place = connections.enter(1);
        assert!(!connections.has_room(1));
        drop(place);
        assert!(connections.has_room(1));
        let place = connections.enter(1);
        place.busy();
        drop(place);
        assert_eq!(connections.quiet.get(), 0);
    }
}
