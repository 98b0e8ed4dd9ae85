//! `kill -9` at random moments under load; readers and writers that come back like real ones.

mod deletions;

use crate::{
    length::{alone, pick},
    load::{People, Reading, Traffic, World, names},
    support::{
        Random,
        application::{Application, SECRET},
        server::{Server, on_disk},
        socket::{ALL, Socket},
    },
};
use checker::Rules;
use protocol::socket::Transport;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const CHANNELS: usize = 20;

/// Kills and starts it again, so many times, each time after a moment that nobody knows before.
fn kill_again_and_again(mut server: Server, times: usize, random: &mut Random) -> Server {
    let begun = Instant::now();
    for kill in 1..=times {
        thread::sleep(Duration::from_millis(50 + random.below(750)));
        server = server.restart();
        if kill % 20 == 0 {
            println!("{kill} of {times} kills after {} s", begun.elapsed().as_secs());
        }
    }
    server
}

/// The server of these tests: more is kept than any reader can fall behind, so that a gap is never right.
fn server(durability: &str, application: &Application) -> Server {
    on_disk(durability)
        .env("DOWNLINK_RETENTION_MESSAGES", "1000000")
        .env("DOWNLINK_PRESENCE_URL", &application.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "1")
        .env("DOWNLINK_DRAIN_SECONDS", "0")
        .start()
}

/// Every transport on two channels, with one reader that takes another at each return; on the others one each.
fn read(world: &World, channels: &[String]) -> Vec<Reading> {
    let mut readers = Vec::new();
    for (index, channel) in channels.iter().enumerate() {
        if index < 2 {
            readers.extend(ALL.iter().map(|transport| world.reader(channel, &[*transport]).read()));
            readers.push(world.reader(channel, &ALL).read());
        } else {
            readers.push(world.reader(channel, &[ALL[index % ALL.len()]]).read());
        }
    }
    readers
}

fn nothing_is_lost_or_repeated(durability: &str, seed: u64) {
    let _alone = alone();
    let application = Application::start();
    let server = server(durability, &application);
    let world = World::new(server.address);
    let channels = names("channel", CHANNELS);
    let readers = read(&world, &channels);
    let stop = Arc::new(AtomicBool::new(false));
    let people = People::come(&world, &stop);
    let deleting = {
        let (world, stop) = (world.clone(), Arc::clone(&stop));
        thread::spawn(move || deletions::run(&world, &stop))
    };
    let publishing = world.publish(&Traffic::default(), &channels);
    let server = kill_again_and_again(server, pick(12, 200), &mut Random(seed));
    let repeated = publishing.stop();
    stop.store(true, Ordering::Relaxed);
    let deleted = deleting.join().unwrap();
    world.end(&channels);
    let seen: Vec<_> = readers.into_iter().map(Reading::join).collect();
    channels.iter().for_each(|channel| world.read_kept(channel));
    people.settle().judge(&world, &application, pick(false, true));
    drop(server);
    let report = world.judge(&format!("kills with {durability}"), Rules::default());
    println!("{repeated} sends were repeated, {deleted} deletions");
    assert!(report.stored > 500 && report.notices > 30 && deleted > 10, "there was a load: {report}");
    assert!(repeated > 0, "sends were under way");
    assert!(seen.iter().all(|seen| seen.opened > pick(6, 100)), "all came back: {seen:?}");
}

#[test]
fn killed_again_and_again_with_durability_fsync_nothing_is_lost_or_repeated() {
    nothing_is_lost_or_repeated("fsync", 0x5eed_0001);
}

#[test]
fn killed_again_and_again_with_durability_os_nothing_is_lost_or_repeated() {
    nothing_is_lost_or_repeated("os", 0x5eed_0002);
}

#[test]
fn with_durability_memory_a_restart_is_a_new_life_and_said_so() {
    let server = crate::support::server::memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<Socket> =
        ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    api.send("ada", "lost");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "lost");
    }
    let server = server.restart();
    server.api().send("ada", "of the new life");
    for socket in sockets {
        let transport: Transport = socket.transport;
        let mut again = server.opening(transport, &token).after(&socket.at()).open();
        assert_eq!(again.gap(), "epoch", "{transport:?}");
        assert_eq!(again.text(), "of the new life", "{transport:?}");
        // The token's own place is of the old life too.
        assert_eq!(server.opening(transport, &token).open().gap(), "epoch", "{transport:?}");
    }
}
