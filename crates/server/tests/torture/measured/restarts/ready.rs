//! From `kill -9` to ready, with a journal that is full.

use crate::{
    length::{alone, pick},
    load::World,
    support::{
        Random,
        http::{API_KEY, Api},
        server::{Server, on_disk},
    },
};
use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Messages in one call; about 10 MB.
const BATCH: usize = 10_000;
const BYTES: usize = 1_000;

/// How soon it must be ready: 2 s with 1,000,000 channels and 1 GB.
const READY_MAX: Duration = Duration::from_secs(2);

/// On a machine that is busy with other things one start may be held up, but not every one.
const STARTS: usize = 3;

fn text(channel: usize) -> String {
    format!("{channel} {}", "x".repeat(BYTES - 8))
}

/// Sends one message of about 1 KB to each of so many channels.
fn fill(world: &World, channels: usize) {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut api = world.api();
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= channels {
                        return;
                    }
                    send(&mut api, first..(first + BATCH).min(channels));
                }
            });
        }
    });
    println!("{channels} channels were filled in {:.1} s", begun.elapsed().as_secs_f32());
}

fn send(api: &mut Api, channels: std::ops::Range<usize>) {
    let count = channels.len();
    let line = |channel: usize| format!("{{\"to\":\"c{channel}\",\"data\":\"{}\"}}\n", text(channel));
    let body: String = channels.map(line).collect();
    let key = format!("Bearer {API_KEY}");
    let headers = [("Authorization", key.as_str()), ("Content-Type", "application/x-ndjson")];
    let response = api.try_call("POST", "/v1/messages", &headers, body.as_bytes()).unwrap();
    let stored = response.text().lines().filter(|line| line.starts_with(r#"{"id":""#)).count();
    assert_eq!(stored, count, "{}", &response.text()[..300]);
}

/// What lies in the journal: its bytes, its segments, and those of them that a start must read through, since the file
/// of their keys is not there.
fn journal(server: &Server) -> (u64, usize, usize) {
    let names: Vec<_> = fs::read_dir(server.data_dir().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .collect();
    let of =
        |kind: &str| names.iter().filter(|(path, _)| path.extension().is_some_and(|is| is == kind)).count();
    let (segments, keys) = (of("seg"), of("keys"));
    (names.iter().map(|(_, length)| length).sum(), segments, segments - keys)
}

/// From the start of the process to its first answer.
fn start_after_kill(server: Server) -> (Server, Duration) {
    let mut server = server;
    server.kill();
    let begun = Instant::now();
    let server = server.start_again();
    assert_eq!(server.api().get("/healthz").status, 200);
    (server, begun.elapsed())
}

#[test]
fn a_full_journal_is_ready_again_within_two_seconds_of_a_kill() {
    let _alone = alone();
    let channels = pick(100_000, 1_000_000);
    let mut server = on_disk("fsync").env("DOWNLINK_RETENTION_BYTES", "4294967296").start();
    let world = World::new(server.address);
    fill(&world, channels);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let (bytes, segments, scanned) = journal(&server);
        let (again, took) = start_after_kill(server);
        server = again;
        println!(
            "ready after {} ms: {channels} channels, {} MB in {segments} segments, {scanned} of them read through",
            took.as_millis(),
            bytes / 1_000_000,
        );
        times.push(took);
    }
    let best = times.iter().min().unwrap();
    // A tenth of the journal is ready in a quarter of the time: a process, and one segment, are always to be read.
    assert!(*best < READY_MAX / pick(4, 1), "{times:?}");
    let (mut random, mut api) = (Random(0x5eed_0003), world.api());
    for _ in 0..100 {
        let channel = random.below(channels as u64) as usize;
        assert_eq!(api.kept(&format!("c{channel}")), [text(channel)]);
    }
}
