//! Publishers in the background, with every kind of send among what they do.

use super::{Item, World, small_thread};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traffic {
    pub(crate) publishers: usize,
    /// Between two calls of one publisher: readers shall keep up on any machine, unless that is what is tested.
    pub(crate) pause: Duration,
    /// Whether some messages are binary, some for several channels, and some in calls for many.
    pub(crate) mixed: bool,
    /// Whether each goes over the nodes of a cluster in turn, and does not stay at one while it is answered.
    pub(crate) change_nodes: bool,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { publishers: 5, pause: Duration::from_millis(2), mixed: true, change_nodes: false }
    }
}

/// Publishers at work; dropped without [`stop`](Self::stop) they end by themselves after their next answer.
pub(crate) struct Publishing {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<usize>>,
}

impl Publishing {
    /// Stops when every send is answered. How many tries had to be repeated.
    #[track_caller]
    pub(crate) fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

pub(super) fn start(world: &World, traffic: &Traffic, channels: &[String]) -> Publishing {
    let stop = Arc::new(AtomicBool::new(false));
    let threads = (0..traffic.publishers).map(|index| {
        let (world, traffic, channels) = (world.clone(), *traffic, channels.to_vec());
        let stop = Arc::clone(&stop);
        small_thread(&format!("publisher {index}"), move || {
            publish(&world, &traffic, &channels, index, &stop)
        })
    });
    Publishing { threads: threads.collect(), stop }
}

fn publish(world: &World, traffic: &Traffic, channels: &[String], me: usize, stop: &AtomicBool) -> usize {
    let mut publisher = world.publisher();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if traffic.change_nodes && number % 8 == 7 {
            publisher.change_node();
        }
        // Each begins elsewhere, so that all channels have traffic soon.
        let channel = |step: usize| &channels[(me * 3 + number + step) % channels.len()];
        let text = |part: &str| format!("{me}-{number}{part}");
        match number % 10 {
            3 if traffic.mixed => {
                publisher.send_one(&Item { binary: true, ..Item::text(channel(0), &text("b")) });
            }
            6 if traffic.mixed && channels.len() > 2 => {
                let to = vec![channel(0).clone(), channel(1).clone(), channel(2).clone()];
                publisher.send_many(&[Item { to, ..Item::text(channel(0), &text("m")) }]);
            }
            9 if traffic.mixed => {
                let items = [
                    Item::text(channel(0), &text(".0")),
                    Item::text(channel(1), &text(".1")),
                    Item { binary: true, ..Item::text(channel(0), &text(".2")) },
                ];
                publisher.send_many(&items);
            }
            _ => publisher.send_one(&Item::text(channel(0), &text(""))),
        }
        thread::sleep(traffic.pause);
    }
    publisher.repeated
}
