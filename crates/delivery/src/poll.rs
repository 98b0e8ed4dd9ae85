//! Long-polls: a socket whose wire is the next request.

use crate::{
    hub::Hub,
    open::Opened,
    socket::{Socket, Wire},
};
use broker::{
    error::ReadError,
    message::{Page, Position},
};
use protocol::{
    close::{CloseCode, TOKEN_TIMED_OUT},
    cursor::{Cursor, Offset},
    encode::long_poll::{self, Answer},
    frame::{GapReason, Placed},
    limits::{PAGE_BYTES_MAX, PAGE_MESSAGES_MAX, POLL_LINGER_SECONDS},
    message::Data,
    socket::{Due, Seconds, Transport},
};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Where the next poll finds what happened.
#[derive(Debug)]
pub(crate) struct PollWire {
    /// Wakes the poll that waits.
    notify: Arc<Notify>,
    /// Polls that wait right now: more than one if a client did not see the end of an earlier one.
    waiting: u32,
    /// Which poll came last. An earlier one answers nobody any more.
    turn: u32,
    /// When the last answer went out.
    answered_at: Seconds,
    /// So long after it the client may come again.
    linger: Seconds,
    /// It speaks the development wire: each message is asked for by itself, and silence is a farewell.
    one_by_one: bool,
    /// Messages that nobody keeps, for the poll that waits.
    passing: Vec<Data>,
    /// The socket ends with the next answer.
    close: Option<Close>,
}

/// Why a socket ends: code, sentence, and when to come back.
type Close = (CloseCode, String, Option<u32>);

/// Messages that nobody keeps, held for one answer at most.
const PASSING_MAX: usize = 64;

/// What a poll is answered with.
#[derive(Default)]
struct Found {
    gap: Option<(Cursor, GapReason)>,
    messages: Vec<(Option<Cursor>, Data)>,
    /// When those of them were stored that are kept.
    times_ms: Vec<u64>,
}

impl PollWire {
    pub(crate) fn new(now: Seconds, silence: Option<Seconds>) -> Self {
        Self {
            notify: Arc::default(),
            waiting: 0,
            turn: 0,
            answered_at: now,
            linger: silence.unwrap_or(POLL_LINGER_SECONDS),
            one_by_one: silence.is_some(),
            passing: Vec::new(),
            close: None,
        }
    }

    /// Whether no poll waits.
    pub(crate) fn is_between(&self) -> bool {
        self.waiting == 0
    }

    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    pub(crate) fn pass(&mut self, data: &Data) {
        if (self.waiting > 0 || self.one_by_one) && self.passing.len() < PASSING_MAX {
            self.passing.push(data.clone());
            self.notify.notify_one();
        }
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &str, retry_after_ms: Option<u32>) {
        self.close.get_or_insert_with(|| (code, reason.to_owned(), retry_after_ms));
        self.notify.notify_one();
    }
}

/// While a poll waits, its socket is not given up; after it, the client has ten seconds to come again.
struct Waiting<'a>(&'a Hub, &'a Socket, u32);

impl<'a> Waiting<'a> {
    fn start(hub: &'a Hub, socket: &'a Socket) -> Option<(Self, Arc<Notify>)> {
        let Wire::Poll(poll) = &mut socket.state.lock().wire else { return None };
        poll.waiting += 1;
        poll.turn = poll.turn.wrapping_add(1);
        // Whoever waited before ends: its client has given it up, and would take this one's messages with it.
        poll.notify.notify_waiters();
        Some((Self(hub, socket, poll.turn), Arc::clone(&poll.notify)))
    }

    /// Whether a later poll of this socket has come.
    fn is_superseded(&self) -> bool {
        matches!(&self.1.state.lock().wire, Wire::Poll(poll) if poll.turn != self.2)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Wire::Poll(poll) = &mut self.1.state.lock().wire {
            poll.waiting -= 1;
            poll.answered_at = self.0.clock.seconds();
        }
    }
}

impl Hub {
    /// Takes a new long-poll socket into the house.
    #[must_use]
    pub fn adopt_poll(&self, opened: Opened) -> Arc<Socket> {
        let socket = opened.take();
        self.polls.lock().push(Arc::clone(&socket));
        self.restarting_late(&socket);
        self.watch.came(&socket.channel);
        socket
    }

