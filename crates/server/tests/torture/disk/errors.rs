//! A disk that fails: that batch is answered 503 `outcome_unknown`, all after it 503, and nobody is told of what may be
//! gone after a restart.

use super::{
    faults::{
        Action::{Fail, Short},
        Disk, EIO, ENOSPC, Fault,
        Operation::{Create, DirectorySync, Rename, Sync, Truncate, Write},
        Place::Journal,
    },
    story::{Story, kept, killed_and_started, metric, offset, texts},
};
use crate::{
    length::{alone, pick},
    support::{
        server::Server,
        socket::{ALL, Data, Frame, STREAMS},
    },
};
use std::{fs, os::unix::fs::FileExt};

/// How the disk fails a journal, and whether it does so in a journal that nothing was written to since the start.
struct Case {
    name: &'static str,
    faults: Vec<Fault>,
    at_the_first_write: bool,
    /// Whether messages in the middle of a segment are hit. Otherwise it takes the end of one.
    at_once: bool,
}

fn cases() -> Vec<Case> {
    let once = |operation, action| vec![Fault::once(Journal, operation, action)];
    let case = |name, faults| Case { name, faults, at_the_first_write: false, at_once: true };
    let rotation = |name, faults| Case { at_once: false, ..case(name, faults) };
    let first = |name, faults| Case { at_the_first_write: true, ..case(name, faults) };
    vec![
        case("EIO on a sync", once(Sync, Fail(EIO))),
        case("ENOSPC on a sync", once(Sync, Fail(ENOSPC))),
        case("EIO on a write", once(Write, Fail(EIO))),
        case(
            "EIO in the middle of a write",
            vec![Fault::once(Journal, Write, Short(70)), Fault::once(Journal, Write, Fail(EIO)).after(1)],
        ),
        case(
            "a full disk, and EIO while the half is cut off",
            vec![
                Fault::once(Journal, Write, Short(70)),
                Fault::once(Journal, Write, Fail(ENOSPC)).after(1),
                Fault::once(Journal, Truncate, Fail(EIO)),
            ],
        ),
        rotation("EIO while a segment is made", once(Create, Fail(EIO))),
        rotation("EIO on the sync of the directory", once(DirectorySync, Fail(EIO))),
        first("EIO while the state is made", once(Create, Fail(EIO))),
        first("EIO while the state is put in place", once(Rename, Fail(EIO))),
        first("EIO on the sync of the state's directory", once(DirectorySync, Fail(EIO))),
    ]
}

/// Sends until the disk has failed: the texts with unknown outcome.
fn send_until_it_fails(story: &Story, server: &Server, case: &Case) -> Vec<String> {
    let filler = "x".repeat(if case.at_once { 20 } else { 8_000 });
    for round in 0..100 {
        let values: Vec<String> = (0..8).map(|number| format!("{round}-{number} {filler}")).collect();
        let answers = story.send_at_once(server, "ada", &values);
        let mut unknown = Vec::new();
        let mut failed = false;
        for (value, answer) in values.into_iter().zip(answers) {
            match answer {
                answer if answer.is(503, "outcome_unknown") => unknown.push(value),
                answer if answer.is(503, "storage_failed") => failed = true,
                answer => drop(answer.cursor()),
            }
        }
        if !unknown.is_empty() {
            return unknown;
        }
        assert!(!failed, "{}: refused before anything had failed", case.name);
    }
    panic!("{}: the disk never failed", case.name);
}

/// What holds from the failure until the restart.
fn check_failed(story: &Story, server: &Server, case: &Case, before: &[String]) {
    let api = &mut server.api();
    let name = case.name;
    let refused = api.call("POST", "/v1/channels/ada/messages", &[], b"after it");
    assert_eq!((refused.status, refused.code().as_str()), (503, "storage_failed"), "{name}");
    assert_eq!(refused.header("retry-after"), None, "{name}: it does not pass by itself");
    let refused = api.post("/v1/messages", &serde_json::json!([{"to": "ada", "data": "after it"}])).json();
    assert_eq!(refused[0]["code"], "storage_failed", "{name}");
    assert_eq!(api.call("DELETE", "/v1/channels/bob", &[], b"").status, 503, "{name}");
    assert_eq!(api.get("/healthz").status, 503, "{name}");
    assert_eq!(metric(api, "downlink_broker_healthy"), "0", "{name}");
    assert_eq!(texts(api, "ada"), before, "{name}: exactly what was answered can be read");
    let token =
        crate::support::token::sign(&crate::support::token::claims("ada"), crate::support::token::TOKEN_KEY);
    for transport in ALL {
        let mut socket = server.opening(transport, &token).open();
        assert_eq!(socket.texts(before.len()), before, "{name}, {transport:?}: delivery goes on");
        if STREAMS.contains(&transport) {
            let text = format!("passed to {}", transport.as_str());
            story.pass(api, "ada", &text);
            // Anything else that was announced would have come before it.
            assert_eq!(socket.frame(), Frame::Message(None, Data::Text(text)), "{name}");
        }
    }
}

