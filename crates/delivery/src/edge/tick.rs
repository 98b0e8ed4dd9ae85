//! Once a second: pings, tokens that end, sockets that are silent or slow.

use super::{events::SCRATCH_BYTES, local::Edge, slow::Slow};
use crate::{
    catch_up::{Progress, hand_over, write_control},
    entry::control_frame,
    socket::{Replay, Socket},
};
use protocol::{
    frame::Frame,
    socket::{Due, Seconds},
};
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{
    task::yield_now,
    time::{self, MissedTickBehavior},
};

/// The task that ticks for as long as the edge lives.
pub(super) async fn run(edge: Rc<Edge>) {
    let mut interval = time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slow = Slow::new();
    let mut scratch = vec![0; SCRATCH_BYTES];
    loop {
        interval.tick().await;
        let now = edge.hub.clock.seconds();
        for slot in edge.tick(now) {
            edge.read_on(slot, &mut scratch);
            // Each has its share again; others come between them.
            yield_now().await;
        }
        slow.look(&edge, now);
        if edge.index() == 0 {
            edge.hub.sweep_polls(now);
        }
    }
}

impl Edge {
    /// Does what is due for any of the sockets. Returns those that had to wait until they may speak again: now.
    pub(crate) fn tick(&self, now: Seconds) -> Vec<usize> {
        let (due, parked) = self.look(now);
        for slot in due {
            if let Some(socket) = self.socket(slot) {
                self.beat(slot, &socket, now);
            }
        }
        parked
    }

    /// The sockets that are due, and those that had to wait until they may speak again: now.
    fn look(&self, now: Seconds) -> (Vec<usize>, Vec<usize>) {
        let (mut due, mut parked) = (Vec::new(), Vec::new());
        for (slot, owned) in &mut *self.sockets.borrow_mut() {
            if owned.due_at <= now {
                due.push(slot);
            }
            if owned.heard > 0 {
                owned.heard = 0;
                if std::mem::take(&mut owned.parked) {
                    parked.push(slot);
                }
            }
        }
        (due, parked)
    }

    fn beat(&self, slot: usize, socket: &Arc<Socket>, now: Seconds) {
        // Before the channel's latest is looked at: a message up to here that is of this channel has raised it.
        let end = self.hub.broker.end();
        let mut state = socket.state.lock();
        let due = state.heartbeat.poll(now);
        let due_at = state.heartbeat.poll_timeout();
        match due {
            Due::Nothing => {}
            Due::Ping if state.replay != Replay::No => {}
            Due::Ping => {
                if state.cursor >= socket.channel.latest() {
                    // Not behind: an idle page never ages out.
                    state.cursor = state.cursor.max(end.offset);
                }
                let cursor = self.hub.cursor(state.cursor);
                let frame = control_frame(socket.transport, &Frame::Ping { cursor });
                let progress = write_control(&self.hub, &mut state, frame);
                if progress == Progress::UpToDate {
                    state.heartbeat.handle_ping_sent();
                }
                hand_over(&self.hub, socket, &mut state, progress);
            }
            Due::Close(code, reason) => {
                drop(state);
                return self.close(slot, socket, code, reason);
            }
        }
        drop(state);
        if let Some(owned) = self.sockets.borrow_mut().get_mut(slot) {
            owned.due_at = due_at;
        }
    }
}
