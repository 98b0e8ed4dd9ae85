//! What the tasks of a node and those who ask it share: the folded state, and how it catches up with the log.

use super::{
    fold::Fold,
    log::{Log, Placed, Trouble},
    record::{self, Member},
    snapshot,
};
use parking_lot::Mutex;
use protocol::id::ClientId;
use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// See the module.
pub(super) struct Shared {
    pub(super) log: Log,
    pub(super) view: Mutex<View>,
    /// The place in the log up to which everything is folded.
    pub(super) applied: watch::Sender<u64>,
    /// Of whom there is something to tell, and nobody has asked yet. Client ids stand here once.
    news: Mutex<HashSet<ClientId>>,
    pub(super) there_are_news: Notify,
    pub(super) membership: watch::Sender<Membership>,
    /// The last words of this node came back from the log.
    in_touch: AtomicBool,
    catching_up: tokio::sync::Mutex<()>,
}

/// The state, and this node's place in it.
pub(super) struct View {
    pub(super) fold: Fold,
    /// Up to here.
    pub(super) place: u64,
    /// Which of several logs of this name.
    pub(super) log: i128,
    pub(super) me: Member,
    /// Whether it falls to this node to tell the application.
    teller: bool,
}

/// Whether the others count this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    Counts,
    /// Its sockets must end.
    CountedOut,
    /// Whoever ends them was told.
    Told,
    /// They ended.
    Ended,
}

/// A copy that was sent on comes sooner than this, or the log is read.
const SENT_ON_WITHIN: Duration = Duration::from_millis(100);

/// How often a snapshot that bridges a hole is looked for: a replica may be behind.
const BRIDGE_TRIES: u32 = 5;
const BRIDGE_PAUSE: Duration = Duration::from_millis(200);

impl Shared {
    /// The state of a log as it is at this moment.
    pub(super) async fn open(log: Log, me: Member) -> Result<Self, Trouble> {
        let (end, of) = log.ensure().await?;
        let view = View { fold: Fold::default(), place: 0, log: of, me, teller: false };
        let shared = Self {
            log,
            view: Mutex::new(view),
            applied: watch::Sender::new(0),
            news: Mutex::default(),
            there_are_news: Notify::new(),
            membership: watch::Sender::new(Membership::Counts),
            in_touch: AtomicBool::new(false),
            catching_up: tokio::sync::Mutex::default(),
        };
        shared.bridge(1).await?;
        shared.catch_up(end).await?;
        Ok(shared)
    }

    /// Takes a record if it is the next one.
    pub(super) fn take(&self, placed: &Placed) {
        let mut view = self.view.lock();
        if placed.place != view.place + 1 {
            return;
        }
        view.place = placed.place;
        let news = match record::decode(&placed.batch) {
            Some((head, records)) => view.fold.apply(placed.place, placed.time_ms, head, &records),
            None => {
                tracing::warn!(
                    placed.place,
                    "a record of presence is of an unknown kind; is this node older than others?"
                );
                Vec::new()
            }
        };
        self.after(&mut view, news);
    }

    /// What follows from a new state.
    fn after(&self, view: &mut View, news: Vec<ClientId>) {
        let was_teller = view.teller;
        view.teller = self.in_touch.load(Ordering::Relaxed) && view.fold.members.teller() == Some(view.me);
        let news = match (was_teller, view.teller) {
            (_, false) => Vec::new(),
            (false, true) => view.fold.waiting(),
            (true, true) => news,
        };
        if !news.is_empty() {
            self.news.lock().extend(news);
            self.there_are_news.notify_one();
        }
        self.applied.send_replace(view.place);
    }

    /// Whether this node may tell the application: nobody else does then.
    pub(super) fn is_teller(&self) -> bool {
        self.in_touch.load(Ordering::Relaxed) && self.view.lock().teller
    }

    /// Whether what this node says comes back to it. While it does not, another may tell the application.
    pub(super) fn set_in_touch(&self, in_touch: bool) {
        if self.in_touch.swap(in_touch, Ordering::Relaxed) != in_touch {
            self.after(&mut self.view.lock(), Vec::new());
        }
    }

    pub(super) fn take_news(&self) -> Vec<ClientId> {
        std::mem::take(&mut *self.news.lock()).into_iter().collect()
    }

    /// Waits until everything up to a place is folded; reads it if it does not come.
    pub(super) async fn reach(&self, place: u64) -> Result<(), Trouble> {
        let mut applied = self.applied.subscribe();
        let coming = applied.wait_for(|applied| *applied >= place);
        if tokio::time::timeout(SENT_ON_WITHIN, coming).await.is_ok() {
            return Ok(());
        }
        self.catch_up(place).await
    }

    /// Reads the log up to a place.
    pub(super) async fn catch_up(&self, place: u64) -> Result<(), Trouble> {
        let _one = self.catching_up.lock().await;
        loop {
            let folded = self.view.lock().place;
            if folded >= place {
                return Ok(());
            }
            let read = self.log.read(folded, place).await?;
            let Some(first) = read.first() else {
                // Not there yet, where a replica is behind; or there no more, and a snapshot has it, or nobody.
                match self.log.first().await? {
                    first if first > folded + 1 => self.bridge(first).await?,
                    _ => return Err("a replica of the presence log is behind".into()),
                }
                continue;
            };
            if first.place > folded + 1 {
                self.bridge(first.place).await?;
            }
            read.iter().for_each(|placed| self.take(placed));
        }
    }

    /// Comes to where the record of this place is the next one, by a snapshot.
    async fn bridge(&self, next: u64) -> Result<(), Trouble> {
        for _ in 0..BRIDGE_TRIES {
            let (folded, of) = {
                let view = self.view.lock();
                (view.place, view.log)
            };
            let found = snapshot::find(&self.log, of).await?.filter(|index| index.place > folded);
            if let Some(index) = found
                && let Some(fold) = snapshot::load(&self.log, index).await?
            {
                self.replace(fold, index.place, of);
                return Ok(());
            }
            if folded + 1 >= next {
                return Ok(());
            }
            tokio::time::sleep(BRIDGE_PAUSE).await;
        }
        tracing::error!("a part of the presence log is gone; who came and went there is not known");
        let mut view = self.view.lock();
        view.place = view.place.max(next - 1);
        self.applied.send_replace(view.place);
        Ok(())
    }

    /// Goes on with another state: of a snapshot, or none where the log began anew.
    pub(super) fn replace(&self, fold: Fold, place: u64, log: i128) {
        let mut view = self.view.lock();
        if view.log == log && view.place >= place {
            return;
        }
        (view.fold, view.place, view.log, view.teller) = (fold, place, log, false);
        self.after(&mut view, Vec::new());
    }
}
