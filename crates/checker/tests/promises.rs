//! Each promise broken once, and each exception once.
#![allow(clippy::unwrap_used, reason = "tests may")]

use checker::{Event, History, Place, Report, Rules, check};

/// A history as lines, short to write: `send 1 ada hello [key]`, `stored 1 e.5`, `refused 1`, `begin page ada [e.3]`,
/// `got page e.5 hello`, `gap page e.9 trimmed`, `end page`, `kept ada e.5=hello …`, `notice ada + 7 id`, `present ada -`.
fn history(text: &str) -> Vec<Event> {
    text.split(';').map(str::trim).filter(|line| !line.is_empty()).map(event).collect()
}

fn event(line: &str) -> Event {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |index: usize| words[index].to_owned();
    let place = |index: usize| words[index].parse::<Place>().ok();
    match words[0] {
        "send" => Event::Send {
            send: words[1].parse().unwrap(),
            channel: word(2),
            value: word(3),
            key: words.get(4).filter(|key| **key != "ttl").map(|key| (*key).to_owned()),
            expires: words.get(4) == Some(&"ttl"),
        },
        "stored" => Event::Stored { send: words[1].parse().unwrap(), place: place(2) },
        "refused" => Event::Refused { send: words[1].parse().unwrap() },
        "begin" => Event::Begin {
            reader: word(1),
            channel: word(2),
            from: words.get(3).and_then(|at| at.parse().ok()),
        },
        "got" => Event::Message { reader: word(1), place: place(2), value: word(3) },
        "gap" => Event::Gap { reader: word(1), place: place(2).unwrap(), reason: word(3) },
        "end" => Event::End { reader: word(1) },
        "kept" => {
            let pair =
                |pair: &&str| pair.split_once('=').map(|(at, value)| (at.parse().unwrap(), value.into()));
            Event::Kept { channel: word(1), messages: words[2..].iter().filter_map(pair).collect() }
        }
        "notice" => Event::Notice {
            client_id: word(1),
            connected: words[2] == "+",
            generation: words[3].parse().unwrap(),
            id: word(4),
        },
        "present" => Event::Present { client_id: word(1), connected: words[2] == "+" },
        other => panic!("{other}"),
    }
}

const TRIM: Rules = Rules { may_trim: true, may_change_epoch: false };
const EPOCH: Rules = Rules { may_trim: false, may_change_epoch: true };

fn checked(text: &str, rules: Rules) -> Report {
    check(&history(text), rules)
}

#[track_caller]
fn broken(text: &str, rules: Rules, promise: u8, what: &str) {
    let report = checked(text, rules);
    let [violation] = &report.violations[..] else { panic!("one violation wanted: {report}") };
    assert_eq!((violation.promise, violation.what.as_str()), (promise, what));
}

#[track_caller]
fn kept(text: &str, rules: Rules) {
    let report = checked(text, rules);
    assert!(report.violations.is_empty(), "{report}");
}

#[test]
fn a_good_history_breaks_nothing_and_is_counted() {
    let text = "begin page ada; begin other ada e.1; send 1 ada a k; stored 1 e.5; send 2 ada b; got page e.5 a; got other e.5 a; \
                stored 2 e.7; got page e.7 b; got other e.7 b; end page; end other; kept ada e.5=a e.7=b; \
                notice ada + 1 n1; notice ada + 1 n1; notice ada - 4 n2; present ada -";
    let report = checked(text, Rules::default());
    let counted = (report.sends, report.stored, report.received, report.readers, report.gaps, report.notices);
    assert_eq!((counted, report.violations.len()), ((2, 2, 4, 2, 0, 2), 0), "{report}");
}

#[test]
fn twice_backwards_and_from_nowhere() {
    let rules = Rules::default();
    let sent = "begin p ada; send 1 ada a; send 2 ada b; stored 1 e.5; stored 2 e.7";
    broken(&format!("{sent}; got p e.5 a; got p e.7 b; got p e.7 b; end p"), rules, 1, "p got \"b\" twice");
    let backwards = checked(&format!("{sent}; got p e.7 b; got p e.5 a; end p"), rules);
    assert_eq!(backwards.violations[0].what, "p got \"a\" at e.5 after e.7");
    broken("begin p ada; got p e.5 a", rules, 1, "ada: \"a\" was seen, but nobody sent it");
    let both = "send 1 ada a; send 2 ada b; stored 1 e.5; stored 2 e.5";
    broken(both, rules, 1, "ada: \"a\" and \"b\" both lie at e.5");
    let moved = "send 1 ada a; stored 1 e.5; kept ada e.6=a";
    broken(moved, rules, 1, "ada: \"a\" lies at e.5 and at e.6");
    let before = "begin p ada e.9; send 1 ada a; stored 1 e.5; got p e.5 a; end p";
    broken(before, rules, 1, "p got \"a\" at e.5 after e.9");
    let order = "send 1 ada a; stored 1 e.9; send 2 ada b; stored 2 e.5";
    broken(order, rules, 1, "ada: \"a\" was answered before \"b\" was sent, but lies behind it");
}

#[test]
fn what_was_sent_at_once_may_lie_in_any_order() {
    kept("send 1 ada a; send 2 ada b; stored 1 e.9; stored 2 e.5", Rules::default());
}

