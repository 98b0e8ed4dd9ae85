//! The rooms of the chat: who is in, what was said, who has to hear of it.
//!
//! Pure: no clock, no network. Each change returns the announcement that it causes; `handlers` sends it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::problem::Problem;

mod handlers;

pub(super) use handlers::router;

/// More than a demo shows at once; with the bounds below, all rooms together stay under 15 MB.
const ROOMS_MAX: usize = 100;
/// As many names as a side bar can hold; the list of them fits one message with room to spare.
const MEMBERS_MAX: usize = 50;
/// What somebody who joins gets to see of the past.
const HISTORY_MAX: usize = 50;
const ROOM_NAME_CHARS_MAX: usize = 32;
const NAME_CHARS_MAX: usize = 24;
/// Escaped as JSON in the worst way, still far below the 32 KiB of a message.
const TEXT_CHARS_MAX: usize = 500;
/// A page says that it is there every 5 s; browsers slow hidden pages down to once a minute.
const SILENCE_MAX: Duration = Duration::from_secs(150);
/// A reload leaves and joins again; nobody should hear of it.
const LEAVE_GRACE: Duration = Duration::from_secs(2);
/// How long an empty room keeps what was said in it.
const EMPTY_ROOM_KEPT: Duration = Duration::from_secs(15 * 60);

/// All rooms.
struct Chat {
    rooms: HashMap<String, Room>,
    /// Differs from one start of the program to the next.
    life: String,
    rooms_opened: u64,
}

struct Room {
    /// Tells a page that comes back whether the numbers of messages are still the same ones.
    life: String,
    members: Vec<Member>,
    messages: VecDeque<Said>,
    /// Rises with each message; pages see by it what they have already shown.
    last_sequence: u64,
    last_member_id: u32,
    /// When anybody was last here, to forget what is empty for long.
    used_at: Instant,
}

struct Member {
    /// Known to this visitor's page alone; also names the channel.
    key: String,
    person: Person,
    seen_at: Instant,
    /// Set when the page said that it goes; coming back clears it.
    leaves_at: Option<Instant>,
}

/// A member as the others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Person {
    id: u32,
    name: String,
}

struct Said {
    sequence: u64,
    from: Person,
    text: String,
    said_at: Instant,
}

/// What travels on the channels of a room.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    Message {
        sequence: u64,
        from: Person,
        text: String,
    },
    /// The whole list each time, so that a page that missed one is right again with the next.
    People {
        people: Vec<Person>,
        joined: Vec<Person>,
        left: Vec<Person>,
    },
}

/// An event, and the client ids that have to hear it.
#[derive(Debug, PartialEq, Eq)]
struct Announcement {
    to: Vec<String>,
    event: Event,
}

/// What a page gets when it joins.
#[derive(Debug, Serialize)]
struct Joined {
    life: String,
    you: Person,
    people: Vec<Person>,
    messages: Vec<Past>,
}

#[derive(Debug, Serialize)]
struct Past {
    sequence: u64,
    from: Person,
    text: String,
    /// An age and not a time: the page's clock and the server's need not agree.
    age_ms: u64,
}

// === impl Chat ===

impl Chat {
    fn new(life: String) -> Self {
        Self { rooms: HashMap::new(), life, rooms_opened: 0 }
    }

    /// Whether this page has a seat in the room.
    fn knows(&self, room: &str, key: &str) -> bool {
        self.rooms.get(room).is_some_and(|room| room.members.iter().any(|member| member.key == key))
    }

    /// Takes somebody in, or back in: who already has a seat keeps it, and nobody hears of it.
    fn join(
        &mut self,
        room_name: &str,
        name: &str,
        key: &str,
        now: Instant,
    ) -> Result<(Joined, Option<Announcement>), Problem> {
        let name = checked_name(name)?;
        let room = self.open_room(checked_room_name(room_name)?, now)?;
        room.used_at = now;
        if let Some(member) = room.members.iter_mut().find(|member| member.key == key) {
            member.seen_at = now;
            member.leaves_at = None;
            let you = member.person.clone();
            return Ok((room.snapshot(you, now), None));
        }
        if room.members.len() >= MEMBERS_MAX {
            return Err(Problem::unavailable("room_full", "This room is full. Try another one."));
        }
        room.last_member_id += 1;
        let you = Person { id: room.last_member_id, name: name.to_owned() };
        room.members.push(Member { key: key.to_owned(), person: you.clone(), seen_at: now, leaves_at: None });
        let announcement = room.announce_people(vec![you.clone()], Vec::new());
        Ok((room.snapshot(you, now), Some(announcement)))
    }

    /// Adds a message to the room. Call [`take_back`](Self::take_back) if it could not be sent.
    fn say(
        &mut self,
        room_name: &str,
        key: &str,
        text: &str,
        now: Instant,
    ) -> Result<(u64, Announcement), Problem> {
        let text = checked_text(text)?;
        let room = self.rooms.get_mut(room_name).ok_or_else(not_a_member)?;
        let from = room.refresh(key, now)?;
        room.last_sequence += 1;
        let sequence = room.last_sequence;
        if room.messages.len() >= HISTORY_MAX {
            room.messages.pop_front();
        }
        room.messages.push_back(Said { sequence, from: from.clone(), text: text.to_owned(), said_at: now });
        let event = Event::Message { sequence, from, text: text.to_owned() };
        Ok((sequence, Announcement { to: room.client_ids(), event }))
    }

