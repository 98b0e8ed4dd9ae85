//! Restarts in a row while everybody is there: nothing lost, and nobody away for long.

use super::crowd::{Crowd, Measured};
use crate::{
    length::{alone, pick},
    load::{Traffic, World, names},
    support::{
        server::{Server, on_disk},
        until,
    },
};
use checker::Rules;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

/// 99 of 100 are back within this time, from the close frame to the next open frame.
const GAP_MAX: Duration = Duration::from_secs(2);

/// A stop in which nothing is under way takes no longer.
const STOP_MAX: Duration = Duration::from_secs(3);

/// Clients are descriptors of this process.
fn take_descriptors(clients: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let enough = limit.current.is_none_or(|limit| limit > clients as u64 + 1_000);
    assert!(enough, "{clients} clients need as many descriptors; raise the limit (ulimit -Hn)");
}

/// A stop and a start; how long each took.
fn restart(mut server: Server) -> (Server, Duration, Duration) {
    let begun = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let stop = begun.elapsed();
    assert!(stop < STOP_MAX, "the stop took {stop:?}");
    let server = server.start_again();
    (server, stop, begun.elapsed() - stop)
}

fn all_are_there(measured: &Measured, clients: usize) {
    until(&format!("all {clients} are there"), || {
        (measured.open.load(Ordering::Relaxed) == clients).then_some(())
    });
}

/// The share `part` of `whole` of the gaps is not longer than what is returned.
fn quantile(gaps: &[Duration], part: usize, whole: usize) -> Duration {
    gaps[(gaps.len() * part / whole).min(gaps.len() - 1)]
}

#[test]
fn rolling_restarts_lose_nothing_and_keep_nobody_away() {
    let _alone = alone();
    let (clients, restarts) = (pick(500, 10_000), pick(3, 20));
    take_descriptors(clients);
    let mut server = on_disk("fsync").env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let world = World::new(server.address);
    let channels = names("room", clients / 50);
    let crowd = Crowd::gather(&world, &channels, clients);
    all_are_there(&crowd.measured, clients);
    let pause = Duration::from_millis(pick(10, 50));
    let publishing =
        world.publish(&Traffic { publishers: 3, pause, mixed: false, ..Traffic::default() }, &channels);
    for restart_number in 1..=restarts {
        thread::sleep(Duration::from_millis(300));
        let (again, stop, start) = restart(server);
        server = again;
        let started = Instant::now();
        all_are_there(&crowd.measured, clients);
        let back = started.elapsed();
        println!(
            "restart {restart_number} of {restarts}: stopped in {stop:?}, ready {start:?} later, all {clients} back after {back:?}"
        );
    }
    publishing.stop();
    world.end(&channels);
    let measured = std::sync::Arc::clone(&crowd.measured);
    crowd.join();
    let report = world.judge("rolling restarts", Rules::default());
    assert!(report.stored > 100, "there was a load: {report}");
    let mut gaps = measured.gaps.lock().unwrap().clone();
    gaps.sort_unstable();
    assert!(gaps.len() >= clients * restarts, "each was away {restarts} times");
    let (median, most) = (quantile(&gaps, 1, 2), quantile(&gaps, 99, 100));
    println!(
        "{} gaps in service: median {median:?}, 99 of 100 within {most:?}, longest {:?}; told to wait up to {} ms; \
         ended without a close frame: {:?}",
        gaps.len(),
        gaps[gaps.len() - 1],
        measured.retry_after_ms_max.load(Ordering::Relaxed),
        measured.lost.lock().unwrap(),
    );
    assert!(most < GAP_MAX, "99 of 100 gaps within {most:?}");
}
