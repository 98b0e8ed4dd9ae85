//! Sending what lies between a socket's cursor and its channel's latest message.
//!
//! Replay and live are this one function: it is called when the latest message has risen, and when the descriptor
//! becomes writable. Whoever calls it holds the socket's lock, so order needs no queue.

use crate::{
    edge::end_patience,
    entry::{Entry, Fresh},
    hub::Hub,
    socket::{Partial, Replay, Socket, State, Wire},
    stream::Stream,
    tail::Run,
};
use bytes::Bytes;
use protocol::cursor::Offset;
use std::{
    io::{self, IoSlice},
    sync::Arc,
};

/// How far a socket got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It has everything that was announced.
    UpToDate,
    /// The kernel takes no more; the descriptor's edge will say when it does.
    Blocked,
    /// The tail cache no longer has what comes next.
    NeedsBroker,
    /// Somebody else is at it, or the socket has ended.
    NotOurs,
    /// The connection is gone.
    Broken,
}

/// Frames in one system call: more gains nothing measurable and takes stack.
const FRAMES_AT_ONCE: usize = 16;

/// Serves a socket and sees to it that what it cannot do itself is done by the edge that owns the socket. `fresh`
/// spares the common case the look into the cache.
pub(crate) fn serve(hub: &Hub, socket: &Arc<Socket>, fresh: Option<&Fresh>) -> Progress {
    let mut state = socket.state.lock();
    let progress = catch_up(hub, socket, &mut state, fresh);
    hand_over(hub, socket, &mut state, progress);
    progress
}

/// What follows from a progress that the caller cannot handle.
pub(crate) fn hand_over(hub: &Hub, socket: &Socket, state: &mut State, progress: Progress) {
    let Wire::Descriptor(stream) = &state.wire else { return };
    let slot = stream.slot();
    match progress {
        Progress::NeedsBroker => {
            state.replay = Replay::Wanted;
            hub.edge(socket.edge).replay(slot);
        }
        Progress::Broken => {
            state.ending = true;
            hub.edge(socket.edge).ended(slot);
        }
        Progress::Blocked if !state.watched => {
            state.watched = true;
            hub.edge(socket.edge).blocked(slot);
        }
        Progress::UpToDate | Progress::Blocked | Progress::NotOurs => {}
    }
}

/// See the module.
pub(crate) fn catch_up(hub: &Hub, socket: &Socket, state: &mut State, fresh: Option<&Fresh>) -> Progress {
    if state.replay != Replay::No || state.ending {
        return Progress::NotOurs;
    }
    match &state.wire {
        Wire::Descriptor(_) => {}
        Wire::Poll(poll) => {
            poll.wake();
            return Progress::UpToDate;
        }
        Wire::Pending(_) | Wire::Closed => return Progress::NotOurs,
    }
    if let Some(stop) = finish_partial(hub, state) {
        return stop;
    }
    loop {
        let latest = socket.channel.latest();
        if state.cursor >= latest {
            return Progress::UpToDate;
        }
        let progress = match next_only(state.cursor, latest, fresh) {
            Some(entry) => send(hub, socket, state, std::slice::from_ref(entry)),
            None => match hub.tail.run(socket.channel.key, state.cursor, latest) {
                Some(run) => send_run(hub, socket, state, &run),
                None => return Progress::NeedsBroker,
            },
        };
        if progress != Progress::UpToDate {
            return progress;
        }
    }
}

/// The fresh message, if it is the only one that this socket lacks.
fn next_only(cursor: Offset, latest: Offset, fresh: Option<&Fresh>) -> Option<&Arc<Entry>> {
    let fresh = fresh.filter(|fresh| fresh.entry.offset() == latest)?;
    (fresh.previous <= cursor).then_some(&fresh.entry)
}

fn send_run(hub: &Hub, socket: &Socket, state: &mut State, run: &Run) -> Progress {
    for entries in run.chunks(FRAMES_AT_ONCE) {
        match send(hub, socket, state, entries) {
            Progress::UpToDate => {}
            stopped => return stopped,
        }
    }
    Progress::UpToDate
}

/// Sends a few messages with one system call, without those whose time to live is over.
fn send(hub: &Hub, socket: &Socket, state: &mut State, entries: &[Arc<Entry>]) -> Progress {
    let now_ms =
        if entries.iter().any(|entry| entry.message.ttl_seconds != 0) { hub.clock.now_ms() } else { 0 };
    let mut frames: smallvec::SmallVec<[(Offset, &Bytes); FRAMES_AT_ONCE]> = smallvec::SmallVec::new();
    for entry in entries.iter().filter(|entry| !entry.message.expired(now_ms)) {
        frames.push((entry.offset(), entry.frame(socket.transport)));
    }
    let progress = write_frames(hub, socket, state, &frames);
    if progress == Progress::UpToDate
        && let Some(last) = entries.last()
    {
        // Expired ones at the end are passed over.
        state.cursor = state.cursor.max(last.offset());
    }
    progress
}

