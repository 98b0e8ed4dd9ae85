//! Who has a socket open on this node, and who came and went.

mod departures;
mod watch;

pub(crate) use watch::Watch;
pub use watch::{Grace, watch};

use crate::{channel::Channel, hub::Hub};
use broker::{
    error::ReadError,
    message::{Page, Position},
};
use protocol::{
    cursor::Offset,
    id::ClientId,
    limits::{PAGE_BYTES_MAX, PAGE_MESSAGES_MAX},
    socket::Transport,
};
use std::{collections::BinaryHeap, net::IpAddr, sync::Arc};

/// What is known of one socket.
#[derive(Clone, Debug)]
pub struct SocketView {
    /// How its frames travel.
    pub transport: Transport,
    /// Where it came from.
    pub address: IpAddr,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
    /// Up to where it has had everything.
    pub cursor: Offset,
    /// The highest place its page acknowledged.
    pub acked: Option<Offset>,
}

/// Sockets shown of one channel at most.
const SOCKETS_SHOWN_MAX: usize = 1000;

impl Channel {
    /// Its sockets, the first thousand.
    #[must_use]
    pub fn socket_views(&self) -> Vec<SocketView> {
        let (mut next, mut views) = (0, Vec::new());
        for socket in self.members(&mut next, SOCKETS_SHOWN_MAX) {
            views.push(SocketView {
                transport: socket.transport,
                address: socket.address,
                opened_ms: socket.opened_ms,
                cursor: socket.cursor(),
                acked: socket.acked(),
            });
        }
        views
    }
}

impl Hub {
    /// How many kept messages the slowest socket of a channel still has to get.
    ///
    /// # Errors
    /// [`ReadError`] if it is so far behind that the disk had to be asked, and that failed.
    pub async fn lag(&self, channel: &Channel) -> Result<u64, ReadError> {
        let latest = channel.latest();
        let slowest = channel.socket_views().iter().map(|view| view.cursor).min();
        let Some(cursor) = slowest.filter(|cursor| *cursor < latest) else { return Ok(0) };
        if let Some(run) = self.tail.run(channel.key, cursor, latest) {
            return Ok(run.len() as u64);
        }
        let (mut position, mut count) = (Position::After(self.cursor(cursor)), 0);
        loop {
            let page = Page { messages: PAGE_MESSAGES_MAX, bytes: PAGE_BYTES_MAX };
            let now_ms = self.clock.now_ms();
            let history = self.broker.history(&channel.id, channel.key, position, page, now_ms).await?;
            count += history.messages.len() as u64;
            if !history.more {
                return Ok(count);
            }
            position = Position::After(self.cursor(history.upto));
        }
    }

    /// The first `limit` client ids after `after` that have a socket here, in the order of their bytes.
    #[must_use]
    pub fn present(&self, after: Option<&ClientId>, limit: usize) -> Vec<ClientId> {
        // A heap of the smallest: memory for one page, whatever the number of channels.
        let mut page = BinaryHeap::with_capacity(limit + 1);
        self.for_each_channel(|channel: &Arc<Channel>| {
            if after.is_none_or(|after| channel.id > *after) {
                page.push(channel.id.clone());
                if page.len() > limit {
                    page.pop();
                }
            }
        });
        page.into_sorted_vec()
    }
}
