//! All sockets cut at once, again and again: everybody is back soon, has everything, and the server is as small as before.

use crate::{
    length::{alone, is_long, pick},
    load::{World, names},
    support::{
        Random,
        server::{Server, on_disk},
        socket::ALL,
    },
    swarm::{
        Swarm,
        backoff::backoff,
        decoder::Frame,
        page::{Cut, PATIENCE, Page},
        publisher::{Plan, Publisher, send},
    },
};
use checker::Rules;
use protocol::socket::Transport;
use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

const STORMS: usize = 3;
/// Tabs of one person, so that a message is for several.
const SOCKETS_PER_CHANNEL: usize = 10;

/// 99 of 100 are back within this time.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// And the server's memory within this one, to within 15 %.
const SMALL_WITHIN: Duration = Duration::from_secs(60);
/// The cache of the newest messages, so small that it is full before the first storm: what it takes is no storm's doing. It
/// holds what is sent while everybody comes back.
fn cache_bytes() -> usize {
    pick(1 << 20, 4 << 20)
}
/// Each message takes more than this of it.
const CACHED_BYTES_MIN: usize = 400;

/// What the pages of a storm share.
struct Weather {
    /// When the last storm broke loose.
    cut: watch::Sender<Option<Instant>>,
    /// How long after the storm each page had its open frame again.
    back: Mutex<Vec<Duration>>,
}

/// One page's life in it.
struct Tab {
    page: Page,
    transport: Transport,
    random: Random,
    weather: Arc<Weather>,
    /// The storm from which it is not yet back.
    away_since: Option<Instant>,
    /// Tries in a row that failed.
    failures: u32,
}

impl Tab {
    async fn live(mut self) {
        let mut cut = self.weather.cut.subscribe();
        // Pages are opened one after the other by people.
        self.pause(2_000).await;
        while self.page.last != "end" {
            // Also one that struck while this page was coming back from something else.
            if cut.has_changed().expect("the weather outlives its pages") {
                self.away_since = self.away_since.or(*cut.borrow_and_update());
            }
            let is_cut = tokio::select! {
                _ = cut.changed() => true,
                ended = self.stay() => {
                    // Too busy to answer, or gone: both are reasons to come back later.
                    self.failures += u32::from(ended.is_err());
                    false
                }
            };
            if is_cut {
                let kind = if self.random.below(2) == 0 { Cut::Fin } else { Cut::Reset };
                self.page.cut(kind);
                if self.away_since.is_none() {
                    self.away_since = *cut.borrow();
                    self.failures = 0;
                }
            }
            if self.page.last != "end" {
                tokio::time::sleep(backoff(self.failures, &mut self.random)).await;
            }
        }
        self.page.end();
    }

    async fn pause(&mut self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.random.below(ms))).await;
    }

    /// Opens, and reads to the end. May be given up at any time.
    async fn stay(&mut self) -> io::Result<()> {
        self.page.open(self.transport).await?;
        while self.page.last != "end" {
            match self.page.next().await? {
                Frame::Open { .. } if self.away_since.is_some() => self.is_back(),
                Frame::Polled { .. } => self.page.poll_again().await?,
                Frame::Refused(503) | Frame::Close { code: 1013, .. } => {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Frame::Refused(status) => panic!("{} was refused: {status}", self.page.name),
                Frame::Close { code, reason } => panic!("{} was closed: {code} {reason}", self.page.name),
                _ => {}
            }
        }
        Ok(())
    }

    fn is_back(&mut self) {
        let since = self.away_since.take().expect("looked at before");
        self.weather.back.lock().unwrap().push(since.elapsed());
        self.failures = 0;
    }
}

