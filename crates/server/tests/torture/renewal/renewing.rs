//! Tokens of five seconds, renewed for as long as it takes: nothing is lost, nothing repeated.

use crate::{
    length::{alone, pick},
    load::{Reader, Traffic, World},
    support::{server::on_disk, socket::ALL, token::short},
};
use checker::Rules;
use protocol::socket::Transport;
use std::{
    thread,
    time::{Duration, Instant},
};

const LIFE_SECONDS: u64 = 5;

/// A reader whose tokens are short; the application behind it signs them itself.
fn reader(world: &World, channel: &str, transport: Transport) -> Reader {
    let name = channel.to_owned();
    Reader::new(world, channel, &[transport], move || short(&name, LIFE_SECONDS))
}

#[test]
fn tokens_of_five_seconds_are_renewed_without_a_gap() {
    let _alone = alone();
    let seconds = pick(12, 600);
    let server = on_disk("fsync").env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let world = World::new(server.address);
    let channels: Vec<String> = ALL.iter().map(|transport| format!("{}-page", transport.as_str())).collect();
    let (mut renewing, mut returning) = (Vec::new(), Vec::new());
    for (transport, channel) in ALL.iter().zip(&channels) {
        let mut renews = reader(&world, channel, *transport);
        renews.renew_every = Some(Duration::from_secs(2));
        renewing.push(renews.read());
        returning.push(reader(&world, channel, *transport).read());
    }
    let pause = Duration::from_millis(pick(5, 20));
    let traffic = Traffic { publishers: 2, pause, ..Traffic::default() };
    let publishing = world.publish(&traffic, &channels);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        thread::sleep(
            Duration::from_secs(seconds).saturating_sub(begun.elapsed()).min(Duration::from_secs(60)),
        );
        println!("{} s of {seconds} s", begun.elapsed().as_secs());
    }
    publishing.stop();
    world.end(&channels);
    for (transport, reading) in ALL.iter().zip(renewing) {
        let seen = reading.join();
        assert_eq!(
            (seen.opened, seen.closes.len()),
            (1, 0),
            "{transport:?}: one socket, all the time: {seen:?}"
        );
        assert!(seen.renewed as u64 >= seconds / 4, "{transport:?}: {seen:?}");
    }
    for (transport, reading) in ALL.iter().zip(returning) {
        let seen = reading.join();
        assert!(seen.opened as u64 > seconds / 8, "{transport:?}: a socket for each token: {seen:?}");
        assert!(seen.closes.iter().all(|code| *code == 4401), "{transport:?}: {seen:?}");
    }
    let report = world.judge("tokens of five seconds", Rules::default());
    assert!(report.stored as u64 > 20 * seconds, "there was a load: {report}");
}
