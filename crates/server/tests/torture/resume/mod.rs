//! Whoever comes back has everything, once, in order: cut in every way, on every transport, and between them, while
//! messages are sent without pause.

mod cuts;
mod expiry;
mod order;
mod pings;
mod raw;

use crate::{
    length::{alone, pick},
    load::World,
    support::{
        Random,
        server::{Server, on_disk},
        socket::ALL,
        until,
    },
    swarm::{
        Swarm,
        page::{Manner, PATIENCE, Page},
        publisher::{Plan, Publisher, send},
        relay::{Relay, Times},
    },
};
use checker::{History, Rules};
use protocol::socket::Transport;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The channel that is never quiet.
const BUSY: &str = "busy";
/// The channel for those who get everything again each time: slow, so that it does not grow too long.
const CALM: &str = "calm";
/// Nobody reads this one: it drives the others' messages out of the server's cache, so that they are read from the disk.
const FILLER: &str = "filler";

/// The ways that a page goes through: one, or all in turn.
fn ways() -> Vec<Vec<Transport>> {
    let alone = ALL.iter().map(|transport| vec![*transport]);
    alone.chain([ALL.to_vec()]).collect()
}

fn name(transports: &[Transport]) -> &'static str {
    if let [one] = transports { one.as_str() } else { "in_turn" }
}

/// All pages of this test.
struct Cast {
    history: History,
    swarm: Swarm<()>,
    /// Pages that go on being cut.
    restless: Arc<AtomicUsize>,
    seed: u64,
}

impl Cast {
    /// A page that is cut, and then stays until the end.
    fn add(&mut self, page: Page, transports: &[Transport], cuts: u32, behind_relay: bool) {
        self.seed += 1;
        let (random, restless, transports) =
            (Random(self.seed * 0x9e37_79b9), Arc::clone(&self.restless), transports.to_vec());
        restless.fetch_add(1, Ordering::Relaxed);
        self.swarm.add(async move {
            let mut page = page;
            let mut story = cuts::Story { random, transports, turn: 0 };
            for _ in 0..cuts {
                match behind_relay {
                    true => story.until_silence(&mut page).await,
                    false => story.one_cut(&mut page).await,
                }
            }
            restless.fetch_sub(1, Ordering::Relaxed);
            tokio::time::timeout(4 * PATIENCE, story.until_the_end(&mut page)).await.expect("the end comes");
            page.end();
        });
    }

    /// Two of each kind for the direct way: told by `after`, told by the header; and those who tell nothing.
    fn add_direct(&mut self, server: &Server, tokens: [&str; 2]) {
        // As many as there is time for while others wait for their pings; the later ones are served from the disk.
        let cuts = pick(400, 500);
        for transports in ways() {
            for (manner, channel, token) in [
                (Manner::After, BUSY, tokens[0]),
                (Manner::LastEventId, BUSY, tokens[0]),
                (Manner::Token, CALM, tokens[1]),
            ] {
                let name = format!("{}_{manner:?}", name(&transports));
                let page = Page::new(&self.history, name, channel, server.address, token).manner(manner);
                self.add(page, &transports, cuts, false);
            }
        }
    }

    /// Those behind a network that dies silently.
    fn add_behind(&mut self, relay: &Relay, token: &str) {
        for transports in ways() {
            let name = format!("{}_behind_relay", name(&transports));
            let page = Page::new(&self.history, name, BUSY, relay.address, token);
            self.add(page, &transports, pick(40, 500), true);
        }
    }
}

fn publishers(history: &History, server: &Server) -> Vec<Publisher> {
    let plans = [
        ("a", BUSY, 3, vec![10, 300, 3_000, 20_000]),
        ("b", BUSY, 3, vec![10, 300, 3_000]),
        ("c", CALM, 25, vec![10, 300, 3_000]),
        ("d", FILLER, 2, vec![32_000]),
    ];
    let start = |(name, channel, pause, bytes): (&str, &str, u64, Vec<usize>)| {
        let pause = Duration::from_millis(pause);
        let plan = Plan { name: name.into(), channels: vec![channel.into()], pause, bytes };
        Publisher::start(history, server.api(), plan)
    };
    plans.into_iter().map(start).collect()
}

/// Sockets that hold a connection, over both channels.
fn streams(server: &Server) -> usize {
    let mut api = server.api();
    let count = |channel: &str| {
        let look = api.get(&format!("/v1/channels/{channel}")).json();
        look["sockets"].as_array().unwrap().iter().filter(|it| it["transport"] != "long_poll").count()
    };
    [BUSY, CALM].map(count).iter().sum()
}

#[test]
fn cut_in_every_way_on_every_transport_nothing_is_lost_or_repeated() {
    let _alone = alone();
    let server = on_disk("os").env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let mut api = server.api();
    let tokens = [api.token(BUSY), api.token(CALM)];
    let (world, begun) = (World::new(server.address), Instant::now());
    let history = &world.history;
    let mut cast = Cast { history: history.clone(), swarm: Swarm::new(), restless: Arc::default(), seed: 1 };
    cast.add_direct(&server, [&tokens[0], &tokens[1]]);
    let times = Times { forwards: Duration::from_millis(80), swallows: Duration::from_secs(1) };
    let relay = Relay::start(server.address, times);
    cast.add_behind(&relay, &tokens[0]);
    let pings = pings::start(&mut cast, &server, &tokens[1]);
    let raw = raw::start(&mut cast, &server, &tokens[0]);
    let publishers = publishers(history, &server);
    while cast.restless.load(Ordering::Relaxed) > 0 && !cast.swarm.has_lost_one() {
        assert!(begun.elapsed() < 10 * PATIENCE, "pages are still being cut");
        thread::sleep(Duration::from_millis(50));
    }
    println!("all cut after {:?}", begun.elapsed());
    let sent: u64 = publishers.into_iter().map(Publisher::stop).sum();
    for channel in [BUSY, CALM] {
        send(history, &mut api, channel, "end", 1);
    }
    cast.swarm.join();
    raw.join();
    pings.join();
    until("no socket is left of a cut connection", || (streams(&server) == 0).then_some(()));
    println!("{sent} messages in {:?}", begun.elapsed());
    let report = world.judge("cut in every way", Rules::default());
    assert!(report.received > 10_000, "there was a load: {report}");
}
