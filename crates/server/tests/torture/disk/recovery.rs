//! Kills at every step, with the power gone after them, also of a server that is just starting, three deep.

use super::{
    faults::{
        Action::{KillAfter, KillBefore, KillShort},
        Disk, Fault, Operation, Place,
    },
    power::{Lost, lose},
    story::{Answer, Story, texts},
};
use crate::{
    length::{alone, pick},
    support::{
        Random,
        server::{Server, Setup},
    },
};
use std::thread;

/// The power fails somewhere among the next so many calls that change something.
fn arm(disk: &Disk, random: &mut Random, calls: u64) {
    let action = [KillBefore, KillAfter, KillShort(random.below(200))][random.below(3) as usize];
    let fault = Fault::once(Place::Anywhere, Operation::AnyChange, action);
    disk.fail(fault.after(random.below(calls)));
}

/// Starts, with the power failing now and then, until a server stands. How often it failed, and what it took.
fn start(disk: &Disk, setup: &Setup, random: &mut Random, depth: usize) -> (Server, usize, Lost) {
    let (mut failures, mut lost) = (0, Lost::default());
    for _ in 0..depth {
        arm(disk, random, 14);
        match setup.clone().attempt() {
            Ok(mut server) => server.kill(),
            Err(status) => {
                assert_eq!(status.code(), None, "killed, and not refused: {status}, {}", disk.complaints());
                failures += 1;
            }
        }
        disk.mend();
        let all = random.below(2) == 0;
        lost += lose(disk, random, all);
    }
    let server = setup.clone().attempt();
    let server = server.unwrap_or_else(|status| panic!("refused: {status}, {}", disk.complaints()));
    (server, failures, lost)
}

/// Publishers until the server is gone: each message until it is answered, or the power is.
fn publish(story: &Story, server: &Server, round: u64) -> usize {
    let texts = |publisher: u64| {
        (0..30).map(move |number| format!("{round}-{publisher}-{number} {}", "x".repeat(3_000)))
    };
    thread::scope(|scope| {
        let publishers: Vec<_> = (0..3)
            .map(|publisher| {
                let mut api = server.api();
                scope.spawn(move || {
                    let answers = texts(publisher).map(|text| story.send(&mut api, "ada", &text));
                    let stored = answers.take_while(|answer| matches!(answer, Answer::Stored(_)));
                    stored.count()
                })
            })
            .collect();
        publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum()
    })
}

/// Everything that is not synced may be gone, names of files too; every answered message is there all the same, and nobody
/// has seen one that is not.
#[test]
fn the_power_fails_while_messages_are_stored_and_while_the_server_starts() {
    let _alone = alone();
    let mut random = Random(0x5eed_0d15);
    let (mut failures, mut starts, mut lost, mut stored) = (0, 0, Lost::default(), 0);
    for _ in 0..pick(2, 30) {
        let disk = Disk::new();
        let setup = disk.logged("fsync");
        let mut story = Story::default();
        // Pages come back to where the first server was.
        let server = setup.clone().start();
        let setup = setup.listen(&server.address.to_string());
        story.open_pages(&server, "ada");
        let mut running = server;
        for round in 0..pick(6, 10) {
            arm(&disk, &mut random, 60);
            stored += publish(&story, &running, round);
            running.kill();
            disk.mend();
            let all = random.below(2) == 0;
            lost += lose(&disk, &mut random, all);
            let depth = random.below(4) as usize;
            let (server, failed, more) = start(&disk, &setup, &mut random, depth);
            lost += more;
            failures += failed + 1;
            starts += depth + 1;
            running = server;
        }
        story.end(&running, &["ada"], "the power failed");
    }
    println!(
        "the power failed {failures} times, {starts} starts; {stored} messages answered; it took {} writes and {} names",
        lost.writes, lost.names
    );
}

/// From a journal with a torn end: three starts that fail at any of their calls, then one that does not.
#[test]
fn a_start_that_is_interrupted_three_times_finds_what_the_first_would_have() {
    let _alone = alone();
    let mut random = Random(0x5eed_3dee);
    let disk = Disk::new();
    let mut server = disk.setup("fsync").start();
    let mut api = server.api();
    let story = Story::default();
    for number in 0..10 {
        story.send(&mut api, "ada", &format!("answered {number}")).cursor();
        api.send("bob", "to be deleted");
    }
    assert_eq!(api.call("DELETE", "/v1/channels/bob", &[], b"").status, 204);
    disk.fail(Fault::once(Place::Journal, Operation::Write, KillShort(110)));
    assert_eq!(story.send(&mut api, "ada", "torn in its middle"), Answer::Nothing);
    server.wait();
    let answered: Vec<String> = (0..10).map(|number| format!("answered {number}")).collect();
    let calls = calls_of_a_start(&disk);
    let (mut failures, mut lost) = (0, Lost::default());
    let trials = pick(15, 400);
    for trial in 0..trials {
        let copy = disk.copy();
        let (server, failed, more) = start(&copy, &copy.logged("fsync"), &mut random, 3);
        failures += failed;
        lost += more;
        let mut api = server.api();
        assert_eq!(texts(&mut api, "ada"), answered, "trial {trial}");
        assert_eq!(texts(&mut api, "bob"), [""; 0], "trial {trial}: deleted is deleted");
        api.send("ada", "and on it goes");
    }
    println!(
        "{trials} times three starts, {failures} of them interrupted at one of {calls} calls; {} writes and {} names gone",
        lost.writes, lost.names
    );
}

/// Calls that change something in a start after the power failed.
fn calls_of_a_start(disk: &Disk) -> u64 {
    let copy = disk.copy();
    let _server = copy.setup("fsync").start();
    let calls = copy.count(Place::Anywhere, Operation::AnyChange);
    assert!((8..=14).contains(&calls), "{calls} calls: the tests here take 14 for the most");
    calls
}
