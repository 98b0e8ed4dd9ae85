//! Bringing a socket up to date that is further behind than the tail cache reaches.

use super::local::Edge;
use crate::{
    catch_up::{self, Progress, finish_partial, hand_over, keeps_rest, write_control, write_frames},
    entry::{control_frame, message_frame},
    hub::Hub,
    socket::{Replay, Socket, State},
};
use broker::message::{History, Page, Position};
use bytes::Bytes;
use protocol::{
    close::CloseCode,
    cursor::Offset,
    frame::{Frame, GapReason},
};
use std::{rc::Rc, sync::Arc};

/// One page: about what the kernel takes from us at once for one socket.
const PAGE: Page = Page { messages: 64, bytes: 128 * 1024 };

/// Pages in turn until the socket is up to date or takes no more. The socket is marked as replaying: nobody else
/// writes to it.
pub(super) async fn run(edge: Rc<Edge>, slot: usize) {
    let Some(socket) = edge.socket(slot) else { return };
    {
        let mut state = socket.state.lock();
        if state.replay != Replay::Wanted {
            return;
        }
        state.replay = Replay::Running;
    }
    edge.hub.counters.replays.add(1);
    loop {
        let position = Position::After(edge.hub.cursor(socket.cursor()));
        let channel = &socket.channel;
        let now_ms = edge.hub.clock.now_ms();
        let history = match edge.hub.broker.history(&channel.id, channel.key, position, PAGE, now_ms).await {
            Ok(history) => history,
            Err(error) => {
                tracing::error!(%error, "a socket that is behind cannot be served");
                edge.close(slot, &socket, CloseCode::INTERNAL_ERROR, "The channel cannot be read.");
                return;
            }
        };
        if socket.is_closed() {
            return;
        }
        if !write_page(&edge, &socket, &history) {
            return;
        }
    }
}

/// Says that something is missing up to `from`. Only when the frame was taken, or its rest is kept, the cursor moves there: a
/// kernel that takes nothing of it would have the socket go on behind a gap that it never heard of.
fn write_gap(hub: &Hub, socket: &Socket, state: &mut State, (from, reason): (Offset, GapReason)) -> Progress {
    if let Some(stop) = finish_partial(hub, state) {
        return stop;
    }
    let frame = Frame::Gap { cursor: hub.cursor(from), reason };
    let progress = write_control(hub, state, control_frame(socket.transport, &frame));
    if progress == Progress::UpToDate || keeps_rest(state) {
        hub.gap_said(&socket.channel, from, reason);
        state.cursor = from;
    }
    progress
}

/// Writes a page; whether another one is to be read.
fn write_page(edge: &Rc<Edge>, socket: &Arc<Socket>, history: &History) -> bool {
    let hub = &edge.hub;
    let mut state = socket.state.lock();
    let mut progress = match history.gap {
        Some(reason) => write_gap(hub, socket, &mut state, (history.from, reason)),
        None => Progress::UpToDate,
    };
    if progress == Progress::UpToDate {
        let frames: Vec<(Offset, Bytes)> = history
            .messages
            .iter()
            .map(|message| {
                let cursor = hub.cursor(message.offset);
                (message.offset, message_frame(socket.transport, Some(cursor), &message.data))
            })
            .collect();
        let frames: Vec<(Offset, &Bytes)> = frames.iter().map(|(offset, frame)| (*offset, frame)).collect();
        progress = write_frames(hub, socket, &mut state, &frames);
    }
    if progress == Progress::UpToDate {
        state.cursor = state.cursor.max(history.upto);
        if history.more {
            return true;
        }
    }
    state.replay = Replay::No;
    let progress = match progress {
        Progress::UpToDate => catch_up::catch_up(hub, socket, &mut state, None),
        other => other,
    };
    if progress == Progress::NeedsBroker {
        state.replay = Replay::Running;
        return true;
    }
    hand_over(hub, socket, &mut state, progress);
    false
}
