//! What other threads left for this edge: news to send, pages to read, sockets to end.

use super::{handle::Queue, local::Edge};
use crate::{
    catch_up::serve,
    channel::Channel,
    entry::Fresh,
    turn::{self, SENDS_MAX},
    written::Written,
};
use std::{collections::VecDeque, rc::Rc, sync::Arc};
use tokio::task::{spawn_local, yield_now};

/// What is not the kernel's connection is read for its end alone. (The slot may have another owner since.)
const SCRATCH_BYTES: usize = 512;

/// News for more sockets than one turn has room for.
struct Large {
    channel: Arc<Channel>,
    fresh: Fresh,
    /// The place of the next socket.
    next: usize,
}

/// The task that works for as long as the edge lives.
pub(super) async fn run(edge: Rc<Edge>) {
    // Large ones go on turn by turn, the first of them first, and all others pass them. Bounded as the queue is: a channel that
    // waits here counts as queued.
    let mut large = VecDeque::<Large>::new();
    let mut sends = 0;
    loop {
        match edge.handle.take() {
            Some(queue) => work(&edge, queue, &mut large, &mut sends).await,
            None if large.is_empty() => {
                edge.handle.woken().await;
                sends = 0;
            }
            None => {}
        }
        if let Some(first) = large.front_mut() {
            let mut written = Written::of(&first.fresh.entry);
            let sent = send(&edge, &first.channel, &first.fresh, &mut first.next, &mut written);
            written.measure(&edge.hub);
            if sent.is_none() {
                large.pop_front();
            }
            yield_now().await;
        }
    }
}

/// Does what others left, but for what is large.
async fn work(edge: &Rc<Edge>, queue: Queue, large: &mut VecDeque<Large>, sends: &mut usize) {
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
        spawn_local(super::replay::run(Rc::clone(edge), slot as usize));
    }
    // The channels of a list, one after the other: what became of its message is measured for all that have their turn together.
    for news in queue.channels.chunk_by(|(_, one), (_, next)| Arc::ptr_eq(&one.entry, &next.entry)) {
        let entry = &news[0].1.entry;
        let mut written = Written::of(entry);
        for (channel, fresh) in news {
            if channel.sockets() as usize > turn::sends(entry.message.data.bytes().len()) {
                large.push_back(Large { channel: Arc::clone(channel), fresh: fresh.clone(), next: 0 });
                continue;
            }
            let mut next = 0;
            while let Some(count) = send(edge, channel, fresh, &mut next, &mut written) {
                *sends += count;
            }
            if *sends >= SENDS_MAX {
                *sends = 0;
                written.measure(&edge.hub);
                yield_now().await;
            }
        }
        written.measure(&edge.hub);
    }
}

/// Brings the next sockets of this edge in a channel up to date, as many as one turn has room for. How many sends that was;
/// `None` after the last.
fn send(
    edge: &Edge,
    channel: &Channel,
    fresh: &Fresh,
    next: &mut usize,
    written: &mut Written<'_>,
) -> Option<usize> {
    if *next == 0 {
        // Before the first look, so that what is announced meanwhile queues the channel again.
        channel.dequeue(edge.index());
    }
    let bytes = fresh.entry.message.data.bytes().len();
    let members = channel.members(next, turn::sends(bytes));
    if members.is_empty() {
        return None;
    }
    let mut sends = 0;
    for socket in members.iter().filter(|socket| socket.edge == edge.index()) {
        written.note(socket, serve(&edge.hub, socket, Some(fresh)));
        sends += turn::weight(bytes);
    }
    Some(sends)
}
