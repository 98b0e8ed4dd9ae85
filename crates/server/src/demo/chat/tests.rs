use super::*;

const KEYS: [&str; 3] = ["key-of-ada", "key-of-bo", "key-of-cy"];

struct World {
    chat: Chat,
    now: Instant,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "a starting point; only differences count")]
    fn new() -> Self {
        Self { chat: Chat::new("life".into()), now: Instant::now() }
    }

    fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    fn join(&mut self, name: &str, key: &str) -> (Joined, Option<Announcement>) {
        self.chat.join("lobby", name, key, self.now).unwrap()
    }

    fn say(&mut self, key: &str, text: &str) -> Result<(u64, Announcement), Problem> {
        self.chat.say("lobby", key, text, self.now)
    }
}

fn names(people: &[Person]) -> Vec<&str> {
    people.iter().map(|person| person.name.as_str()).collect()
}

#[test]
fn what_is_said_goes_to_everybody_in_the_room_and_to_nobody_else() {
    let mut world = World::new();
    world.join("Ada", KEYS[0]);
    world.join("Bo", KEYS[1]);
    world.chat.join("elsewhere", "Cy", KEYS[2], world.now).unwrap();
    let (sequence, announcement) = world.say(KEYS[0], "  hello <b>all</b> ").unwrap();
    assert_eq!(announcement.to, ["chat-key-of-ada", "chat-key-of-bo"]);
    let from = Person { id: 1, name: "Ada".into() };
    assert_eq!(announcement.event, Event::Message { sequence, from, text: "hello <b>all</b>".into() });
}

#[test]
fn who_joins_sees_who_is_here_and_the_last_messages_with_their_age() {
    let mut world = World::new();
    world.join("Ada", KEYS[0]);
    for number in 0..HISTORY_MAX + 3 {
        world.say(KEYS[0], &format!("message {number}")).unwrap();
    }
    world.advance(Duration::from_secs(9));
    let (joined, announcement) = world.join("Bo", KEYS[1]);
    assert_eq!(names(&joined.people), ["Ada", "Bo"]);
    assert_eq!(joined.messages.len(), HISTORY_MAX);
    assert_eq!((joined.messages[0].text.as_str(), joined.messages[0].age_ms), ("message 3", 9000));
    let Event::People { joined, left, .. } = announcement.unwrap().event else { panic!("not of people") };
    assert_eq!((names(&joined), names(&left)), (vec!["Bo"], vec![]));
}

#[test]
fn a_reload_keeps_the_seat_and_nobody_hears_of_it() {
    let mut world = World::new();
    let (before, _) = world.join("Ada", KEYS[0]);
    world.chat.leave("lobby", KEYS[0], world.now).unwrap();
    world.advance(LEAVE_GRACE / 2);
    let (after, announcement) = world.join("Ada", KEYS[0]);
    assert_eq!(before.you, after.you);
    assert_eq!(announcement, None);
    world.advance(LEAVE_GRACE * 2);
    assert_eq!(world.chat.sweep(world.now), []);
}

#[test]
fn who_leaves_is_announced_once_after_the_grace() {
    let mut world = World::new();
    world.join("Ada", KEYS[0]);
    world.join("Bo", KEYS[1]);
    let at = world.chat.leave("lobby", KEYS[1], world.now).unwrap();
    assert_eq!(world.chat.leave("lobby", KEYS[1], world.now), None, "already going");
    assert_eq!(world.chat.sweep(world.now), []);
    let announcements = world.chat.sweep(at);
    assert_eq!(announcements.len(), 1);
    assert_eq!(announcements[0].to, ["chat-key-of-ada"]);
    let Event::People { people, left, .. } = &announcements[0].event else { panic!("not of people") };
    assert_eq!((names(people), names(left)), (vec!["Ada"], vec!["Bo"]));
    assert_eq!(world.chat.sweep(at), []);
    assert_eq!(world.say(KEYS[1], "late").unwrap_err().code, "not_a_member");
}

#[test]
fn who_falls_silent_is_let_go_and_who_says_it_is_here_is_not() {
    let mut world = World::new();
    world.join("Ada", KEYS[0]);
    world.join("Bo", KEYS[1]);
    world.advance(SILENCE_MAX / 2);
    world.chat.here("lobby", KEYS[0], world.now).unwrap();
    world.advance(SILENCE_MAX / 2);
    world.chat.sweep(world.now);
    assert!(world.chat.knows("lobby", KEYS[0]));
    assert!(!world.chat.knows("lobby", KEYS[1]));
}