    /// Forgets a message that nobody received, so that saying it again does not double it.
    fn take_back(&mut self, room_name: &str, sequence: u64) {
        if let Some(room) = self.rooms.get_mut(room_name) {
            room.messages.retain(|said| said.sequence != sequence);
        }
    }

    /// Notes that a page is still open.
    fn here(&mut self, room_name: &str, key: &str, now: Instant) -> Result<(), Problem> {
        self.rooms.get_mut(room_name).ok_or_else(not_a_member)?.refresh(key, now).map(|_| ())
    }

    /// Notes that a page goes, and says when to [`sweep`](Self::sweep) so that the others hear of it.
    ///
    /// `None` if there is nothing to wait for: no such member, or one that is going already.
    fn leave(&mut self, room_name: &str, key: &str, now: Instant) -> Option<Instant> {
        let room = self.rooms.get_mut(room_name)?;
        let member = room.members.iter_mut().find(|member| member.key == key)?;
        if member.leaves_at.is_some() {
            return None;
        }
        member.leaves_at = Some(now + LEAVE_GRACE);
        member.leaves_at
    }

    /// Lets go of members that left or fell silent, and of rooms that are empty for long.
    fn sweep(&mut self, now: Instant) -> Vec<Announcement> {
        let announcements = self.rooms.values_mut().filter_map(|room| room.sweep(now)).collect();
        self.rooms.retain(|_, room| !room.members.is_empty() || now < room.used_at + EMPTY_ROOM_KEPT);
        announcements
    }

    fn open_room(&mut self, name: &str, now: Instant) -> Result<&mut Room, Problem> {
        if !self.rooms.contains_key(name) && self.rooms.len() >= ROOMS_MAX {
            let empty = self.rooms.iter().filter(|(_, room)| room.members.is_empty());
            let Some(longest) = empty.min_by_key(|(_, room)| room.used_at).map(|(name, _)| name.clone())
            else {
                return Err(Problem::unavailable("rooms_full", "All rooms are taken. Try again later."));
            };
            self.rooms.remove(&longest);
        }
        Ok(self.rooms.entry(name.to_owned()).or_insert_with(|| {
            self.rooms_opened += 1;
            Room::new(format!("{}-{}", self.life, self.rooms_opened), now)
        }))
    }
}

// === impl Room ===

impl Room {
    fn new(life: String, now: Instant) -> Self {
        Self {
            life,
            members: Vec::new(),
            messages: VecDeque::new(),
            last_sequence: 0,
            last_member_id: 0,
            used_at: now,
        }
    }

    /// Whoever shows a sign of life has not left, whatever another window of theirs said.
    fn refresh(&mut self, key: &str, now: Instant) -> Result<Person, Problem> {
        let member = self.members.iter_mut().find(|member| member.key == key).ok_or_else(not_a_member)?;
        member.seen_at = now;
        member.leaves_at = None;
        self.used_at = now;
        Ok(member.person.clone())
    }

    fn sweep(&mut self, now: Instant) -> Option<Announcement> {
        let gone = |member: &Member| {
            member.leaves_at.is_some_and(|at| at <= now) || member.seen_at + SILENCE_MAX <= now
        };
        let (left, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.members).into_iter().partition(gone);
        self.members = stay;
        if left.is_empty() {
            return None;
        }
        self.used_at = now;
        Some(self.announce_people(Vec::new(), left.into_iter().map(|member| member.person).collect()))
    }

    fn announce_people(&self, joined: Vec<Person>, left: Vec<Person>) -> Announcement {
        Announcement { to: self.client_ids(), event: Event::People { people: self.people(), joined, left } }
    }

    fn snapshot(&self, you: Person, now: Instant) -> Joined {
        let messages = self.messages.iter().map(|said| said.past(now)).collect();
        Joined { life: self.life.clone(), you, people: self.people(), messages }
    }

    fn people(&self) -> Vec<Person> {
        self.members.iter().map(|member| member.person.clone()).collect()
    }

    fn client_ids(&self) -> Vec<String> {
        self.members.iter().map(|member| client_id(&member.key)).collect()
    }
}

impl Said {
    fn past(&self, now: Instant) -> Past {
        let age = now.saturating_duration_since(self.said_at);
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Past { sequence: self.sequence, from: self.from.clone(), text: self.text.clone(), age_ms }
    }
}

/// The channel of one visitor. Nobody else learns the key, so nobody else can be told to listen to it.
fn client_id(key: &str) -> String {
    format!("chat-{key}")
}

fn not_a_member() -> Problem {
    Problem::not_found("not_a_member", "You are not in this room any more. Join it again.")
}

fn checked_room_name(name: &str) -> Result<&str, Problem> {
    let good = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if good && (1..=ROOM_NAME_CHARS_MAX).contains(&name.len()) {
        return Ok(name);
    }
    let detail = format!("A room's name has 1 to {ROOM_NAME_CHARS_MAX} of a-z, 0-9 and -.");
    Err(Problem::bad_request("invalid_room", detail))
}

fn checked_name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(Problem::bad_request(
        "invalid_name",
        format!("A name has 1 to {NAME_CHARS_MAX} characters on one line."),
    ))
}

fn checked_text(text: &str) -> Result<&str, Problem> {
    let text = text.trim();
    if (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(Problem::bad_request("invalid_text", format!("A message has 1 to {TEXT_CHARS_MAX} characters.")))
}

#[cfg(test)]
mod tests;
