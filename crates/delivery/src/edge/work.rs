//! What other threads left for this edge: news to send, pages to read, sockets to end.

use super::local::Edge;
use crate::{catch_up::serve, channel::Channel, entry::Entry, written::Written};
use std::{rc::Rc, sync::Arc};
use tokio::task::{spawn_local, yield_now};

/// What is not the kernel's connection is read for its end alone. (The slot may have another owner since.)
const SCRATCH_BYTES: usize = 512;

/// Sends in a row before other tasks have their turn: about a millisecond.
const SENDS_MAX: usize = 256;

/// The task that works for as long as the edge lives.
pub(super) async fn run(edge: Rc<Edge>) {
    loop {
        edge.handle.woken().await;
        let mut sends = 0;
        while let Some(queue) = edge.handle.take() {
            if queue.drain {
                edge.drain();
            }
            for slot in queue.ended {
                edge.end_if_told(slot as usize);
            }
            for slot in queue.ready {
                edge.ready(slot as usize, true, true, &mut [0; SCRATCH_BYTES]);
            }
            for slot in queue.replays {
                spawn_local(super::replay::run(Rc::clone(&edge), slot as usize));
            }
            for (channel, entry) in queue.channels {
                send(&edge, &channel, &entry, &mut sends).await;
            }
        }
    }
}

/// Brings all sockets of this edge in a channel up to date.
async fn send(edge: &Rc<Edge>, channel: &Channel, entry: &Arc<Entry>, sends: &mut usize) {
    // Before the first look, so that what is announced meanwhile queues the channel again.
    channel.dequeue(edge.index());
    let (mut next, mut written) = (0, Written::of(entry));
    loop {
        let members = channel.members(&mut next, SENDS_MAX);
        if members.is_empty() {
            return;
        }
        for socket in members.iter().filter(|socket| socket.edge == edge.index()) {
            written.note(socket, serve(&edge.hub, socket, Some(entry)));
            *sends += 1;
        }
        written.measure(&edge.hub);
        if *sends >= SENDS_MAX {
            *sends = 0;
            yield_now().await;
        }
    }
}
