//! A slow reader costs a cursor, not memory, and costs the others nothing; when it reads again it has everything that
//! is kept, or hears of a gap, on the connection that it had.

mod latency;

use crate::{
    length::{alone, pick},
    load::World,
    support::{
        http::Api,
        server::{Server, on_disk},
        socket::STREAMS,
        until,
    },
    swarm::{
        Swarm,
        page::{PATIENCE, Page},
        publisher::send,
    },
};
use checker::{Place, Rules};
use latency::Probe;
use std::{
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

const BYTES: usize = 20_000;
/// 50 MB.
const MESSAGES: usize = 2_500;

/// What each slow socket may cost beside what the kernel holds.
const BYTES_PER_SOCKET_MAX: u64 = 64 * 1024;

/// What a page had, in order.
type Had = Vec<(Place, String)>;

/// Pages that stop reading right behind their first message, and go on when they are told to.
struct Slow {
    swarm: Swarm<Had>,
    go_on: watch::Sender<bool>,
}

impl Slow {
    fn open(world: &World, api: &mut Api, count: usize) -> Self {
        let (mut swarm, go_on) = (Swarm::new(), watch::Sender::new(false));
        let token = api.token("slow");
        for index in 0..count {
            let transport = STREAMS[index % STREAMS.len()];
            let name = format!("slow_{index}_{}", transport.as_str());
            let mut page = Page::new(&world.history, name, "slow", world.address, &token);
            let mut told = go_on.subscribe();
            swarm.add(async move {
                page.open(transport).await.unwrap();
                page.until("first").await.unwrap();
                told.wait_for(|is_told| *is_told).await.unwrap();
                // On the connection that it has: nobody was to cut it.
                let read_on = tokio::time::timeout(4 * PATIENCE, page.until("end")).await;
                read_on.expect("the end comes").unwrap_or_else(|error| panic!("{}: {error}", page.name));
                page.end()
            });
        }
        until("all are there", || (api.sockets("slow") == count).then_some(()));
        send(&world.history, api, "slow", "first", 1);
        Self { swarm, go_on }
    }

    /// They read again, and end.
    #[track_caller]
    fn read_on(self) -> Vec<Had> {
        self.go_on.send_replace(true);
        self.swarm.join()
    }
}

/// What is kept of a channel, by the names of its texts.
fn kept(api: &mut Api, channel: &str) -> Vec<String> {
    api.kept(channel).iter().map(|text| text.split(' ').next().unwrap().to_owned()).collect()
}

/// Fills the cache of the newest messages, which has its bound and nothing to do with slow sockets.
fn fill_cache(world: &World, api: &mut Api) {
    for number in 0..4_000 {
        send(&world.history, api, "cache", &format!("c{number}"), BYTES);
    }
}

/// A part of 50 MB, evenly over the time that a round takes.
fn one_round(world: &World, api: &mut Api, channel: &str, round: usize, rounds: usize) {
    let (messages, takes) = (MESSAGES / rounds, pick(Duration::from_millis(1_300), Duration::from_secs(3)));
    let begun = Instant::now();
    for number in 0..messages {
        send(&world.history, api, channel, &format!("{channel}-{round}-{number}"), BYTES);
        let due = takes * number as u32 / messages as u32;
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
}

#[test]
fn sockets_that_stop_reading_cost_a_cursor_each_and_the_others_nothing() {
    let _alone = alone();
    let (sockets, rounds) = (200, pick(5, 10));
    // Less is kept than is sent: most of it is gone when they read again.
    let server = on_disk("os").env("DOWNLINK_RETENTION_BYTES", "4194304").start();
    let (world, mut api) = (World::new(server.address), server.api());
    let probe = Probe::start(&world, &server);
    fill_cache(&world, &mut api);
    let slow = Slow::open(&world, &mut api, sockets);
    let before = server.resident_bytes();
    let (begun, mut most, mut pairs) = (Instant::now(), 0, Vec::new());
    for round in 0..rounds {
        let mut measured = |channel: &str| {
            probe.begin_round();
            one_round(&world, &mut api, channel, round, rounds);
            probe.end_round()
        };
        // To a channel that nobody listens to: the load alone.
        let normal = measured("nobody");
        pairs.push((normal, measured("slow")));
        most = most.max(server.resident_bytes());
    }
    let paused = begun.elapsed();
    let each = most.saturating_sub(before) / sockets as u64;
    println!("{paused:?} without reading: {each} bytes for each of {sockets} sockets");
    probe.stop();
    send(&world.history, &mut api, "slow", "end", 1);
    let all_had = slow.read_on();
    // Nothing was sent meanwhile: what is kept now was kept all the time.
    let kept = kept(&mut api, "slow");
    for had in all_had {
        let names: Vec<&String> = had.iter().map(|(_, name)| name).collect();
        let is_there = names.ends_with(&kept.iter().collect::<Vec<_>>());
        assert!(is_there, "everything that is kept comes: {} of {} messages", names.len(), kept.len());
    }
    assert!(kept.len() > 100, "something is kept");
    let rules = Rules { may_trim: true, may_change_epoch: false };
    let report = world.judge("slow readers, most of it trimmed", rules);
    assert!(report.gaps >= sockets, "each heard of a gap: {report}");
    assert!(each < BYTES_PER_SOCKET_MAX, "{each} bytes for each socket that does not read");
    latency::judge(&pairs);
}

#[test]
fn sockets_that_read_again_get_everything_that_is_kept() {
    let _alone = alone();
    let server = on_disk("os").env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let (world, mut api) = (World::new(server.address), server.api());
    let slow = Slow::open(&world, &mut api, pick(9, 200));
    for number in 0..MESSAGES {
        send(&world.history, &mut api, "slow", &format!("s{number}"), BYTES);
    }
    wait_out_the_kernel(&server);
    send(&world.history, &mut api, "slow", "end", 1);
    slow.read_on();
    world.judge("slow readers, all of it kept", Rules::default());
}

/// Longer than a kernel waits by itself for a reader that takes nothing (`TCP_USER_TIMEOUT`).
fn wait_out_the_kernel(server: &Server) {
    let resident = server.resident_bytes();
    thread::sleep(pick(Duration::from_secs(3), Duration::from_secs(40)));
    println!("{resident} bytes when all was sent, {} later", server.resident_bytes());
}