/// Writes frames and moves the cursor over those that the kernel took, the last one perhaps in part.
pub(crate) fn write_frames(
    hub: &Hub,
    socket: &Socket,
    state: &mut State,
    frames: &[(Offset, &Bytes)],
) -> Progress {
    let mut rest = frames;
    let progress = write_rest(hub, state, &mut rest);
    if !socket.channel.id.is_canary() {
        hub.counters.deliveries.add((frames.len() - rest.len()) as u64);
    }
    progress
}

fn write_rest(hub: &Hub, state: &mut State, rest: &mut &[(Offset, &Bytes)]) -> Progress {
    while !rest.is_empty() {
        let Wire::Descriptor(stream) = &mut state.wire else { return Progress::NotOurs };
        let mut taken = match write(stream, rest) {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return blocked(hub, state),
            Err(_) => return Progress::Broken,
        };
        taken_by(state);
        while let Some(((offset, frame), others)) = rest.split_first() {
            if taken == 0 {
                break;
            }
            state.cursor = *offset;
            *rest = others;
            if taken < frame.len() {
                state.partial = Some(Box::new(Partial { bytes: Bytes::clone(frame), written: taken }));
                return blocked(hub, state);
            }
            taken -= frame.len();
        }
        if let Some(stop) = pending(hub, state) {
            return stop;
        }
    }
    Progress::UpToDate
}

/// Whether the last of what was taken waits for the kernel; see [`Stream::is_pending`].
#[inline]
fn is_pending(state: &State) -> bool {
    matches!(&state.wire, Wire::Descriptor(stream) if stream.is_pending())
}

#[inline]
fn pending(hub: &Hub, state: &mut State) -> Option<Progress> {
    is_pending(state).then(|| blocked(hub, state))
}

/// Whether something was taken whose rest is kept until the kernel takes it.
pub(crate) fn keeps_rest(state: &State) -> bool {
    state.partial.is_some() || is_pending(state)
}

fn write(stream: &mut Stream, frames: &[(Offset, &Bytes)]) -> io::Result<usize> {
    let result = match frames {
        [(_, frame)] => stream.write(frame),
        frames => {
            let slices: smallvec::SmallVec<[IoSlice<'_>; FRAMES_AT_ONCE]> =
                frames.iter().take(FRAMES_AT_ONCE).map(|(_, frame)| IoSlice::new(frame)).collect();
            stream.write_vectored(&slices)
        }
    };
    match result {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    }
}

/// The kernel took bytes.
fn taken_by(state: &mut State) {
    state.heartbeat.handle_taken();
    if state.patient {
        end_patience(state);
    }
}

fn blocked(hub: &Hub, state: &mut State) -> Progress {
    state.heartbeat.handle_blocked(hub.clock.seconds());
    hub.counters.blocked.add(1);
    Progress::Blocked
}

/// Writes what was taken and did not go, and the rest of a frame. `None` when there is nothing left.
pub(crate) fn finish_partial(hub: &Hub, state: &mut State) -> Option<Progress> {
    if is_pending(state)
        && let Some(stop) = flush(hub, state)
    {
        return Some(stop);
    }
    while let Some(partial) = &mut state.partial {
        let Wire::Descriptor(stream) = &mut state.wire else { return Some(Progress::NotOurs) };
        match stream.write(&partial.bytes[partial.written..]) {
            Ok(0) => return Some(Progress::Broken),
            Ok(taken) => {
                partial.written += taken;
                if partial.written == partial.bytes.len() {
                    state.partial = None;
                }
                taken_by(state);
                if let Some(stop) = pending(hub, state) {
                    return Some(stop);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(blocked(hub, state)),
            Err(_) => return Some(Progress::Broken),
        }
    }
    None
}

#[inline(never)]
fn flush(hub: &Hub, state: &mut State) -> Option<Progress> {
    let Wire::Descriptor(stream) = &mut state.wire else { return None };
    match stream.flush() {
        Ok(0) => None,
        Ok(_) => {
            taken_by(state);
            pending(hub, state)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(blocked(hub, state)),
        Err(_) => Some(Progress::Broken),
    }
}

/// Writes a frame that is no message, if nothing waits before it. If the kernel takes a part of it, the rest is kept; if it
/// takes nothing, neither is anything kept.
pub(crate) fn write_control(hub: &Hub, state: &mut State, frame: Bytes) -> Progress {
    if let Some(stop) = finish_partial(hub, state) {
        return stop;
    }
    let Wire::Descriptor(stream) = &mut state.wire else { return Progress::NotOurs };
    match stream.write(&frame) {
        Ok(0) => Progress::Broken,
        Ok(written) if written == frame.len() => {
            taken_by(state);
            pending(hub, state).unwrap_or(Progress::UpToDate)
        }
        Ok(written) => {
            state.partial = Some(Box::new(Partial { bytes: frame, written }));
            blocked(hub, state)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => blocked(hub, state),
        Err(_) => Progress::Broken,
    }
}