#[test]
fn what_was_answered_must_come() {
    let rules = Rules::default();
    let lost = "begin p ada; send 1 ada a; stored 1 e.5; send 2 ada b; stored 2 e.7; got p e.7 b; end p";
    broken(lost, rules, 2, "p never got \"a\", which was answered as stored at e.5");
    // Not its due: sent before it began, or before where it starts, or with a TTL.
    kept("send 1 ada a; begin p ada; stored 1 e.5; end p", rules);
    kept("begin p ada e.5; send 1 ada a; stored 1 e.5; end p", rules);
    kept("begin p ada; send 1 ada a ttl; stored 1 e.5; end p", rules);
    // Its due by the place it starts from, though it was sent before.
    let earlier = "send 1 ada a; stored 1 e.5; begin p ada e.4; end p";
    broken(earlier, rules, 2, "p never got \"a\", which was answered as stored at e.5");
    broken(
        "send 1 ada a; stored 1 e.5; kept ada",
        rules,
        2,
        "ada: \"a\" was answered as stored, but is not kept",
    );
    let refused = "begin p ada; send 1 ada a; refused 1; got p e.5 a; end p";
    broken(refused, rules, 2, "ada: \"a\" was seen, but its send was refused");
    // One try refused, another without an answer: it may be stored.
    kept("begin p ada; send 1 ada a k; send 2 ada a k; refused 2; got p e.5 a; end p", rules);
}

#[test]
fn gaps_are_said_exactly_when_something_is_missing() {
    let rules = Rules::default();
    let sent = "begin p ada; send 1 ada a; stored 1 e.5; send 2 ada b; stored 2 e.7";
    kept(&format!("{sent}; gap p e.5 trimmed; got p e.7 b; end p"), TRIM);
    let report = checked(&format!("{sent}; gap p e.5 trimmed; got p e.7 b; end p"), rules);
    assert_eq!(report.violations[0].what, "p heard of a gap (trimmed) at e.5, and there can be none");
    let nothing = format!("{sent}; got p e.5 a; gap p e.6 trimmed; got p e.7 b; end p");
    broken(&nothing, TRIM, 3, "p heard of a gap up to e.6, but nothing is missing");
    let little = format!("{sent}; gap p e.3 trimmed; got p e.7 b; end p");
    let report = checked(&little, TRIM);
    assert_eq!(report.violations.len(), 2, "the gap covers nothing, and a message is missing: {report}");
    let passed = format!("{sent}; got p e.5 a; got p e.7 b; gap p e.6 trimmed; end p");
    assert_eq!(checked(&passed, TRIM).violations[0].what, "p heard of a gap up to e.6, which it has passed");
}

#[test]
fn another_epoch_is_said() {
    let sent = "begin p ada; send 1 ada a; stored 1 e.5; send 2 ada b; stored 2 f.2";
    kept(&format!("{sent}; gap p f.1 epoch; got p f.2 b; end p"), EPOCH);
    let silent = format!("{sent}; got p e.5 a; got p f.2 b; end p");
    broken(&silent, EPOCH, 3, "p went from e.5 to f.2 and heard of no gap");
    // What lies before the place that it had is not covered.
    let more =
        "begin p ada; send 1 ada a; stored 1 e.5; send 2 ada b; stored 2 e.7; send 3 ada c; stored 3 f.2";
    let late = format!("{more}; got p e.7 b; gap p f.1 epoch; got p f.2 c; end p");
    broken(&late, EPOCH, 2, "p never got \"a\", which was answered as stored at e.5");
}

#[test]
fn what_one_reader_got_the_others_get() {
    let text = "begin p ada; begin q ada; send 1 ada a; send 2 ada b; got q e.5 a; got q e.7 b; stored 2 e.7; \
                got p e.7 b; end p; end q";
    broken(text, Rules::default(), 4, "p never got \"a\", which was seen by others at e.5");
}

#[test]
fn a_key_is_stored_once() {
    let text = "send 1 ada a k; send 2 ada a k; stored 1 e.5; stored 2 e.9";
    broken(text, Rules::default(), 7, "ada: \"a\" lies at e.5 and at e.9");
    kept("send 1 ada a k; send 2 ada a k; stored 1 e.5; stored 2 e.5", Rules::default());
}

#[test]
fn notices_alternate_rise_and_end_with_the_truth() {
    let rules = Rules::default();
    broken("notice ada + 1 a; notice ada + 2 b", rules, 6, "ada is told to be connected twice");
    broken("notice ada + 2 a; notice ada - 2 b", rules, 6, "ada: generation 2 after 2");
    broken("notice ada - 2 a", rules, 6, "ada is told to be gone, and never came");
    let wrong = "notice ada + 2 a; present ada -";
    broken(wrong, rules, 6, "ada is disconnected, but the last notice says connected");
    broken("present ada +", rules, 6, "ada is connected, but the last notice says disconnected");
}

#[test]
fn a_history_is_written_and_read_back() {
    let text = "begin page ada e.1; send 1 ada a k; stored 1 e.5; refused 1; got page e.5 a; gap page e.9 trimmed; \
                end page; kept ada e.5=a; notice ada + 1 n; present ada +; send 2 bob b ttl; stored 2";
    let events = history(&text.replace("; stored 2", ""));
    let history = History::new();
    events.iter().cloned().for_each(|event| history.record(event));
    let mut written = Vec::new();
    history.write(&mut written).unwrap();
    assert_eq!(History::read(&written[..]).unwrap(), events);
    let wrong = History::read(&b"\n{\"event\":\"unheard\"}\n"[..]).unwrap_err();
    assert!(wrong.to_string().starts_with("line 2 is no event: "), "{wrong}");
}
