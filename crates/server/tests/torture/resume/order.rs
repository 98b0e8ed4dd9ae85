//! One channel, many publishers at once: every socket sees the order of the log.

use crate::{
    length::{alone, pick},
    load::World,
    support::{
        http::{Api, escape},
        server::on_disk,
        socket::ALL,
    },
    swarm::{
        Swarm,
        page::{Manner, PATIENCE, Page},
        publisher::{Plan, Publisher, send},
    },
};
use checker::{Event, Place, Rules};
use std::{
    thread,
    time::{Duration, Instant},
};

const PUBLISHERS: usize = 8;
const PAGES: usize = 24;

/// All that is kept of a channel, page by page.
fn log(api: &mut Api, channel: &str) -> Vec<(Place, String)> {
    let (mut log, mut after) = (Vec::new(), None::<String>);
    loop {
        let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
        let page = api.get(&format!("/v1/channels/{}/messages{query}", escape(channel))).json();
        for message in page["messages"].as_array().unwrap() {
            let name = message["data"].as_str().unwrap().split(' ').next().unwrap();
            log.push((message["id"].as_str().unwrap().parse().unwrap(), name.to_owned()));
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return log,
        }
    }
}

fn every_socket_sees_the_order_of_the_log(durability: &str) {
    let _alone = alone();
    let server = on_disk(durability).env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let (world, mut api, mut swarm) = (World::new(server.address), server.api(), Swarm::new());
    let token = api.token("one");
    for index in 0..PAGES {
        let transport = ALL[index % ALL.len()];
        let name = format!("{}_{index}", transport.as_str());
        let mut page = Page::new(&world.history, name, "one", server.address, &token).manner(Manner::Token);
        swarm.add(async move {
            page.open(transport).await.unwrap();
            tokio::time::timeout(4 * PATIENCE, page.until("end")).await.expect("the end comes").unwrap();
            page.end()
        });
    }
    let publishers: Vec<Publisher> = (0..PUBLISHERS)
        .map(|index| {
            let (channels, bytes) = (vec!["one".to_owned()], vec![1, 200, 2_000]);
            let plan = Plan { name: format!("p{index}"), channels, pause: Duration::ZERO, bytes };
            Publisher::start(&world.history, server.api(), plan)
        })
        .collect();
    let begun = Instant::now();
    while begun.elapsed() < pick(Duration::from_secs(1), Duration::from_secs(10)) {
        assert!(!swarm.has_lost_one(), "a page has ended");
        thread::sleep(Duration::from_millis(20));
    }
    let sent: u64 = publishers.into_iter().map(Publisher::stop).sum();
    send(&world.history, &mut api, "one", "end", 1);
    let log = log(&mut api, "one");
    assert_eq!(log.len() as u64, sent + 1);
    for had in swarm.join() {
        let other = had.iter().zip(&log).find(|(one, other)| one != other);
        assert_eq!((had.len(), other), (log.len(), None), "the order of the log");
    }
    world.history.record(Event::Kept { channel: "one".into(), messages: log });
    world.judge(&format!("{PUBLISHERS} publishers on one channel, {durability}"), Rules::default());
}

#[test]
fn under_many_publishers_every_socket_sees_the_order_of_the_log_with_durability_fsync() {
    every_socket_sees_the_order_of_the_log("fsync");
}

#[test]
fn under_many_publishers_every_socket_sees_the_order_of_the_log_with_durability_os() {
    every_socket_sees_the_order_of_the_log("os");
}
