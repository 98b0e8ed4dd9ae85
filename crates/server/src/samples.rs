//! What the node did in each of the last seconds: a few numbers a second, read from the counters that are there anyway. So
//! a console that opens has its plots at once, and one more that looks costs nothing while it does not ask.

use crate::service::Service;
use delivery::histogram::BOUNDS_US;
use parking_lot::Mutex;
use protocol::{limits::SAMPLES_MAX, socket::Transport};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{self, MissedTickBehavior};

/// Names of a sample's numbers, in their order. Counts only rise: the difference of two is what happened between.
const NAMES: [&str; 16] = [
    "websocket",
    "sse",
    "lines",
    "long_poll",
    "channels",
    "sent",
    "refused",
    "deliveries",
    "opened",
    "gaps",
    "replays",
    "blocked",
    "journal_bytes",
    "notices_waiting",
    "latency_p50_us",
    "latency_p99_us",
];

/// One more than there are bounds: for what took longer than all of them.
const BUCKETS: usize = BOUNDS_US.len() + 1;

#[derive(Clone, Copy)]
struct Sample {
    time_ms: u64,
    numbers: [u64; NAMES.len()],
}

/// The samples of the last minutes.
#[derive(Default)]
pub(crate) struct Samples {
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    /// The number of the next sample.
    next: u64,
    samples: VecDeque<Sample>,
}

/// Samples as columns: plots want them so, and names need not be repeated.
pub(crate) struct Columns {
    /// What the next call asks for.
    pub(crate) next: u64,
    samples: Vec<Sample>,
}

impl Samples {
    fn push(&self, sample: Sample) {
        let mut ring = self.ring.lock();
        if ring.samples.len() >= SAMPLES_MAX {
            ring.samples.pop_front();
        }
        ring.samples.push_back(sample);
        ring.next += 1;
    }

    /// Those from number `from` on, as far as they are kept.
    pub(crate) fn since(&self, from: u64) -> Columns {
        let ring = self.ring.lock();
        let first = ring.next - ring.samples.len() as u64;
        // A number from before a restart is higher than any: all are new then.
        let from = if from > ring.next { first } else { from.max(first) };
        let known = usize::try_from(from - first).expect("not more than there are");
        Columns { next: ring.next, samples: ring.samples.range(known..).copied().collect() }
    }
}

/// Takes a sample a second until it is dropped.
pub(crate) async fn take(service: Arc<Service>) {
    let mut ticks = time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = latencies(&service);
    loop {
        ticks.tick().await;
        let now = latencies(&service);
        let mut fresh = now;
        fresh.iter_mut().zip(before).for_each(|(count, before)| *count -= before);
        before = now;
        service.samples.push(sample(&service, &fresh));
    }
}

/// How long messages took from their requests until they were written, on all transports: so many in each bucket.
fn latencies(service: &Service) -> [u64; BUCKETS] {
    let mut all = [0; BUCKETS];
    for transport in [Transport::WebSocket, Transport::Sse, Transport::Lines, Transport::LongPoll] {
        let snapshot = service.hub.counters.written.of(transport).snapshot();
        all.iter_mut().zip(snapshot.buckets).for_each(|(sum, count)| *sum += count);
    }
    all
}

/// The time, in microseconds, within which a share of them was written; 0 if there were none. As fine as the buckets.
fn within(buckets: &[u64; BUCKETS], percent: u64) -> u64 {
    let wanted = (buckets.iter().sum::<u64>() * percent).div_ceil(100);
    let mut sum = 0;
    let found = buckets.iter().position(|count| {
        sum += count;
        sum >= wanted
    });
    let bound = |index: usize| BOUNDS_US.get(index).or(BOUNDS_US.last()).copied();
    found.filter(|_| wanted > 0).and_then(bound).unwrap_or(0)
}

fn sample(service: &Service, latencies: &[u64; BUCKETS]) -> Sample {
    let (hub, counters) = (&service.hub, &service.hub.counters);
    let open = |transport| counters.open.of(transport).get();
    let numbers = [
        open(Transport::WebSocket),
        open(Transport::Sse),
        open(Transport::Lines),
        open(Transport::LongPoll),
        hub.channels() as u64,
        service.counters.stored.get() + service.counters.passed.get(),
        service.counters.refused.get(),
        counters.deliveries.get(),
        counters.opened.total(),
        counters.gaps.get(),
        counters.replays.get(),
        counters.blocked.get(),
        service.broker().kept_bytes(),
        if service.notices.is_some() { service.presence.standing().waiting as u64 } else { 0 },
        within(latencies, 50),
        within(latencies, 99),
    ];
    Sample { time_ms: service.now_ms(), numbers }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_map(Some(NAMES.len() + 1))?;
        let times: Vec<u64> = self.samples.iter().map(|sample| sample.time_ms).collect();
        columns.serialize_entry("time_ms", &times)?;
        for (index, name) in NAMES.iter().enumerate() {
            let column: Vec<u64> = self.samples.iter().map(|sample| sample.numbers[index]).collect();
            columns.serialize_entry(name, &column)?;
        }
        columns.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: u64) -> Samples {
        let samples = Samples::default();
        for number in 0..count {
            samples.push(Sample { time_ms: number, numbers: [number; NAMES.len()] });
        }
        samples
    }

    fn times(columns: &Columns) -> Vec<u64> {
        columns.samples.iter().map(|sample| sample.time_ms).collect()
    }

    #[test]
    fn whoever_comes_back_gets_what_is_new() {
        let samples = samples(5);
        let all = samples.since(0);
        assert_eq!((all.next, times(&all)), (5, vec![0, 1, 2, 3, 4]));
        assert_eq!(times(&samples.since(3)), [3, 4]);
        assert!(times(&samples.since(5)).is_empty());
        assert_eq!(times(&samples.since(900)), [0, 1, 2, 3, 4], "a number of an earlier life");
    }

    #[test]
    fn only_the_last_minutes_are_kept() {
        let samples = samples(SAMPLES_MAX as u64 + 10);
        let all = samples.since(0);
        assert_eq!((all.samples.len(), times(&all)[0]), (SAMPLES_MAX, 10));
    }

    #[test]
    fn a_share_is_within_the_bound_of_its_bucket() {
        let mut buckets = [0; BUCKETS];
        assert_eq!(within(&buckets, 99), 0, "nothing was sent");
        buckets[1] = 98;
        buckets[4] = 1;
        assert_eq!((within(&buckets, 50), within(&buckets, 99)), (BOUNDS_US[1], BOUNDS_US[4]));
        buckets[BUCKETS - 1] = 900;
        assert_eq!(within(&buckets, 99), BOUNDS_US[BUCKETS - 2], "at least so long");
    }

    #[test]
    fn columns_have_names() {
        let text = serde_json::to_value(samples(2).since(0)).unwrap();
        assert_eq!(text["time_ms"], serde_json::json!([0, 1]));
        assert_eq!(text["notices_waiting"], serde_json::json!([0, 1]));
    }
}