/// Takes from the newest segment of a copy all that was not answered, as a kernel may after it failed to store it; a
/// new message must not get a place that a failed one had.
fn check_that_places_are_new(disk: &Disk, end: u64, failed: &[u64], name: &str) {
    let segment = disk.files("journal", ".seg").pop().unwrap();
    let base = u64::from_str_radix(segment.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    let size = file.metadata().unwrap().len();
    // Behind the last answered record, which ends at a multiple of 8.
    let from = end.saturating_sub(base).max(64);
    if from < size {
        file.write_all_at(&vec![0; (size - from) as usize], from).unwrap();
    }
    let server = disk.plain("fsync").start();
    let mut api = server.api();
    for number in 0..20 {
        let place = offset(&api.send("ada", &format!("new {number}")));
        assert!(failed.iter().all(|failed| place > *failed), "{name}: {place} is used again: {failed:?}");
    }
}

/// Where the record ends whose payload this is, if it has one key and was sent with an Idempotency-Key.
fn end_of(place: u64, value: &str) -> u64 {
    place + (96 + value.len() as u64).next_multiple_of(8)
}

fn a_failed_disk(case: &Case, terminated: bool) {
    let disk = Disk::new();
    let mut story = Story::default();
    let mut server = disk.setup("fsync").start();
    let mut api = server.api();
    story.open_pages(&server, "ada");
    for number in 0..5 {
        story.send(&mut api, "ada", &format!("before {number}")).cursor();
    }
    if case.at_the_first_write {
        server.terminate();
        assert_eq!(server.wait().code(), Some(0));
        server = server.start_again();
        api = server.api();
    }
    let numbers: Vec<u64> = case.faults.iter().map(|fault| disk.fail(*fault)).collect();
    let unknown = send_until_it_fails(&story, &server, case);
    numbers.iter().for_each(|number| assert_eq!(disk.hits(*number), 1, "{}", case.name));
    let answered = kept(&mut api, "ada").unwrap();
    let before: Vec<String> = answered.iter().map(|(_, text)| text.clone()).collect();
    let unanswered: Vec<&String> = unknown.iter().filter(|text| before.contains(text)).collect();
    assert!(unanswered.is_empty(), "{}: not answered as stored, and read: {unanswered:?}", case.name);
    check_failed(&story, &server, case, &before);
    assert_eq!(disk.syncs_repeated(), 0, "{}: no sync of that descriptor is tried again", case.name);
    assert!(story.seen().iter().all(|text| before.contains(text)), "{}: nothing else was seen", case.name);
    if terminated {
        server.terminate();
        server.wait();
        assert_eq!(disk.syncs_repeated(), 0, "{}: nor at the end", case.name);
    } else {
        server.kill();
    }
    let lost = disk.copy();
    let server = killed_and_started(&disk, server);
    // Those that are there had their places before the restart.
    let found = kept(&mut server.api(), "ada").unwrap();
    let had: Vec<u64> =
        found.iter().filter(|(_, text)| unknown.contains(text)).map(|(cursor, _)| offset(cursor)).collect();
    // Whatever has become of them, they are sent again, and stored once.
    for text in &unknown {
        story.send(&mut server.api(), "ada", text).cursor();
    }
    story.end(&server, &["ada"], case.name);
    let (end, value) = answered.last().map(|(cursor, text)| (offset(cursor), text)).unwrap();
    check_that_places_are_new(&lost, end_of(end, value), &had, case.name);
    let how = if terminated { "terminated" } else { "killed" };
    println!("{}: {} messages unknown, {} of them found; {how}", case.name, unknown.len(), had.len());
}

#[test]
fn a_failed_disk_is_final_and_said_and_nobody_hears_of_what_may_be_gone() {
    let _alone = alone();
    let (cases, ends) = (cases(), pick(1, 2));
    for (index, case) in cases.iter().enumerate() {
        for end in 0..ends {
            a_failed_disk(case, (index + end) % 2 == 0);
        }
    }
    println!("{} failures of a disk, each with {ends} of two ends", cases.len());
}
