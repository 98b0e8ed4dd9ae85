//! Coming back while what one wants is just being dropped: the messages, or the word that they are gone.

use super::cuts::next;
use crate::{
    length::{alone, pick},
    load::World,
    support::{Random, server::on_disk, socket::ALL},
    swarm::{
        Swarm,
        page::{Cut, PATIENCE, Page},
        publisher::{Plan, Publisher, send},
    },
};
use checker::Rules;
use protocol::socket::Transport;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

const PAGES: usize = 16;

/// Away for so long at most: what was sent meanwhile is about twice what is kept.
const AWAY_MS: u64 = 400;

/// Comes back so many times.
async fn come_and_go(page: &mut Page, transport: Transport, times: usize, random: &mut Random) {
    for _ in 0..times {
        let away = Duration::from_millis(random.below(AWAY_MS));
        // Half of the time it is there and reads nothing: then what is dropped was already on its way.
        let is_there = random.below(2) == 0;
        if !is_there {
            sleep(away).await;
        }
        page.open(transport).await.unwrap();
        if is_there {
            sleep(away).await;
        }
        let stays = Duration::from_millis(1 + random.below(20));
        let reading = async {
            loop {
                next(page).await.unwrap_or_else(|error| panic!("an error instead of data or a gap: {error}"));
            }
        };
        let _: Result<(), _> = timeout(stays, reading).await;
        page.cut(Cut::Reset);
    }
}

#[test]
fn coming_back_while_segments_are_dropped_gives_the_messages_or_a_gap() {
    let _alone = alone();
    let server = on_disk("os")
        .env("DOWNLINK_RETENTION_BYTES", "1048576")
        .env("DOWNLINK_RETENTION_MESSAGES", "100")
        .start();
    let (world, mut api, mut swarm) = (World::new(server.address), server.api(), Swarm::new());
    let (channels, coming) = (["often", "seldom"], Arc::new(AtomicUsize::new(PAGES)));
    for index in 0..PAGES {
        let (channel, transport) = (channels[index / 4 % 2], ALL[index % ALL.len()]);
        let name = format!("{channel}_{index}_{}", transport.as_str());
        let token = api.token(channel);
        let mut page = Page::new(&world.history, name, channel, server.address, &token);
        let (mut random, coming) = (Random(index as u64 * 0x9e37_79b9 + 7), Arc::clone(&coming));
        swarm.add(async move {
            come_and_go(&mut page, transport, pick(160, 1_000) / PAGES, &mut random).await;
            coming.fetch_sub(1, Ordering::Relaxed);
            page.open(transport).await.unwrap();
            timeout(PATIENCE, page.until("end")).await.expect("the end comes").unwrap();
            page.end();
        });
    }
    let plans =
        [("a", "often", 1, vec![32_000]), ("b", "often", 1, vec![500]), ("c", "seldom", 40, vec![500])];
    let publishers: Vec<Publisher> = plans
        .into_iter()
        .map(|(name, channel, pause, bytes)| {
            let (channels, pause) = (vec![channel.into()], Duration::from_millis(pause));
            Publisher::start(&world.history, server.api(), Plan { name: name.into(), channels, pause, bytes })
        })
        .collect();
    let begun = Instant::now();
    while coming.load(Ordering::Relaxed) > 0 && !swarm.has_lost_one() {
        assert!(begun.elapsed() < 4 * PATIENCE, "pages still come and go");
        thread::sleep(Duration::from_millis(20));
    }
    publishers.into_iter().for_each(|publisher| assert!(publisher.stop() > 10, "there was a load"));
    for channel in channels {
        send(&world.history, &mut api, channel, "end", 1);
    }
    swarm.join();
    let rules = Rules { may_trim: true, may_change_epoch: false };
    let report = world.judge("coming back while segments are dropped", rules);
    assert!(report.gaps > PAGES, "some came too late: {report}");
    assert!(report.received > 1_000, "and some did not: {report}");
}
