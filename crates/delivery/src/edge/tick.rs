//! Once a second: pings, tokens that end, sockets that are silent or slow.

use super::{
    local::{Edge, HEARD_AGAIN_MAX, HEARD_UNIT_BYTES},
    slow::Slow,
};
use crate::{
    catch_up::{Progress, hand_over, write_control},
    entry::control_frame,
    socket::Replay,
};
use protocol::{
    frame::Frame,
    socket::{Due, Seconds},
};
use std::{rc::Rc, time::Duration};
use tokio::{
    task::yield_now,
    time::{self, MissedTickBehavior},
};

/// Sockets that came at the same time are due at the same time, after a restart thousands. A ping is a system call of some ten
/// microseconds, so after this many others have their turn.
pub(super) const BEATS_AT_ONCE: usize = 16;

/// Those who had said their share and go on are spread over so much of a second, in so many turns at most: the runtime's clock counts
/// milliseconds.
const SHARES_WITHIN: Duration = Duration::from_millis(500);
const SHARES_TURNS_MAX: usize = 100;

/// The task that ticks for as long as the edge lives.
pub(super) async fn run(edge: Rc<Edge>) {
    let mut interval = time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slow = Slow::new();
    let mut scratch = [0; HEARD_AGAIN_MAX as usize * HEARD_UNIT_BYTES];
    loop {
        interval.tick().await;
        let now = edge.hub.clock.seconds();
        let (due, parked) = edge.look(now);
        for some in due.chunks(BEATS_AT_ONCE) {
            some.iter().for_each(|slot| edge.beat(*slot, now));
            yield_now().await;
        }
        slow.look(&edge, now);
        if edge.index() == 0 {
            edge.hub.sweep_polls(now);
        }
        share_out(&edge, &parked, &mut scratch).await;
    }
}

/// Lets those speak again who had said their share. Not all at once: floods of a second in one go are what shares are to prevent.
async fn share_out(edge: &Edge, parked: &[usize], scratch: &mut [u8]) {
    let turns = parked.len().clamp(1, SHARES_TURNS_MAX);
    for some in parked.chunks(parked.len().div_ceil(turns).max(1)) {
        for slot in some {
            edge.read_on(*slot, scratch);
            yield_now().await;
        }
        time::sleep(SHARES_WITHIN / turns as u32).await;
    }
}

impl Edge {
    /// The sockets that are due for a [`beat`](Self::beat), and those that wait until they are [read on](Self::read_on).
    pub(crate) fn look(&self, now: Seconds) -> (Vec<usize>, Vec<usize>) {
        let (mut due, mut parked) = (Vec::new(), Vec::new());
        for (slot, owned) in &mut *self.sockets.borrow_mut() {
            if owned.due_at <= now {
                due.push(slot);
            }
            if owned.parked {
                parked.push(slot);
            } else {
                owned.heard = 0;
            }
        }
        (due, parked)
    }

    /// Does what is due for a socket.
    pub(crate) fn beat(&self, slot: usize, now: Seconds) {
        // It may have ended since the look, and its slot may have a new owner, for whom nothing is due.
        let Some(socket) = self.socket(slot) else { return };
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
                hand_over(&self.hub, &socket, &mut state, progress);
            }
            Due::Close(code, reason) => {
                drop(state);
                return self.close(slot, &socket, code, reason);
            }
        }
        drop(state);
        if let Some(owned) = self.sockets.borrow_mut().get_mut(slot) {
            owned.due_at = due_at;
        }
    }
}
