//! Sockets that take nothing: slow readers are waited for, peers that are gone are not.
//!
//! `TCP_USER_TIMEOUT` ends a connection whose peer is gone within seconds, which presence needs. But it also ends one whose reader
//! takes nothing for as long: a page at a breakpoint, a laptop that is busy. So whoever is blocked for a few seconds is looked at, and if
//! its window is closed and its kernel answers, ours is told to be patient until it takes bytes again. What bounds the
//! waiting then is the heartbeat's ten minutes.

use super::{
    diagnosis::{Diagnosis, Waiting},
    handle::Lag,
    local::Edge,
};
use crate::{
    catch_up::{Progress, hand_over},
    socket::{State, Wire},
    timeline::What,
};
use protocol::{
    limits::{SLOW_SECONDS, TCP_USER_TIMEOUT, UNANSWERED_SECONDS_MAX},
    socket::Seconds,
};
use std::rc::Rc;

/// Unanswered questions of the kernel from which on a reader is under suspicion: one is always on its way.
const UNANSWERED_MIN: u8 = 2;

/// The blocked sockets of one edge.
pub(super) struct Slow {
    /// Missing where the kernel cannot be asked; then `TCP_USER_TIMEOUT` ends who takes nothing.
    diagnosis: Option<Diagnosis>,
    sockets: Vec<Suspect>,
}

struct Suspect {
    slot: u32,
    /// Since when its kernel answers nothing.
    unanswered_since: Option<Seconds>,
}

/// What is known of a suspect after a look.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It takes bytes again, or is another one by now.
    Flows,
    /// Not known yet, or not for certain.
    Waits,
    /// Its reader is slow.
    Slow,
    /// Nobody is there.
    Gone,
}

impl Slow {
    pub(super) fn new() -> Self {
        let diagnosis = Diagnosis::new()
            .inspect_err(|error| {
                tracing::warn!(%error, "the kernel cannot be asked about slow readers: who takes nothing for ten seconds is cut off");
            })
            .ok();
        Self { diagnosis, sockets: Vec::new() }
    }

    /// Looks at all that are blocked; once a second.
    pub(super) fn look(&mut self, edge: &Rc<Edge>, now: Seconds) {
        let fresh = edge.handle.take_blocked();
        let Some(diagnosis) = &self.diagnosis else { return };
        self.sockets.extend(fresh.into_iter().map(|slot| Suspect { slot, unanswered_since: None }));
        let mut lag = Lag::default();
        self.sockets.retain_mut(|suspect| {
            let Some(socket) = edge.socket(suspect.slot as usize) else { return false };
            let mut state = socket.state.lock();
            if let Some(since) = state.heartbeat.blocked_since() {
                lag.add(socket.channel.latest().0.saturating_sub(state.cursor.0), now - since);
            }
            match suspect.look(diagnosis, &mut state, now) {
                Verdict::Flows => {
                    state.watched = false;
                    false
                }
                Verdict::Waits => true,
                Verdict::Slow => {
                    if be_patient(&mut state) {
                        let slow = What::Slow { transport: socket.transport };
                        edge.hub.timeline.note(socket.channel.key, edge.hub.clock.now_ms(), slow);
                    }
                    true
                }
                Verdict::Gone => {
                    hand_over(&edge.hub, &socket, &mut state, Progress::Broken);
                    false
                }
            }
        });
        edge.handle.set_lag(lag);
        if self.sockets.capacity() > 1024 && self.sockets.len() < self.sockets.capacity() / 4 {
            self.sockets.shrink_to_fit();
        }
    }
}

impl Suspect {
    fn look(&mut self, diagnosis: &Diagnosis, state: &mut State, now: Seconds) -> Verdict {
        let (Some(since), Wire::Descriptor(stream)) = (state.heartbeat.blocked_since(), &state.wire) else {
            return Verdict::Flows;
        };
        if now - since < SLOW_SECONDS {
            return Verdict::Waits;
        }
        let Ok((local, peer)) = stream.addresses() else { return Verdict::Waits };
        match diagnosis.ask(local, peer) {
            Ok(waiting) => self.judge(waiting, now),
            Err(error) => {
                tracing::debug!(%error, "the kernel says nothing about a slow reader");
                Verdict::Waits
            }
        }
    }

    fn judge(&mut self, waiting: Waiting, now: Seconds) -> Verdict {
        match waiting {
            // What is on its way to a peer that is gone is the business of TCP_USER_TIMEOUT.
            Waiting::Network => Verdict::Waits,
            Waiting::Reader { unanswered } if unanswered < UNANSWERED_MIN => {
                self.unanswered_since = None;
                Verdict::Slow
            }
            Waiting::Reader { .. } => {
                let since = *self.unanswered_since.get_or_insert(now);
                if now - since >= UNANSWERED_SECONDS_MAX { Verdict::Gone } else { Verdict::Slow }
            }
        }
    }
}

/// No end by the kernel while the reader is slow; whether this is news.
fn be_patient(state: &mut State) -> bool {
    let is_news = !state.patient && set_timeout(state, 0);
    state.patient |= is_news;
    is_news
}

/// The reader goes on: from now on it counts again whether the network is there.
pub(crate) fn end_patience(state: &mut State) {
    if set_timeout(state, TCP_USER_TIMEOUT.as_millis() as u32) {
        state.patient = false;
    }
}

fn set_timeout(state: &State, milliseconds: u32) -> bool {
    let Wire::Descriptor(stream) = &state.wire else { return false };
    stream
        .set_user_timeout(milliseconds)
        .inspect_err(|error| tracing::debug!(%error, "the kernel keeps its patience"))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_whose_kernel_answers_is_slow_and_one_whose_kernel_is_silent_is_gone() {
        let mut suspect = Suspect { slot: 0, unanswered_since: None };
        let silent = |unanswered| Waiting::Reader { unanswered };
        assert_eq!(suspect.judge(Waiting::Network, 10), Verdict::Waits);
        for now in 10..600 {
            assert_eq!(suspect.judge(silent(now as u8 % 2), now), Verdict::Slow, "at {now}");
        }
        // Silent for a while, then heard again: from the beginning.
        assert_eq!(suspect.judge(silent(2), 600), Verdict::Slow);
        assert_eq!(suspect.judge(silent(3), 609), Verdict::Slow);
        assert_eq!(suspect.judge(silent(0), 610), Verdict::Slow);
        assert_eq!(suspect.judge(silent(2), 611), Verdict::Slow);
        assert_eq!(suspect.judge(silent(5), 620), Verdict::Slow);
        assert_eq!(suspect.judge(silent(6), 621), Verdict::Gone);
    }
}
