//! Once a second: pings, tokens that end, sockets that are silent or slow.

use super::{local::Edge, slow::Slow};
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
use tokio::time::{self, MissedTickBehavior};

/// The task that ticks for as long as the edge lives.
pub(super) async fn run(edge: Rc<Edge>) {
    let mut interval = time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slow = Slow::new();
    loop {
        interval.tick().await;
        let now = edge.hub.clock.seconds();
        edge.tick(now);
        slow.look(&edge, now);
        if edge.index() == 0 {
            edge.hub.sweep_polls(now);
        }
    }
}

impl Edge {
    /// Does what is due for any of the sockets.
    pub(crate) fn tick(&self, now: Seconds) {
        for slot in self.due(now) {
            if let Some(socket) = self.socket(slot) {
                self.beat(slot, &socket, now);
            }
        }
    }

    fn due(&self, now: Seconds) -> Vec<usize> {
        let sockets = self.sockets.borrow();
        sockets.iter().filter(|(_, owned)| owned.due_at <= now).map(|(slot, _)| slot).collect()
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
