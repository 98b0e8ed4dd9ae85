//! Who has a socket open on this node, and who came and went.

mod departures;
mod watch;

pub(crate) use watch::Watch;
pub use watch::{Grace, watch};

use crate::{channel::Channel, hub::Hub, socket::Socket};
use broker::error::ReadError;
use protocol::{cursor::Offset, id::ClientId, limits::SOCKETS_SHOWN_MAX, socket::Transport};
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

impl SocketView {
    pub(crate) fn of(socket: &Socket) -> Self {
        Self {
            transport: socket.transport,
            address: socket.address,
            opened_ms: socket.opened_ms,
            cursor: socket.cursor(),
            acked: socket.acked(),
        }
    }
}

impl Channel {
    /// Its sockets, the first thousand.
    #[must_use]
    pub fn socket_views(&self) -> Vec<SocketView> {
        self.members(&mut 0, SOCKETS_SHOWN_MAX).iter().map(|socket| SocketView::of(socket)).collect()
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
        let Some(cursor) = slowest else { return Ok(0) };
        let unsent = self.unsent((&channel.id, channel.key), (cursor, latest), usize::MAX).await?;
        Ok(unsent.offsets.len() as u64)
    }

    /// The first `limit` client ids after `after` that have a socket here, in the order of their bytes.
    #[must_use]
    pub fn present(&self, after: Option<&ClientId>, limit: usize) -> Vec<ClientId> {
        // A heap of the smallest: memory for one page, whatever the number of channels.
        let mut page = BinaryHeap::with_capacity(limit + 1);
        self.for_each_channel(|channel: &Arc<Channel>| {
            if !channel.id.is_canary() && after.is_none_or(|after| channel.id > *after) {
                page.push(channel.id.clone());
                if page.len() > limit {
                    page.pop();
                }
            }
        });
        page.into_sorted_vec()
    }
}
