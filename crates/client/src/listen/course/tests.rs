//! What a listener does, told in bytes and in a time that the tests make up.

use super::*;
use protocol::message::Data;

/// A course, and the time in its world.
struct World {
    course: Course,
    now: Moment,
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn cursor(text: &str) -> Cursor {
    text.parse().unwrap()
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned().into())
}

impl World {
    /// A listener with a token given once, asked to connect. Waits are at their ceiling.
    fn with_token() -> Self {
        let mut world = Self { course: Course::new(None, false, || 1.0), now: Moment::ZERO };
        world.advance(Duration::ZERO);
        assert!(world.command() == Some(Command::FetchToken));
        world.fetched("t1", None);
        world
    }

    /// A listener whose source has tokens without end, asked to fetch the first.
    fn with_source() -> Self {
        let mut world = Self { course: Course::new(None, true, || 1.0), now: Moment::ZERO };
        world.advance(Duration::ZERO);
        assert!(world.command() == Some(Command::FetchToken));
        world
    }

    fn open(mut self) -> Self {
        self.command();
        self.say(r#"{"type":"open","cursor":"k3f.10","socket":"s","ping":15}"#);
        assert_eq!(self.told(), ["open k3f.10"]);
        self
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        self.course.handle_timeout(self.now);
    }

    fn fetched(&mut self, token: &str, cursor: Option<Cursor>) {
        let fresh = FreshToken { token: token.into(), cursor };
        self.course.handle(Happening::Token(Ok(fresh)), self.now);
    }

    fn say(&mut self, line: &str) {
        self.bytes(&format!("{line}\n"));
    }

    fn bytes(&mut self, bytes: &str) {
        self.course.handle(Happening::Bytes(bytes.to_owned().into()), self.now);
    }

    fn cut(&mut self) {
        self.course.handle(Happening::Gone { reason: "cut".into() }, self.now);
    }

    fn refuse(&mut self, status: u16, retry_after: Option<Duration>) {
        let reason = format!("HTTP {status}");
        self.course.handle(Happening::Refused { status, retry_after, reason }, self.now);
    }

    fn command(&mut self) -> Option<Command> {
        self.course.poll_command()
    }

    /// What the listener told since it was last asked, in short.
    fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.course.poll_event()).map(in_short).collect()
    }

    /// Lets the wait pass and asserts with what the listener comes back.
    fn comes_back(&mut self, token: &str, after: &str) {
        assert!(self.command() == Some(Command::Disconnect));
        let State::Waiting { until } = self.course.state else { panic!("it waits") };
        self.now = until;
        self.advance(Duration::ZERO);
        let connect = Command::Connect { token: token.into(), after: after.parse().ok() };
        assert!(self.command() == Some(connect), "with {token} after {after}");
    }
}

fn in_short(event: Result<Event, ListenError>) -> String {
    match event {
        Ok(Event::Open { cursor }) => format!("open {cursor}"),
        Ok(Event::Message { cursor, data: Data::Text(text) }) => {
            format!("{} {}", cursor.map_or("-".into(), |c| c.to_string()), text.as_str())
        }
        Ok(Event::Message { cursor, .. }) => format!("{cursor:?} bytes"),
        Ok(Event::Gap { cursor, reason }) => format!("gap {} {cursor}", reason.as_str()),
        Ok(Event::Lost { retry_in, .. }) => format!("lost {}", retry_in.as_millis()),
        Ok(Event::Closed { code, .. }) => format!("closed {}", code.0),
        Err(error) => format!("error {error}"),
    }
}

// === Resume ===

