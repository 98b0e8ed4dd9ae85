//! The state machine of one listener, from its first connection to its end: waiting → fetching a token → connecting →
//! open → waiting …
//!
//! It decides when to connect, with what, when to give up, and that every message is handed over once. It knows no
//! socket and no clock: `listener` does what [`poll_command`](Course::poll_command) says and tells what came of it.

use crate::listen::{
    backoff,
    event::{Event, ListenError},
    frame::{self, Frame},
    lines::Lines,
    token::{FreshToken, TokenFailure},
};
use bytes::Bytes;
use protocol::{close::CloseCode, cursor::Cursor, frame::GapReason};
use std::{collections::VecDeque, time::Duration};

/// Time since the listener was made: a plain number, so that tests need no clock.
pub(crate) type Moment = Duration;

/// A token comes from another server; this is its time.
const TOKEN_TIME: Duration = Duration::from_secs(60);

/// From the first byte out to the open frame in.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// How much longer than the server's ping interval silence may last.
const SILENCE_SLACK: Duration = Duration::from_secs(10);

/// How long a connection has to hold before the next wait starts small again.
const STABLE_TIME: Duration = Duration::from_secs(10);

/// So many refused tokens in a row end the listener: its source then gives what this server never takes.
const REFUSALS_MAX: u32 = 3;

const NOT_DOWNLINK: &str = "what answers does not speak Downlink's frames; is the address right?";

/// What the driver has to do next, in place of anything it was doing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Ask the source for a token.
    FetchToken,
    /// Open a socket.
    Connect {
        /// With this token.
        token: String,
        /// After this place.
        after: Option<Cursor>,
    },
    /// Let go of the connection.
    Disconnect,
}

/// What came of it.
pub(crate) enum Happening {
    /// The source answered.
    Token(Result<FreshToken, TokenFailure>),
    /// The server answered with something else than a stream of frames.
    Refused { status: u16, retry_after: Option<Duration>, reason: String },
    /// The stream goes on.
    Bytes(Bytes),
    /// The connection is over, or could not be made.
    Gone { reason: String },
}

enum State {
    /// Nothing is under way until then.
    Waiting { until: Moment },
    /// A token is on its way.
    Fetching { until: Moment },
    /// A request is out; the open frame did not come yet.
    Connecting { until: Moment },
    /// The socket is open.
    Open {
        since: Moment,
        heard: Moment,
        /// How long the server may say nothing.
        silence_max: Duration,
    },
    /// For good.
    Ended,
}

/// See the module.
pub(crate) struct Course {
    state: State,
    /// Up to where everything came.
    cursor: Option<Cursor>,
    /// Up to where it was told; lies before `cursor` while events wait.
    told: Option<Cursor>,
    /// The one in use; none before the first and after one was refused.
    token: Option<String>,
    /// Whether the source has more than one token.
    renewable: bool,
    /// Waits since the last connection that held.
    failures: u32,
    /// Refused tokens since the last connection that held.
    refusals: u32,
    lines: Lines,
    /// Filled by one happening and emptied before the next, so never more than one read holds.
    /// Each with the cursor of who has been told it.
    events: VecDeque<(Result<Event, ListenError>, Option<Cursor>)>,
    command: Option<Command>,
    /// From 0 to 1; an argument so that tests know the waits.
    random: fn() -> f64,
}

impl Course {
    pub(crate) fn new(after: Option<Cursor>, renewable: bool, random: fn() -> f64) -> Self {
        Self {
            state: State::Waiting { until: Moment::ZERO },
            cursor: after,
            told: after,
            token: None,
            renewable,
            failures: 0,
            refusals: 0,
            lines: Lines::default(),
            events: VecDeque::new(),
            command: None,
            random,
        }
    }

    /// Up to where everything was told.
    pub(crate) fn told(&self) -> Option<Cursor> {
        self.told
    }

    /// What to tell. Call until `None` after each `handle_…`.
    pub(crate) fn poll_event(&mut self) -> Option<Result<Event, ListenError>> {
        let (event, cursor) = match self.events.pop_front() {
            Some((event, cursor)) => (Some(event), cursor),
            None => (None, self.cursor),
        };
        self.told = cursor;
        event
    }