    /// Answers one poll: at once if there is something to say or `at_once`, else when there is, or after `wait`.
    /// `position` overrides where the socket stands: the client knows what it received.
    ///
    /// # Errors
    /// [`ReadError`] if what is kept cannot be read.
    pub async fn poll(
        &self,
        socket: &Socket,
        mut position: Option<Position>,
        gap: Option<(Cursor, GapReason)>,
        wait: Duration,
    ) -> Result<Vec<u8>, ReadError> {
        let Some((waiting, notify)) = Waiting::start(self, socket) else { return Ok(self.farewell(socket)) };
        let mut found = Found { gap, ..Found::default() };
        // Its own place: an earlier poll that is about to end may still move the socket's.
        let mut stands = socket.cursor();
        let mut waited = false;
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            if waiting.is_superseded() {
                // What woke it may have been meant for the later one.
                notify.notify_one();
                break;
            }
            if let Some(position) = position.take().or_else(|| self.behind(socket, stands)) {
                stands = self.read(socket, position, &mut found).await?;
                if waited {
                    self.measure(&found);
                }
            }
            self.collect_passing(socket, &mut found);
            if found.gap.is_some() || !found.messages.is_empty() || wait.is_zero() || self.is_closing(socket)
            {
                break;
            }
            tokio::select! {
                biased;
                () = notify.notified() => waited = true,
                () = &mut deadline => break,
            }
        }
        Ok(self.answer(socket, stands, &found))
    }

    /// The next message of a socket that takes them one by one, if there is any.
    ///
    /// # Errors
    /// [`ReadError`] if what is kept cannot be read.
    pub async fn next_message(&self, socket: &Socket) -> Result<Option<Data>, ReadError> {
        let Some(_waiting) = Waiting::start(self, socket) else { return Ok(None) };
        let channel = &socket.channel;
        while let Some(position) = self.behind(socket, socket.cursor()) {
            let page = Page { messages: 1, bytes: 1 };
            let now_ms = self.clock.now_ms();
            let history = self.broker.history(&channel.id, channel.key, position, page, now_ms).await?;
            if let Some(reason) = history.gap {
                self.gap_said(channel, history.from, reason);
            }
            socket.state.lock().cursor = history.upto;
            if let Some(message) = history.messages.into_iter().next() {
                self.counters.deliveries.add(1);
                return Ok(Some(message.data));
            }
            // What lay here had timed out, or is gone.
            if !history.more {
                break;
            }
        }
        let mut state = socket.state.lock();
        let Wire::Poll(poll) = &mut state.wire else { return Ok(None) };
        Ok((!poll.passing.is_empty()).then(|| poll.passing.remove(0)))
    }

    /// A client that polls is there; false if its socket has ended.
    #[must_use]
    pub fn refresh_poll(&self, socket: &Socket) -> bool {
        let mut state = socket.state.lock();
        let Wire::Poll(poll) = &mut state.wire else { return false };
        poll.answered_at = self.clock.seconds();
        poll.close.is_none()
    }

    /// A client that polls says farewell: its socket ends now.
    pub fn leave_poll(&self, socket: &Arc<Socket>) {
        let mut polls = self.polls.lock();
        let Some(place) = polls.iter().position(|other| Arc::ptr_eq(other, socket)) else { return };
        polls.swap_remove(place);
        drop(polls);
        let mut state = socket.state.lock();
        state.farewell = true;
        state.end_with(CloseCode::NORMAL);
        state.wire = Wire::Closed;
        drop(state);
        self.leave(socket);
    }

    /// Where to read on, if there is anything.
    fn behind(&self, socket: &Socket, stands: Offset) -> Option<Position> {
        (stands < socket.channel.latest()).then(|| Position::After(self.cursor(stands)))
    }

    /// Reads a page; up to where. In memory of its own: most polls wait most of the time.
    fn read<'a>(
        &'a self,
        socket: &'a Socket,
        position: Position,
        found: &'a mut Found,
    ) -> Pin<Box<impl Future<Output = Result<Offset, ReadError>> + 'a>> {
        Box::pin(self.read_page(socket, position, found))
    }

    async fn read_page(
        &self,
        socket: &Socket,
        position: Position,
        found: &mut Found,
    ) -> Result<Offset, ReadError> {
        let channel = &socket.channel;
        let page = Page { messages: PAGE_MESSAGES_MAX, bytes: PAGE_BYTES_MAX };
        let history =
            self.broker.history(&channel.id, channel.key, position, page, self.clock.now_ms()).await?;
        if let Some(reason) = history.gap {
            found.gap = Some((self.cursor(history.from), reason));
            self.gap_said(channel, history.from, reason);
        }
        self.counters.deliveries.add(history.messages.len() as u64);
        found.times_ms.extend(history.messages.iter().map(|message| message.time_ms));
        found.messages.extend(
            history.messages.into_iter().map(|message| (Some(self.cursor(message.offset)), message.data)),
        );
        socket.state.lock().cursor = history.upto;
        Ok(history.upto)
    }

    /// How long messages were on their way to a poll that waited for them.
    fn measure(&self, found: &Found) {
        let now_ms = self.clock.now_ms();
        for time_ms in &found.times_ms {
            let us = now_ms.saturating_sub(*time_ms) * 1000;
            self.counters.written.of(Transport::LongPoll).observe(us);
        }
    }

    fn collect_passing(&self, socket: &Socket, found: &mut Found) {
        if let Wire::Poll(poll) = &mut socket.state.lock().wire {
            found.messages.extend(poll.passing.drain(..).map(|data| (None, data)));
        }
    }

    fn is_closing(&self, socket: &Socket) -> bool {
        match &socket.state.lock().wire {
            Wire::Poll(poll) => poll.close.is_some(),
            _ => true,
        }
    }

    /// An answer of a poll that has everything up to where it stands.
    fn answer(&self, socket: &Socket, mut stands: Offset, found: &Found) -> Vec<u8> {
        let end: Offset = self.broker.end().offset;
        let mut state = socket.state.lock();
        // Whoever has left its channel is told of nothing new by it.
        let is_member = matches!(state.wire, Wire::Poll(_));
        if is_member && stands >= socket.channel.latest() {
            // Nothing of this channel lies between: an idle page never ages out.
            stands = stands.max(end);
            state.cursor = state.cursor.max(stands);
        }
        let cursor = self.cursor(stands);
        let close = match &state.wire {
            Wire::Poll(poll) => poll.close.clone(),
            _ => Some((CloseCode::NORMAL, CloseCode::NORMAL.reason().to_owned(), None)),
        };
        drop(state);
        let mut out = Vec::new();
        let messages = found.messages.iter().map(|(cursor, data)| Placed { cursor: *cursor, data });
        long_poll::answer(
            &mut out,
            Answer {
                socket: &self.name(socket),
                gap: found.gap,
                messages,
                cursor,
                close: close.as_ref().map(|(code, reason, after)| (*code, reason.as_str(), *after)),
            },
        );
        out
    }

    fn farewell(&self, socket: &Socket) -> Vec<u8> {
        self.answer(socket, socket.cursor(), &Found::default())
    }

    /// Lets long-poll sockets go whose client did not come again, or whose token's time is over. Called once a
    /// second.
    pub(crate) fn sweep_polls(&self, now: Seconds) {
        let mut gone = Vec::new();
        self.polls.lock().retain(|socket| {
            let ended = self.poll_ended(socket, now);
            if ended {
                gone.push(Arc::clone(socket));
            }
            !ended
        });
        for socket in gone {
            self.leave(&socket);
        }
    }

    fn poll_ended(&self, socket: &Socket, now: Seconds) -> bool {
        let mut state = socket.state.lock();
        let due = state.heartbeat.poll(now);
        let Wire::Poll(poll) = &mut state.wire else { return true };
        if let Due::Close(code, _) = due {
            poll.close(code, TOKEN_TIMED_OUT, None);
        }
        // At a stop it stays a moment, so that a poll that is on its way hears when to come back.
        let is_closing = poll.close.is_some() && !self.is_draining();
        let ended = poll.waiting == 0 && (is_closing || now > poll.answered_at + poll.linger);
        if ended {
            let code = poll.close.as_ref().map(|(code, ..)| *code);
            state.farewell |= poll.one_by_one;
            if let Some(code) = code {
                state.end_with(code);
            }
            state.wire = Wire::Closed;
        }
        ended
    }
}
