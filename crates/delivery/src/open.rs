//! Opening a socket: where it starts, whether something is missing before that, and whether there is room.

use crate::{
    channel::Channel,
    hub::{Hold, Hub},
    poll::PollWire,
    socket::{Socket, State, Wire},
    timeline::What,
};
use broker::{
    broker::LogStart,
    message::{Page, Position},
};
use protocol::{
    close::CloseCode,
    cursor::{Cursor, Offset},
    frame::GapReason,
    id::ClientId,
    socket::{Heartbeat, Seconds, Transport},
};
use std::{net::IpAddr, sync::Arc};

/// What a client asks for, after its token was accepted.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose channel.
    pub id: ClientId,
    /// From where.
    pub position: Position,
    /// How frames travel.
    pub transport: Transport,
    /// For a client of the development wire: after so many seconds of silence it has left.
    pub silence: Option<Seconds>,
    /// The token's own position and the second in which it was made: they tell whether it is from before a deletion.
    pub token: (Option<Cursor>, u64),
    /// When the token ends, by [`Clock::seconds`](crate::clock::Clock::seconds).
    pub expires_at: Seconds,
    /// Where the client is.
    pub address: IpAddr,
}

/// Why a socket was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The close code.
    pub code: CloseCode,
    /// A sentence.
    pub reason: &'static str,
}

/// A socket that is in its channel and waits for its wire. Dropped without one, it leaves again.
pub struct Opened {
    hub: Arc<Hub>,
    socket: Option<Arc<Socket>>,
    /// What the open frame says.
    pub cursor: Cursor,
    /// What the frame after it says, if something is missing.
    pub gap: Option<(Cursor, GapReason)>,
}

/// Where a socket starts.
struct Start {
    /// Everything up to here it has had, or cannot have any more.
    from: Offset,
    gap: Option<GapReason>,
}

impl Hub {
    /// Opens a socket on the edge with this number.
    ///
    /// # Errors
    /// [`Refused`]: too many sockets, or the broker cannot be read.
    pub async fn open(self: &Arc<Self>, request: Request, edge: u16) -> Result<Opened, Refused> {
        let hold = self.hold(&request.id);
        let start = self.start(&hold, request.position).await?;
        let is_canary = request.id.is_canary();
        if !is_canary && !self.enter(request.address) {
            return Err(self.refuse(&hold, CloseCode::OVERLOADED, "Too many sockets from this address."));
        }
        let wire = match request.transport {
            Transport::LongPoll => Wire::Poll(Box::new(PollWire::new(self.clock.seconds(), request.silence))),
            _ => Wire::Pending(None),
        };
        let heartbeat = Heartbeat::new(request.transport, self.clock.seconds(), request.expires_at);
        let state = State::new(wire, start.from, heartbeat);
        let (secret, now_ms) = (self.secret(), self.clock.now_ms());
        let channel = hold.channel();
        let joined = channel.join(self.limits.sockets_per_client, |place| {
            let parts = (request.transport, state);
            Arc::new(Socket::new(Arc::clone(channel), place, edge, secret, request.address, now_ms, parts))
        });
        let Some(socket) = joined else {
            if !is_canary {
                self.exit(request.address);
            }
            return Err(self.refuse(&hold, CloseCode::OVERLOADED, "Too many sockets of this client id."));
        };
        self.counters.open.of(request.transport).add(u64::from(!is_canary));
        let came = What::Connected {
            place: socket.place,
            from: start.from,
            transport: request.transport,
            address: request.address,
        };
        if !is_canary {
            self.timeline.note(channel.key, now_ms, came);
        }
        // From here on it ends itself when it is dropped.
        let mut opened = Opened {
            hub: Arc::clone(self),
            socket: Some(socket),
            cursor: self.cursor(start.from),
            gap: None,
        };
        // After it joined: a deletion that it does not see here sees it there.
        let deletion = self.broker.deletion(channel.key);
        let (position, issued_at) = request.token;
        if deletion.is_some_and(|deletion| deletion.refuses(position, issued_at)) {
            opened.socket().state.lock().end_with(CloseCode::GONE);
            return Err(Refused { code: CloseCode::GONE, reason: CloseCode::GONE.reason() });
        }
        self.counters.opened.of(request.transport).add(u64::from(!is_canary));
        if let Some(reason) = start.gap {
            self.gap_said(channel, start.from, reason);
        }
        let from = self.cursor(start.from);
        opened.cursor = match (start.gap, request.position) {
            (None, _) => from,
            // A client that is cut off between the two frames must hear of the gap again.
            (Some(_), Position::After(asked)) => asked,
            (Some(_), Position::Since(_)) => self.cursor(Offset(0)),
        };
        opened.gap = start.gap.map(|gap| (from, gap));
        Ok(opened)
    }