#[test]
fn a_message_that_could_not_be_sent_is_not_in_the_history() {
    let mut world = World::new();
    world.join("Ada", KEYS[0]);
    let (sequence, _) = world.say(KEYS[0], "lost").unwrap();
    world.chat.take_back("lobby", sequence);
    assert!(world.join("Ada", KEYS[0]).0.messages.is_empty());
    assert!(world.say(KEYS[0], "again").unwrap().0 > sequence, "a number is not used twice");
}

#[test]
fn an_empty_room_remembers_for_a_while() {
    let mut world = World::new();
    world.join("Ada", KEYS[0]);
    world.say(KEYS[0], "still here?").unwrap();
    world.chat.leave("lobby", KEYS[0], world.now);
    world.advance(LEAVE_GRACE);
    world.chat.sweep(world.now);
    world.advance(EMPTY_ROOM_KEPT - Duration::from_secs(1));
    world.chat.sweep(world.now);
    assert_eq!(world.chat.rooms.len(), 1);
    world.advance(Duration::from_secs(1));
    world.chat.sweep(world.now);
    assert!(world.chat.rooms.is_empty());
    assert_eq!(world.join("Ada", KEYS[0]).0.life, "life-2", "its numbers begin anew, and it says so");
}

#[test]
fn rooms_and_members_are_bounded() {
    let mut world = World::new();
    for number in 0..MEMBERS_MAX {
        world.join("Somebody", &format!("key-{number}"));
    }
    assert_eq!(world.chat.join("lobby", "Bo", KEYS[1], world.now).unwrap_err().code, "room_full");
    for number in 1..ROOMS_MAX {
        world.chat.join(&format!("room-{number}"), "Bo", KEYS[1], world.now).unwrap();
    }
    assert_eq!(world.chat.join("one-more", "Bo", KEYS[1], world.now).unwrap_err().code, "rooms_full");
    let at = world.chat.leave("room-7", KEYS[1], world.now).unwrap();
    world.chat.sweep(at);
    world.chat.join("one-more", "Bo", KEYS[1], at).unwrap();
    assert!(!world.chat.rooms.contains_key("room-7"), "the empty one made room");
    assert_eq!(world.chat.rooms.len(), ROOMS_MAX);
}

#[test]
fn bad_input_is_refused_with_its_own_code() {
    let mut world = World::new();
    let long_room = "r".repeat(ROOM_NAME_CHARS_MAX + 1);
    for room in ["", "Lobby", "a b", "../x", "straße", long_room.as_str()] {
        assert_eq!(
            world.chat.join(room, "Ada", KEYS[0], world.now).unwrap_err().code,
            "invalid_room",
            "{room}"
        );
    }
    let long_name = "ß".repeat(NAME_CHARS_MAX + 1);
    for name in ["", "  ", "a\nb", long_name.as_str()] {
        assert_eq!(
            world.chat.join("lobby", name, KEYS[0], world.now).unwrap_err().code,
            "invalid_name",
            "{name}"
        );
    }
    assert!(world.chat.rooms.is_empty(), "nothing was kept of it");
    world.join("Ada", KEYS[0]);
    for text in ["", " \n ", "x".repeat(TEXT_CHARS_MAX + 1).as_str()] {
        assert_eq!(world.say(KEYS[0], text).unwrap_err().code, "invalid_text");
    }
    assert_eq!(world.say("made up", "hello").unwrap_err().code, "not_a_member");
    assert_eq!(world.chat.say("nowhere", KEYS[0], "hello", world.now).unwrap_err().code, "not_a_member");
}

#[test]
fn the_longest_event_fits_a_message() {
    let mut world = World::new();
    for number in 0..MEMBERS_MAX {
        world.join(&"\u{10FFFD}".repeat(NAME_CHARS_MAX), &format!("key-{number}"));
    }
    let (_, message) = world.say("key-0", &format!("x{}x", "\u{1}".repeat(TEXT_CHARS_MAX - 2))).unwrap();
    let at = world.chat.leave("lobby", "key-1", world.now).unwrap();
    let people = world.chat.sweep(at).remove(0);
    for event in [message.event, people.event] {
        let bytes = serde_json::to_string(&event).unwrap().len();
        assert!(bytes < 32_767, "{bytes}");
    }
}