#[test]
fn a_lost_connection_is_resumed_after_the_last_message() {
    let mut world = World::with_token().open();
    world.say(r#"{"id":"k3f.17","data":"one"}"#);
    world.cut();
    assert_eq!(world.told(), ["k3f.17 one", "lost 500"]);
    world.comes_back("t1", "k3f.17");
}

#[test]
fn a_message_that_comes_again_is_told_once() {
    let mut world = World::with_token().open();
    world.say(r#"{"id":"k3f.17","data":"one"}"#);
    world.cut();
    world.comes_back("t1", "k3f.17");
    world.say(r#"{"type":"open","cursor":"k3f.9","socket":"s","ping":15}"#);
    for line in [r#"{"id":"k3f.12","data":"zero"}"#, r#"{"id":"k3f.17","data":"one"}"#] {
        world.say(line);
    }
    world.say(r#"{"id":"k3f.23","data":"two"}"#);
    assert_eq!(world.told(), ["k3f.17 one", "lost 500", "open k3f.9", "k3f.23 two"]);
    assert_eq!(world.course.cursor, Some(cursor("k3f.23")));
}

#[test]
fn the_cursor_to_keep_is_that_of_what_was_told() {
    let mut world = World::with_token().open();
    world.bytes("{\"id\":\"k3f.11\",\"data\":\"one\"}\n{\"id\":\"k3f.12\",\"data\":\"two\"}\n");
    world.say(r#"{"type":"gap","cursor":"k3f.5","reason":"trimmed"}"#);
    world.say(r#"{"type":"ping","cursor":"k3f.20"}"#);
    for told in ["k3f.11", "k3f.12", "k3f.12", "k3f.20"] {
        world.course.poll_event();
        assert_eq!(world.course.told(), Some(cursor(told)));
    }
}

#[test]
fn a_torn_line_is_not_told_and_comes_again() {
    let mut world = World::with_token().open();
    world.bytes("{\"id\":\"k3f.17\",\"data\":\"one\"}\n{\"id\":\"k3f.18\",\"da");
    world.cut();
    world.comes_back("t1", "k3f.17");
    world.say(r#"{"type":"open","cursor":"k3f.17","socket":"s","ping":15}"#);
    world.say(r#"{"id":"k3f.18","data":"two"}"#);
    assert_eq!(world.told(), ["k3f.17 one", "lost 500", "open k3f.17", "k3f.18 two"]);
}

#[test]
fn a_message_that_nobody_keeps_moves_no_cursor() {
    let mut world = World::with_token().open();
    world.say(r#"{"data":"volatile"}"#);
    world.say(r#"{"data":"volatile"}"#);
    world.cut();
    assert_eq!(world.told(), ["- volatile", "- volatile", "lost 500"]);
    world.comes_back("t1", "k3f.10");
}

#[test]
fn a_ping_moves_the_cursor_forward_and_never_back() {
    let mut world = World::with_token().open();
    world.say(r#"{"type":"ping","cursor":"k3f.52"}"#);
    world.say(r#"{"type":"ping","cursor":"k3f.40"}"#);
    world.say(r#"{"type":"ping","cursor":"zzz.99"}"#);
    world.cut();
    assert_eq!(world.told(), ["lost 500"]);
    world.comes_back("t1", "k3f.52");
}

#[test]
fn a_gap_is_told_and_the_cursor_follows_it() {
    let mut world = World::with_token().open();
    world.say(r#"{"type":"gap","cursor":"k3f.40","reason":"trimmed"}"#);
    world.say(r#"{"type":"gap","cursor":"k3f.30","reason":"trimmed"}"#);
    assert_eq!(world.course.cursor, Some(cursor("k3f.40")));
    world.say(r#"{"type":"gap","cursor":"k3f.5","reason":"epoch"}"#);
    assert_eq!(world.course.cursor, Some(cursor("k3f.5")));
    world.say(r#"{"type":"gap","cursor":"new.0","reason":"epoch"}"#);
    world.say(r#"{"id":"new.1","data":"first"}"#);
    assert_eq!(
        world.told(),
        ["gap trimmed k3f.40", "gap trimmed k3f.30", "gap epoch k3f.5", "gap epoch new.0", "new.1 first"]
    );
}

#[test]
fn a_given_cursor_stands_before_all_others() {
    let mut world = World { course: Course::new(Some(cursor("k3f.3")), true, || 1.0), now: Moment::ZERO };
    world.advance(Duration::ZERO);
    world.command();
    world.fetched("t1", Some(cursor("k3f.8")));
    let connect = Command::Connect { token: "t1".into(), after: Some(cursor("k3f.3")) };
    assert!(world.command() == Some(connect));
}

#[test]
fn the_start_of_the_first_token_outlives_it() {
    let mut world = World::with_source();
    world.fetched("t1", Some(cursor("k3f.8")));
    world.command();
    world.refuse(401, None);
    world.advance(Duration::ZERO);
    assert!(world.command() == Some(Command::FetchToken));
    world.fetched("t2", Some(cursor("k3f.20")));
    let connect = Command::Connect { token: "t2".into(), after: Some(cursor("k3f.8")) };
    assert!(world.command() == Some(connect), "what was sent between the two tokens is not skipped");
}

// === Waiting ===

#[test]
fn waits_double_until_a_connection_holds() {
    let mut world = World::with_token();
    world.command();
    for ms in [500, 1000, 2000] {
        world.cut();
        assert_eq!(world.told(), [format!("lost {ms}")]);
        world.comes_back("t1", "-");
    }
    let mut world = world.open();
    world.now += seconds(9);
    world.cut();
    assert_eq!(world.told(), ["lost 4000"]);
    world.comes_back("t1", "k3f.10");
    let mut world = world.open();
    world.now += seconds(10);
    world.cut();
    assert_eq!(world.told(), ["lost 500"]);
}

#[test]
fn a_restarting_server_says_when_to_come_back() {
    let mut world = World::with_token().open();
    world.say(r#"{"type":"close","code":1012,"reason":"The server restarts.","retry_after_ms":3700}"#);
    world.cut();
    assert_eq!(world.told()[0], "lost 3700");
    let mut world = World::with_token();
    world.command();
    world.refuse(503, Some(seconds(7)));
    assert_eq!(world.told(), ["lost 7000"]);
    world.comes_back("t1", "-");
    world.refuse(429, None);
    assert_eq!(world.told(), ["lost 500"]);
}

#[test]
fn silence_ends_a_connection_and_any_line_prevents_it() {
    let mut world = World::with_token().open();
    world.advance(seconds(24));
    world.say(r#"{"type":"ping","cursor":"k3f.11"}"#);
    world.advance(seconds(24));
    assert!(world.told().is_empty() && world.command().is_none());
    world.advance(seconds(1));
    assert_eq!(world.told(), ["lost 500"]);
    world.comes_back("t1", "k3f.11");
}

#[test]
fn a_server_that_does_not_open_is_left() {
    let mut world = World::with_token();
    world.command();
    world.advance(seconds(10));
    assert_eq!(world.told(), ["lost 500"]);
    world.comes_back("t1", "-");
    let mut world = World::with_source();
    world.advance(seconds(60));
    assert_eq!(world.told(), ["lost 500"]);
}

// === Ends ===

#[test]
fn final_codes_end_and_others_come_back() {
    for code in [1000, 4400, 4401, 4403, 4410] {
        let mut world = World::with_token().open();
        world.say(&format!(r#"{{"type":"close","code":{code},"reason":"Why."}}"#));
        world.cut_is_not_heard();
        assert_eq!(world.told(), [format!("closed {code}")]);
        assert!(world.command() == Some(Command::Disconnect));
        assert_eq!(world.course.poll_timeout(), None, "{code}");
    }
    for code in [1001, 1011, 1012, 1013, 4508] {
        let mut world = World::with_token().open();
        world.say(&format!(r#"{{"type":"close","code":{code},"reason":"Why."}}"#));
        assert_eq!(world.told(), ["lost 500"], "{code}");
        world.comes_back("t1", "k3f.10");
    }
}

impl World {
    /// After the end there is no driver to say so; what stood behind the close frame is dropped all the same.
    fn cut_is_not_heard(&mut self) {
        let before = self.course.events.len();
        self.say(r#"{"id":"k3f.99","data":"late"}"#);
        assert_eq!(self.course.events.len(), before);
    }
}

#[test]
fn nothing_behind_a_close_frame_is_told() {
    let mut world = World::with_token().open();
    let close = r#"{"type":"close","code":1012,"reason":"R"}"#;
    world.bytes(&format!(
        "{{\"id\":\"k3f.11\",\"data\":\"one\"}}\n{close}\n{{\"id\":\"k3f.12\",\"data\":\"two\"}}\n"
    ));
    assert_eq!(world.told(), ["k3f.11 one", "lost 500"]);
    world.comes_back("t1", "k3f.11");
}

#[test]
fn refusals_of_the_server_are_final_and_those_of_others_are_not() {
    for (status, told) in [
        (400, "closed 4400"),
        (401, "closed 4401"),
        (403, "closed 4403"),
        (410, "closed 4410"),
        (404, "lost 500"),
    ] {
        let mut world = World::with_token();
        world.command();
        world.refuse(status, None);
        assert_eq!(world.told(), [told]);
    }
}

#[test]
fn what_does_not_speak_downlink_is_left() {
    for first in ["<html>", r#"{"id":"k3f.1","data":"no open frame"}"#, r#"{"type":"ping"}"#] {
        let mut world = World::with_token();
        world.command();
        world.say(first);
        assert_eq!(world.told(), ["lost 500"], "{first}");
    }
}

// === Tokens ===

#[test]
fn a_token_that_timed_out_is_replaced_at_once() {
    let mut world = World::with_source();
    world.fetched("t1", None);
    let mut world = world.open();
    world.now += seconds(60);
    world.say(r#"{"type":"close","code":4401,"reason":"Token timed out."}"#);
    assert_eq!(world.told(), ["lost 0"]);
    assert!(world.command() == Some(Command::Disconnect));
    world.advance(Duration::ZERO);
    assert!(world.command() == Some(Command::FetchToken));
    world.fetched("t2", Some(cursor("k3f.90")));
    let connect = Command::Connect { token: "t2".into(), after: Some(cursor("k3f.10")) };
    assert!(world.command() == Some(connect));
}

#[test]
fn a_source_of_bad_tokens_is_not_asked_for_ever() {
    let mut world = World::with_source();
    for told in ["lost 0", "lost 500", "lost 1000", "closed 4401"] {
        world.fetched("bad", None);
        world.command();
        world.refuse(401, None);
        assert_eq!(world.told(), [told]);
        world.command();
        world.advance(seconds(1));
        world.command();
    }
}

#[test]
fn a_source_that_cannot_now_is_asked_later_and_one_that_never_can_ends_it() {
    let mut world = World::with_source();
    let failure = TokenFailure::temporary("down");
    world.course.handle(Happening::Token(Err(failure)), world.now);
    assert_eq!(world.told(), ["lost 500"]);
    assert!(world.command() == Some(Command::Disconnect));
    world.advance(seconds(1));
    assert!(world.command() == Some(Command::FetchToken));
    let failure = TokenFailure::permanent("no such user");
    world.course.handle(Happening::Token(Err(failure)), world.now);
    assert_eq!(world.told(), ["error no token to open the channel with: no such user"]);
    assert_eq!(world.course.poll_timeout(), None);
}

#[test]
fn bytes_and_text_are_told_apart() {
    let mut world = World::with_token().open();
    world.say(r#"{"id":"k3f.18","base64":"AAEC"}"#);
    world.say(r#"{"id":"k3f.19","data":"AAEC"}"#);
    let data: Vec<_> = std::iter::from_fn(|| world.course.poll_event())
        .map(|event| match event {
            Ok(Event::Message { data, .. }) => data,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(data, [Data::Binary(Bytes::from_static(&[0, 1, 2])), text("AAEC")]);
}