/// Everybody is there; and how long each needed.
#[track_caller]
fn all_back(weather: &Weather, swarm: &Swarm<()>, sockets: usize) -> Vec<Duration> {
    let deadline = Instant::now() + 2 * PATIENCE;
    loop {
        let mut back = weather.back.lock().unwrap();
        if back.len() == sockets {
            let mut back = std::mem::take(&mut *back);
            back.sort();
            return back;
        }
        assert!(Instant::now() < deadline, "{} of {sockets} are back", back.len());
        drop(back);
        assert!(!swarm.has_lost_one(), "a page has ended");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sockets that the server believes to be open, with or without those that poll: each of these stays for ten seconds.
fn sockets_open(server: &Server, with_polls: bool) -> usize {
    let text = server.api().get("/metrics").text();
    let values = text.lines().filter_map(|line| line.strip_prefix("downlink_sockets_open{"));
    let values = values.filter(|line| with_polls || !line.contains("long_poll"));
    values.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

/// Waits until the server is as small as it was, and knows of no socket too many.
#[track_caller]
fn small_again(server: &Server, (before, sockets): (u64, usize), with_polls: bool, since: Instant) {
    let (mut most, sockets) = (0, if with_polls { sockets } else { sockets * 3 / 4 });
    loop {
        let now = server.resident_bytes();
        most = most.max(now);
        let open = sockets_open(server, with_polls);
        if now <= before + before * 15 / 100 && open == sockets {
            println!(
                "  memory: {} KiB before, {} KiB at most, {} KiB now",
                before >> 10,
                most >> 10,
                now >> 10
            );
            return;
        }
        let passed = since.elapsed();
        assert!(passed < SMALL_WITHIN, "{now} bytes and {open} sockets, {before} and {sockets} before");
        thread::sleep(Duration::from_millis(200));
    }
}

/// A world with its pages, before a storm.
struct Sea<'a> {
    server: &'a Server,
    world: &'a World,
    channels: &'a [String],
    weather: &'a Weather,
    swarm: &'a Swarm<()>,
    sockets: usize,
    /// The server's memory in quiet times.
    before: u64,
}

impl Sea<'_> {
    /// Applications that send. They rest while memory is measured: the cache of the newest messages would grow by them.
    fn publishers(&self, storm: usize) -> Vec<Publisher> {
        let start = |index: usize| {
            let (channels, pause) = (self.channels.to_vec(), Duration::from_millis(10));
            let plan = Plan { name: format!("s{storm}-{index}"), channels, pause, bytes: vec![10] };
            Publisher::start(&self.world.history, self.server.api(), plan)
        };
        (0..2).map(start).collect()
    }

    /// One storm; how many messages were sent before it, in it and behind it.
    fn storm(&self, number: usize) -> u64 {
        let publishers = self.publishers(number);
        thread::sleep(Duration::from_millis(500));
        let since = Instant::now();
        self.weather.cut.send_replace(Some(since));
        let back = all_back(self.weather, self.swarm, self.sockets);
        let at = |percent: usize| back[(back.len() * percent / 100).min(back.len() - 1)];
        println!(
            "storm {number}: {} back, 50 % {:?}, 99 % {:?}, all {:?}",
            back.len(),
            at(50),
            at(99),
            at(100)
        );
        thread::sleep(Duration::from_millis(500));
        let sent = publishers.into_iter().map(Publisher::stop).sum();
        assert!(at(99) < BACK_WITHIN, "99 % are back after {:?}", at(99));
        // A short form waits only once for the last of those that poll.
        let with_polls = number == STORMS || is_long();
        small_again(self.server, (self.before, self.sockets), with_polls, since);
        sent
    }
}

#[test]
fn all_sockets_cut_at_once_three_times_are_back_soon_and_lose_nothing() {
    let _alone = alone();
    let sockets = pick(1_500, 10_000);
    let server = on_disk("os").env("DOWNLINK_CACHE_BYTES", &cache_bytes().to_string()).start();
    let (world, mut api) = (World::new(server.address), server.api());
    let channels = names("person", sockets / SOCKETS_PER_CHANNEL);
    let weather = Arc::new(Weather { cut: watch::Sender::new(None), back: Mutex::default() });
    let mut swarm = Swarm::new();
    let born = Instant::now();
    for (index, channel) in channels.iter().enumerate() {
        let token = api.token(channel);
        for tab in 0..SOCKETS_PER_CHANNEL {
            let transport = ALL[(index * SOCKETS_PER_CHANNEL + tab) % ALL.len()];
            let name = format!("{channel}_{tab}_{}", transport.as_str());
            let mut page = Page::new(&world.history, name, channel, server.address, &token);
            // One address has too few ports for all that have just been closed.
            page.from = Some(Ipv4Addr::new(127, 0, 1, tab as u8 + 1).into());
            let random = Random((index * SOCKETS_PER_CHANNEL + tab) as u64 * 0x9e37_79b9 + 1);
            let weather = Arc::clone(&weather);
            let tab = Tab { page, transport, random, weather, away_since: Some(born), failures: 0 };
            swarm.add(tab.live());
        }
    }
    all_back(&weather, &swarm, sockets);
    for (number, channel) in channels.iter().cycle().take(cache_bytes() / CACHED_BYTES_MIN).enumerate() {
        send(&world.history, &mut api, channel, &format!("calm-{number}"), 1);
    }
    // What the opening itself took is given back, so that it is not taken for the normal state.
    thread::sleep(pick(Duration::from_secs(1), Duration::from_secs(15)));
    let before = server.resident_bytes();
    let sea = Sea {
        server: &server,
        world: &world,
        channels: &channels,
        weather: &weather,
        swarm: &swarm,
        sockets,
        before,
    };
    let sent: u64 = (1..=STORMS).map(|number| sea.storm(number)).sum();
    for channel in &channels {
        send(&world.history, &mut api, channel, "end", 1);
    }
    swarm.join();
    let report = world.judge(&format!("{sockets} sockets cut at once, {STORMS} times"), Rules::default());
    assert_eq!(report.readers, sockets);
    assert!(sent > 200, "there was a load");
}