    /// What to do. Call once after each `handle_…`.
    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        self.command.take()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); changes with each `handle_…`. `None`: it is over.
    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        match self.state {
            State::Waiting { until } | State::Fetching { until } | State::Connecting { until } => Some(until),
            State::Open { heard, silence_max, .. } => Some(heard + silence_max),
            State::Ended => None,
        }
    }

    /// Time has come to the moment of [`poll_timeout`](Self::poll_timeout).
    pub(crate) fn handle_timeout(&mut self, now: Moment) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        match self.state {
            State::Waiting { .. } => self.begin(now),
            State::Fetching { .. } => self.lost("no token came in time".into(), None, now),
            State::Connecting { .. } => {
                self.lost("the server did not open the channel in time".into(), None, now)
            }
            State::Open { .. } => self.lost("the server went silent".into(), None, now),
            State::Ended => {}
        }
    }

    /// Something came of the last command.
    pub(crate) fn handle(&mut self, happening: Happening, now: Moment) {
        match happening {
            Happening::Token(Ok(fresh)) => {
                self.cursor = self.cursor.or(fresh.cursor);
                self.token = Some(fresh.token);
                self.begin(now);
            }
            Happening::Token(Err(TokenFailure { temporary: true, cause })) => {
                self.lost(format!("no token to open the channel with: {cause}"), None, now);
            }
            Happening::Token(Err(TokenFailure { cause, .. })) => self.end(Err(ListenError::Token(cause))),
            Happening::Refused { status, retry_after, reason } => {
                self.refused(status, retry_after, reason, now);
            }
            Happening::Bytes(bytes) => self.take(&bytes, now),
            Happening::Gone { reason } => self.lost(reason, None, now),
        }
    }

    // === Connections ===

    fn begin(&mut self, now: Moment) {
        self.lines.clear();
        if let Some(token) = self.token.clone() {
            self.state = State::Connecting { until: now + OPEN_TIME };
            self.command = Some(Command::Connect { token, after: self.cursor });
        } else {
            self.state = State::Fetching { until: now + TOKEN_TIME };
            self.command = Some(Command::FetchToken);
        }
    }

    fn lost(&mut self, reason: String, retry_in: Option<Duration>, now: Moment) {
        self.settle(now);
        let retry_in = retry_in.unwrap_or_else(|| {
            let wait = backoff::wait(self.failures, (self.random)());
            self.failures = self.failures.saturating_add(1);
            wait
        });
        self.state = State::Waiting { until: now + retry_in };
        self.command = Some(Command::Disconnect);
        self.tell(Ok(Event::Lost { reason, retry_in }));
    }

    /// A connection that held makes earlier failures history.
    fn settle(&mut self, now: Moment) {
        if let State::Open { since, .. } = self.state
            && now.saturating_sub(since) >= STABLE_TIME
        {
            (self.failures, self.refusals) = (0, 0);
        }
    }

    fn end(&mut self, last: Result<Event, ListenError>) {
        self.state = State::Ended;
        self.command = Some(Command::Disconnect);
        self.tell(last);
    }

    /// An answer that is not a stream means what the close code of the same number means.
    fn refused(&mut self, status: u16, retry_after: Option<Duration>, reason: String, now: Moment) {
        match status {
            // The server's own final words; any other 4xx may come from something on the way.
            400 | 401 | 403 | 410 => self.closed(CloseCode(4000 + status), reason, None, now),
            _ => self.lost(reason, retry_after, now),
        }
    }

    fn closed(&mut self, code: CloseCode, reason: String, retry_after_ms: Option<u32>, now: Moment) {
        self.settle(now);
        if code == CloseCode::UNAUTHORIZED && self.renewable && self.refusals < REFUSALS_MAX {
            self.token = None;
            // The first time at once: a token that has timed out is nobody's fault.
            let retry_in = (self.refusals == 0).then_some(Duration::ZERO);
            self.lost(reason, retry_in, now);
            self.refusals += 1;
        } else if code.comes_back() {
            self.lost(reason, retry_after_ms.map(|ms| Duration::from_millis(ms.into())), now);
        } else {
            self.end(Ok(Event::Closed { code, reason }));
        }
    }

    // === Frames ===

    fn take(&mut self, bytes: &[u8], now: Moment) {
        if let State::Open { heard, .. } = &mut self.state {
            *heard = now;
        }
        self.lines.push(bytes);
        // What comes after the frame that ended the connection is not heard.
        while matches!(self.state, State::Connecting { .. } | State::Open { .. }) {
            let frame = match self.lines.next_line() {
                Ok(Some(line)) => frame::parse(&line).ok(),
                Ok(None) => return,
                Err(_) => None,
            };
            match frame {
                Some(frame) => self.frame(frame, now),
                None => self.lost(NOT_DOWNLINK.into(), None, now),
            }
        }
    }

    fn frame(&mut self, frame: Frame, now: Moment) {
        match (&self.state, frame) {
            (_, Frame::Close { code, reason, retry_after_ms }) => {
                self.closed(code, reason, retry_after_ms, now);
            }
            (State::Connecting { .. }, Frame::Open { cursor, ping }) => self.opened(cursor, ping, now),
            (State::Open { .. }, frame) => self.heard(frame),
            _ => self.lost(NOT_DOWNLINK.into(), None, now),
        }
    }

    fn opened(&mut self, cursor: Cursor, ping: u32, now: Moment) {
        let silence_max = Duration::from_secs(ping.into()) + SILENCE_SLACK;
        self.state = State::Open { since: now, heard: now, silence_max };
        // On a resume the listener's own cursor stands: if this one lies further, it is a gap's business to say so.
        self.cursor.get_or_insert(cursor);
        self.tell(Ok(Event::Open { cursor }));
    }

    fn heard(&mut self, frame: Frame) {
        match frame {
            Frame::Message { cursor: None, data } => {
                self.tell(Ok(Event::Message { cursor: None, data }));
            }
            Frame::Message { cursor: Some(place), data } if self.is_beyond(place) => {
                self.cursor = Some(place);
                self.tell(Ok(Event::Message { cursor: Some(place), data }));
            }
            Frame::Gap { cursor, reason } => {
                // Within one epoch a cursor goes back only where the server says that the log does not reach so far.
                if reason == GapReason::Epoch || self.is_beyond(cursor) {
                    self.cursor = Some(cursor);
                }
                self.tell(Ok(Event::Gap { cursor, reason }));
            }
            // One of another epoch has a gap before it that did not come yet.
            Frame::Ping { cursor: Some(place) }
                if self.is_beyond(place) && self.cursor.is_none_or(|had| had.epoch == place.epoch) =>
            {
                self.cursor = Some(place);
            }
            Frame::Message { .. } | Frame::Ping { .. } | Frame::Open { .. } | Frame::Close { .. } => {}
        }
    }

    /// Call it when the cursor has moved to where this event takes it.
    fn tell(&mut self, event: Result<Event, ListenError>) {
        self.events.push_back((event, self.cursor));
    }

    /// Whether a place lies beyond what was had, or cannot be compared with it.
    fn is_beyond(&self, place: Cursor) -> bool {
        self.cursor.is_none_or(|had| had.epoch != place.epoch || place.offset > had.offset)
    }
}

#[cfg(test)]
mod tests;
