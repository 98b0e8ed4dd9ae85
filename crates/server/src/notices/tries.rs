//! Notices that are on their way, and what became of them.

use broker::presence::Notice;
use std::collections::HashMap;
use tokio::task::{Id, JoinError, JoinSet};

/// What became of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Told,
    Failed,
    /// The application has no handler for it.
    Refused,
    /// 410.
    Unwanted,
}

/// See the module.
#[derive(Default)]
pub(super) struct Tries {
    tasks: JoinSet<Outcome>,
    /// Kept here and not by the tasks: a task that panics must not take its notice along, or its client id would hold
    /// one of the few places for ever and hear of nothing more.
    notices: HashMap<Id, Notice>,
}

impl Tries {
    pub(super) fn start(&mut self, notice: Notice, sending: impl Future<Output = Outcome> + Send + 'static) {
        let id = self.tasks.spawn(sending).id();
        self.notices.insert(id, notice);
    }

    /// The next that ends; `None` if none is on its way. May be given up and called again.
    pub(super) async fn next(&mut self) -> Option<(Notice, Outcome)> {
        let ended = self.tasks.join_next_with_id().await?;
        self.ended(ended)
    }

    /// The next that has ended.
    pub(super) fn try_next(&mut self) -> Option<(Notice, Outcome)> {
        let ended = self.tasks.try_join_next_with_id()?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) -> Option<(Notice, Outcome)> {
        let (id, outcome) = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "sending a presence notice failed; it is tried again");
            (error.id(), Outcome::Failed)
        });
        self.notices.remove(&id).map(|notice| (notice, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    fn notice(generation: u64) -> Notice {
        Notice { id: "ada".parse().unwrap(), connected: true, generation, time_ms: 0 }
    }

    #[tokio::test]
    async fn a_try_that_panics_has_failed_and_gives_its_notice_back() {
        let mut tries = Tries::default();
        tries.start(notice(1), ready(Outcome::Told));
        tries.start(notice(2), async { panic!("a mistake in sending") });
        tries.start(notice(3), pending());
        let mut ended = [tries.next().await.unwrap(), tries.next().await.unwrap()];
        ended.sort_by_key(|(notice, _)| notice.generation);
        assert_eq!(ended, [(notice(1), Outcome::Told), (notice(2), Outcome::Failed)]);
        assert_eq!(tries.try_next(), None);
        assert_eq!(tries.notices.len(), 1, "the one that is still on its way");
    }
}
