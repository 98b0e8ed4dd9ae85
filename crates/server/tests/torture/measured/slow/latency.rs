//! How long a message takes to those who read, while others do not.

use crate::{
    load::World,
    support::{server::Server, socket::ALL},
    swarm::{
        Swarm,
        decoder::Frame,
        page::{PATIENCE, Page},
        publisher::send,
    },
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const READERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(2);

/// A publisher of a channel of its own, and those who read it.
pub(super) struct Probe {
    swarm: Swarm<()>,
    publisher: JoinHandle<()>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// When each message was sent, by its number.
    sent: Mutex<Vec<Instant>>,
    /// What each arrival took.
    took: Mutex<Vec<Duration>>,
}

impl Probe {
    pub(super) fn start(world: &World, server: &Server) -> Self {
        let (shared, mut swarm) = (Arc::new(Shared::default()), Swarm::new());
        let token = server.api().token("fast");
        for index in 0..READERS {
            let transport = ALL[index % ALL.len()];
            let name = format!("fast_{index}_{}", transport.as_str());
            let mut page = Page::new(&world.history, name, "fast", server.address, &token);
            let shared = Arc::clone(&shared);
            swarm.add(async move {
                page.open(transport).await.unwrap();
                while page.last != "end" {
                    match tokio::time::timeout(PATIENCE, page.next()).await.unwrap().unwrap() {
                        Frame::Message { name, .. } => shared.arrived(&name),
                        Frame::Polled { .. } => page.poll_again().await.unwrap(),
                        Frame::Close { code, reason } => panic!("{}: {code} {reason}", page.name),
                        _ => {}
                    }
                }
                page.end();
            });
        }
        let (history, mut api, sender) = (world.history.clone(), server.api(), Arc::clone(&shared));
        let publisher = thread::spawn(move || {
            for number in 0.. {
                if sender.stop.load(Ordering::Relaxed) {
                    break;
                }
                sender.sent.lock().unwrap().push(Instant::now());
                send(&history, &mut api, "fast", &number.to_string(), 100);
                thread::sleep(PAUSE);
            }
            send(&history, &mut api, "fast", "end", 1);
        });
        Self { swarm, publisher, shared }
    }

    pub(super) fn begin_round(&self) {
        self.shared.took.lock().unwrap().clear();
    }

    /// The 99th percentile since the round began.
    pub(super) fn end_round(&self) -> Duration {
        let mut took = std::mem::take(&mut *self.shared.took.lock().unwrap());
        assert!(took.len() > 1_000, "only {} arrivals", took.len());
        took.sort();
        took[took.len() * 99 / 100]
    }

    #[track_caller]
    pub(super) fn stop(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.publisher.join().unwrap();
        self.swarm.join();
    }
}

impl Shared {
    fn arrived(&self, name: &str) {
        let Ok(number) = name.parse::<usize>() else { return };
        let took = self.sent.lock().unwrap()[number].elapsed();
        self.took.lock().unwrap().push(took);
    }
}

/// Compares rounds without slow readers and with them, each pair right behind one another. The best pair counts: what
/// else the machine does makes pairs worse, never better.
#[track_caller]
pub(super) fn judge(pairs: &[(Duration, Duration)]) {
    let ratios: Vec<f64> =
        pairs.iter().map(|(normal, slow)| slow.as_secs_f64() / normal.as_secs_f64()).collect();
    println!("99th percentile of the others: {pairs:?}, ratios {ratios:.2?}");
    let best = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < 2.0, "{best} times the normal latency");
}
