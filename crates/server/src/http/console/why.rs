//! Why is this client behind? One sentence that a person understands, made of what the node knows.

use delivery::{
    standing::{Doing, SocketStanding},
    timeline::{Event, Recent, What},
};
use protocol::{
    close::CloseCode,
    cursor::Offset,
    limits::STUCK_SECONDS_MAX,
    socket::{Seconds, Transport},
};
use serde::Serialize;

/// A token that ends sooner is worth a word.
const TOKEN_SOON_SECONDS: Seconds = 300;

/// How a client or a socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    NotConnected,
    Blocked,
    ReadsFromDisk,
    Behind,
    UpToDate,
    Ends,
}

/// The answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Why {
    pub(super) state: State,
    pub(super) sentence: String,
}

/// Messages that a socket still has to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) messages: usize,
    /// And more, which were not counted.
    pub(super) more: bool,
}

impl Behind {
    fn is_none(self) -> bool {
        self.messages == 0 && !self.more
    }

    /// "1 message", "3 messages", with the verb that follows.
    fn text(self, one: &str, many: &str) -> String {
        match self {
            Behind { messages: 1, more: false } => format!("1 message {one}"),
            Behind { messages, more: false } => format!("{messages} messages {many}"),
            Behind { messages, more: true } => format!("more than {messages} messages {many}"),
        }
    }
}

/// Why one socket is where it is.
pub(super) fn of_socket(socket: &SocketStanding, behind: Behind, latest: Offset) -> Why {
    let (state, mut sentence) = match socket.doing {
        Doing::Ends => (State::Ends, "It is being closed.".to_owned()),
        Doing::Blocked(seconds) => (State::Blocked, blocked(seconds, behind)),
        Doing::Reads => {
            let sentence =
                format!("It is brought up to date from the disk: {}.", behind.text("is left", "are left"));
            (State::ReadsFromDisk, sentence)
        }
        Doing::BetweenPolls if !behind.is_none() => {
            let sentence = behind.text("waits for its next poll", "wait for its next poll");
            (State::Behind, capital(&format!("{sentence}.")))
        }
        Doing::Takes if !behind.is_none() => {
            (State::Behind, capital(&format!("{}.", behind.text("is on its way", "are on their way"))))
        }
        Doing::Takes | Doing::BetweenPolls => {
            (State::UpToDate, up_to_date(socket.view.acked, latest).to_owned())
        }
    };
    if socket.token_left <= TOKEN_SOON_SECONDS && state != State::Ends {
        let left = span(u64::from(socket.token_left));
        sentence += &format!(" Its token ends in {left}: without a new one it is closed then.");
    }
    Why { state, sentence }
}

fn blocked(seconds: Seconds, behind: Behind) -> String {
    let (taken, limit) = (span(u64::from(seconds)), span(u64::from(STUCK_SECONDS_MAX)));
    let waiting = match behind.is_none() {
        true => "the end of a message waits".to_owned(),
        false => behind.text("waits", "wait"),
    };
    format!(
        "Its page has taken nothing for {taken}, and {waiting}. After {limit} its socket is closed; nothing is lost, \
         it comes back with its cursor."
    )
}

fn up_to_date(acked: Option<Offset>, latest: Offset) -> &'static str {
    match acked {
        _ if latest.0 == 0 => "Up to date: nothing was sent to it.",
        Some(acked) if acked >= latest => "Up to date, and its page has acknowledged the newest message.",
        Some(_) => {
            "Up to date: all was handed to its connection. Its page has not acknowledged the newest yet."
        }
        None => "Up to date: all was handed to its connection.",
    }
}

/// Why a client with these sockets is where it is: as its slowest socket.
pub(super) fn of_client<'a>(sockets: impl Iterator<Item = &'a Why>) -> Option<Why> {
    let (mut count, mut worst): (usize, Option<&Why>) = (0, None);
    for why in sockets {
        count += 1;
        if worst.is_none_or(|worst| rank(why.state) < rank(worst.state)) {
            worst = Some(why);
        }
    }
    let worst = worst?;
    let sentence = match (count, worst.state) {
        (1, _) => worst.sentence.clone(),
        (_, State::UpToDate) => format!("All of its {count} sockets are up to date."),
        _ => format!("The slowest of its {count} sockets: {}", worst.sentence),
    };
    Some(Why { state: worst.state, sentence })
}

fn rank(state: State) -> u8 {
    match state {
        State::Blocked => 0,
        State::ReadsFromDisk => 1,
        State::Behind => 2,
        State::Ends => 3,
        State::UpToDate | State::NotConnected => 4,
    }
}

/// Why a client has no socket. `behind`: what was sent since it had one, if that is known.
pub(super) fn not_connected(recent: &Recent, behind: Option<Behind>, now_ms: u64) -> Why {
    let ago = |time_ms: u64| span(now_ms.saturating_sub(time_ms) / 1000);
    let mut sentence = match last_ended(&recent.events) {
        Some((time_ms, transport, code)) => {
            let yet = if code == Some(CloseCode::RESTART) { ", and has not yet" } else { "" };
            format!("Not connected for {}: {}{yet}.", ago(time_ms), ending(transport, code))
        }
        None => {
            format!("Not connected, and not seen in the {} that this node remembers.", ago(recent.since_ms))
        }
    };
    if let Some(behind) = behind.filter(|behind| !behind.is_none()) {
        sentence += &format!(" {} for it.", capital(&behind.text("is kept", "are kept")));
    }
    if let Some(Event { time_ms, what: What::Refused { code } }) = recent.events.last() {
        sentence += &format!(" {} ago it was refused: {}", capital(&ago(*time_ms)), code.reason());
    }
    Why { state: State::NotConnected, sentence }
}

fn last_ended(events: &[Event]) -> Option<(u64, Transport, Option<CloseCode>)> {
    events.iter().rev().find_map(|event| match event.what {
        What::Ended { transport, code, .. } => Some((event.time_ms, transport, code)),
        _ => None,
    })
}

/// How a socket ended, as the rest of a sentence.
pub(super) fn ending(transport: Transport, code: Option<CloseCode>) -> String {
    match code {
        None if transport == Transport::LongPoll => "its page did not poll again".to_owned(),
        None => "its connection ended without a word".to_owned(),
        Some(CloseCode::NORMAL) => "its page said farewell".to_owned(),
        Some(CloseCode::GOING_AWAY) => "its page was left or reloaded".to_owned(),
        Some(CloseCode::RESTART) => "it was told to come back".to_owned(),
        Some(CloseCode::UNAUTHORIZED) => "its token ended, and it brought no new one".to_owned(),
        Some(CloseCode::GONE) => "its channel was deleted".to_owned(),
        Some(CloseCode::SILENT) => "it answered no pings, or took nothing for ten minutes".to_owned(),
        Some(code) => format!("it was closed with {}, {}", code.0, code.reason().trim_end_matches('.')),
    }
}

/// A time that passed, as a person says it.
fn span(seconds: u64) -> String {
    match seconds {
        0 => "less than a second".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 if seconds < 600 && !seconds.is_multiple_of(60) => {
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
        60..3600 => format!("{} min", seconds / 60),
        _ if (seconds / 60).is_multiple_of(60) => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