    fn refuse(&self, hold: &Hold, code: CloseCode, reason: &'static str) -> Refused {
        self.timeline.note(hold.channel().key, self.clock.now_ms(), What::Refused { code });
        Refused { code, reason }
    }

    /// A gap was said on a channel.
    pub(crate) fn gap_said(&self, channel: &Channel, upto: Offset, reason: GapReason) {
        self.counters.gaps.add(1);
        self.timeline.note(channel.key, self.clock.now_ms(), What::Gap { upto, reason });
    }

    /// Finds the start without the disk where it can: for channels that have nothing new, and for what is still in
    /// the tail cache.
    async fn start(&self, hold: &Hold, position: Position) -> Result<Start, Refused> {
        let (channel, unread) = (
            hold.channel(),
            Refused { code: CloseCode::INTERNAL_ERROR, reason: "The channel cannot be read." },
        );
        // Before the newest message is asked for: whatever lies up to here and is not in the channel then, never was.
        let (end, log_start) = (self.broker.end(), self.broker.start());
        let newest = self.broker.newest(&channel.id, channel.key).await.map_err(|_| unread)?;
        channel.raise(newest);
        let latest = channel.latest();
        if let Some(from) = easy_start(position, end, latest, log_start) {
            return Ok(Start { from, gap: None });
        }
        if let Position::After(cursor) = position
            && cursor.epoch == end.epoch
            && cursor.offset <= end.offset
            && cursor.offset < latest
            // The cache may hold what is not to be kept any more.
            && cursor.offset >= log_start.offset
            && let Some(run) = self.tail.run(channel.key, cursor.offset, latest)
            && run.len() <= self.limits.messages_per_channel as usize
        {
            return Ok(Start { from: cursor.offset, gap: None });
        }
        // Only to learn where it starts; what is to be sent is read when the wire is there.
        let page = Page { messages: 1, bytes: 1 };
        let history =
            self.broker.history(&channel.id, channel.key, position, page, self.clock.now_ms()).await;
        let history = history.map_err(|_| unread)?;
        Ok(Start { from: history.from, gap: history.gap })
    }
}

/// A socket that has everything already, with nothing that may be missing.
fn easy_start(position: Position, end: Cursor, latest: Offset, log_start: LogStart) -> Option<Offset> {
    match position {
        Position::After(cursor) => {
            let known = cursor.epoch == end.epoch && cursor.offset <= end.offset;
            let complete = latest.0 != 0 || cursor.offset >= log_start.offset;
            (known && cursor.offset >= latest && complete).then(|| cursor.offset.max(end.offset))
        }
        Position::Since(time_ms) => {
            let complete = log_start.offset.0 == 0 || log_start.time_ms < time_ms;
            (latest.0 == 0 && complete).then_some(end.offset)
        }
    }
}

impl Opened {
    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Arc<Socket> {
        self.socket.as_ref().expect("taken only when it is consumed")
    }

    /// Hands the socket to its wire, which from now on sees to its end.
    #[must_use]
    pub(crate) fn take(mut self) -> Arc<Socket> {
        self.socket.take().expect("taken only here")
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.hub.leave(&socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::cursor::Epoch;

    #[test]
    fn a_start_is_easy_only_when_nothing_can_be_missing() {
        let at = |offset| Cursor::new(Epoch(1), Offset(offset));
        let none = LogStart::default();
        let trimmed = LogStart { offset: Offset(50), time_ms: 1_000 };
        let easy =
            |position, latest, start| easy_start(position, at(100), Offset(latest), start).map(|o| o.0);
        assert_eq!(
            easy(Position::After(at(40)), 40, none),
            Some(100),
            "had the newest: goes on from the end"
        );
        assert_eq!(easy(Position::After(at(40)), 41, none), None, "there is something to send");
        assert_eq!(easy(Position::After(at(40)), 0, none), Some(100), "nothing was ever sent");
        assert_eq!(
            easy(Position::After(at(40)), 0, trimmed),
            None,
            "something may have been sent and trimmed"
        );
        assert_eq!(
            easy(Position::After(at(40)), 40, trimmed),
            Some(100),
            "the newest was had before it was trimmed"
        );
        assert_eq!(easy(Position::After(at(101)), 0, none), None, "beyond the end: another life");
        assert_eq!(easy(Position::After(Cursor::new(Epoch(2), Offset(1))), 0, none), None);
        assert_eq!(easy(Position::Since(5), 0, none), Some(100));
        assert_eq!(easy(Position::Since(5), 7, none), None);
        assert_eq!(easy(Position::Since(1_000), 0, trimmed), None);
        assert_eq!(easy(Position::Since(1_001), 0, trimmed), Some(100));
    }
}
