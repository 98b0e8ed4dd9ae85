//! The real broker, with pauses where another thread could come between.

use super::power_disk::Random;
use async_trait::async_trait;
use broker::{
    broker::{Announce, Broker, Deletion, Health, LogStart},
    error::{PublishError, ReadError},
    key::ChannelKey,
    local::Local,
    message::{Draft, History, Page, Position, Recipients, Stored},
};
use parking_lot::Mutex;
use protocol::{
    cursor::{Cursor, Offset},
    id::ClientId,
    message::Data,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

/// A broker whose calls take their time.
pub(super) struct Paused {
    pub(super) local: Arc<Local>,
    pub(super) random: Mutex<Random>,
}

/// Lets the other tasks of the node go first; the runtime's own would wait for the world's next pause.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Paused {
    /// Lets others go first, none to three times.
    async fn pause(&self) {
        let times = self.random.lock().below(8).saturating_sub(4);
        for _ in 0..times {
            Yield(false).await;
        }
    }
}

#[async_trait]
impl Broker for Paused {
    fn attach(&self, announce: Weak<dyn Announce>) {
        self.local.attach(announce);
    }

    fn key(&self, id: &ClientId) -> ChannelKey {
        self.local.key(id)
    }

    fn end(&self) -> Cursor {
        self.local.end()
    }

    fn start(&self) -> LogStart {
        self.local.start()
    }

    async fn publish(&self, draft: Draft, now_ms: u64) -> Result<Stored, PublishError> {
        self.pause().await;
        let result = self.local.publish(draft, now_ms).await;
        self.pause().await;
        result
    }

    async fn publish_many(&self, drafts: Vec<Draft>, now_ms: u64) -> Vec<Result<Stored, PublishError>> {
        self.pause().await;
        let results = self.local.publish_many(drafts, now_ms).await;
        self.pause().await;
        results
    }

    async fn pass(&self, to: Recipients, data: Data) -> Result<(), PublishError> {
        self.pause().await;
        self.local.pass(to, data).await
    }

    fn follow(&self, id: &ClientId, key: ChannelKey) {
        self.local.follow(id, key);
    }

    fn unfollow(&self, id: &ClientId, key: ChannelKey) {
        self.local.unfollow(id, key);
    }

    async fn newest(&self, id: &ClientId, key: ChannelKey) -> Result<Offset, ReadError> {
        self.pause().await;
        let newest = self.local.newest(id, key).await;
        self.pause().await;
        newest
    }

    async fn history(
        &self,
        id: &ClientId,
        key: ChannelKey,
        position: Position,
        page: Page,
        now_ms: u64,
    ) -> Result<History, ReadError> {
        self.pause().await;
        let history = self.local.history(id, key, position, page, now_ms).await;
        self.pause().await;
        history
    }

    async fn delete(&self, id: &ClientId, key: ChannelKey, now_ms: u64) -> Result<Deletion, PublishError> {
        self.local.delete(id, key, now_ms).await
    }

    fn deletion(&self, key: ChannelKey) -> Option<Deletion> {
        self.local.deletion(key)
    }

    fn tick(&self, now_ms: u64) {
        self.local.tick(now_ms);
    }

    fn health(&self) -> Health {
        self.local.health()
    }

    fn kept_bytes(&self) -> u64 {
        self.local.kept_bytes()
    }

    async fn close(&self) {
        self.local.close().await;
    }
}
