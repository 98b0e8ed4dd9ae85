use super::*;
use delivery::presence::SocketView;

const LATEST: Offset = Offset(40);

fn socket(doing: Doing, acked: Option<u64>, token_left: Seconds) -> SocketStanding {
    let view = SocketView {
        transport: Transport::WebSocket,
        address: [127, 0, 0, 1].into(),
        opened_ms: 0,
        cursor: Offset(7),
        acked: acked.map(Offset),
    };
    SocketStanding { view, place: 0, doing, token_left, acked_ago: None }
}

fn behind(messages: usize) -> Behind {
    Behind { messages, more: false }
}

fn of(doing: Doing, messages: usize) -> (State, String) {
    let why = of_socket(&socket(doing, None, 7200), behind(messages), LATEST);
    (why.state, why.sentence)
}

#[test]
fn each_socket_has_its_sentence() {
    let blocked = of(Doing::Blocked(75), 13);
    assert_eq!(blocked.0, State::Blocked);
    assert!(
        blocked.1.starts_with("Its page has taken nothing for 1 min 15 s, and 13 messages wait."),
        "{blocked:?}"
    );
    assert!(of(Doing::Blocked(3), 0).1.contains("for 3 s, and the end of a message waits."));
    let sentence = |text: &str| text.to_owned();
    assert_eq!(
        of(Doing::Reads, 512),
        (State::ReadsFromDisk, sentence("It is brought up to date from the disk: 512 messages are left."))
    );
    assert_eq!(of(Doing::Takes, 1), (State::Behind, sentence("1 message is on its way.")));
    assert_eq!(of(Doing::BetweenPolls, 2), (State::Behind, sentence("2 messages wait for its next poll.")));
    assert_eq!(
        of(Doing::Takes, 0),
        (State::UpToDate, sentence("Up to date: all was handed to its connection."))
    );
    assert_eq!(of(Doing::Ends, 3), (State::Ends, sentence("It is being closed.")));
    let many = of_socket(&socket(Doing::Takes, None, 7200), Behind { messages: 1024, more: true }, LATEST);
    assert_eq!(many.sentence, "More than 1024 messages are on their way.");
}

#[test]
fn acknowledgements_and_tokens_are_worth_a_word() {
    let up_to_date = |acked| of_socket(&socket(Doing::Takes, acked, 7200), behind(0), LATEST).sentence;
    assert!(up_to_date(Some(40)).contains("acknowledged the newest"));
    assert!(up_to_date(Some(39)).contains("not acknowledged the newest yet"));
    let nothing = of_socket(&socket(Doing::Takes, None, 7200), behind(0), Offset(0));
    assert_eq!(nothing.sentence, "Up to date: nothing was sent to it.");
    let soon = of_socket(&socket(Doing::Takes, None, 40), behind(0), LATEST).sentence;
    assert!(soon.ends_with("Its token ends in 40 s: without a new one it is closed then."), "{soon}");
}

#[test]
fn a_client_is_as_its_slowest_socket() {
    let why = |state, sentence: &str| Why { state, sentence: sentence.to_owned() };
    assert_eq!(of_client([].iter()), None);
    let one = why(State::Behind, "1 message is on its way.");
    assert_eq!(of_client([why(State::Behind, "1 message is on its way.")].iter()), Some(one));
    let three = [why(State::UpToDate, "a"), why(State::Blocked, "B."), why(State::Behind, "c")];
    assert_eq!(of_client(three.iter()), Some(why(State::Blocked, "The slowest of its 3 sockets: B.")));
    let two = [why(State::UpToDate, "a"), why(State::UpToDate, "b")];
    assert_eq!(of_client(two.iter()), Some(why(State::UpToDate, "All of its 2 sockets are up to date.")));
}

#[test]
fn who_is_not_there_is_told_since_when_and_why() {
    let ended =
        |code| What::Ended { place: 0, transport: Transport::Sse, code, cursor: Offset(7), acked: Offset(0) };
    let recent = |events: &[(u64, What)]| Recent {
        events: events.iter().map(|(time_ms, what)| Event { time_ms: *time_ms, what: *what }).collect(),
        since_ms: 0,
    };
    let never = not_connected(&recent(&[]), None, 7_500_000);
    assert_eq!(never.sentence, "Not connected, and not seen in the 2 h 5 min that this node remembers.");
    let lost = not_connected(&recent(&[(10_000, ended(None))]), Some(behind(3)), 40_000);
    assert_eq!(
        lost.sentence,
        "Not connected for 30 s: its connection ended without a word. 3 messages are kept for it."
    );
    let refused =
        [(10_000, ended(Some(CloseCode::GONE))), (39_000, What::Refused { code: CloseCode::OVERLOADED })];
    assert_eq!(
        not_connected(&recent(&refused), None, 40_000).sentence,
        "Not connected for 30 s: its channel was deleted. 1 s ago it was refused: Too many sockets; try again later."
    );
    for code in CloseCode::TABLE {
        assert!(!ending(Transport::Sse, Some(code.0)).ends_with('.'), "{code:?} is the rest of a sentence");
    }
}

#[test]
fn spans_are_as_a_person_says_them() {
    for (seconds, text) in [
        (0, "less than a second"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7260, "2 h 1 min"),
    ] {
        assert_eq!(span(seconds), text);
    }
}
