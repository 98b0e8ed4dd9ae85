//! What is done to a cluster.

use super::{Cluster, JUMPING, NODES};
use crate::{
    length::pick,
    support::{Random, until},
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// One accident, from its beginning until all is well again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// `kill -9` of a node, which is started again.
    NodeKilled,
    /// The leaders of the streams of messages and of presence step down.
    LeaderStepsDown,
    /// `kill -9` of the server that leads the stream of messages.
    LeaderKilled,
    /// `kill -9` of all NATS servers at once.
    NatsRestarted,
    /// Nothing goes between a node and NATS, for longer than the others wait for it.
    CutOff,
    /// Five of a hundred packets between a node and NATS are lost.
    Loss,
    /// A node's clock is an hour ahead, and then an hour behind.
    ClockJumps,
}

const MESSAGES: &str = "downlink-messages";
const PRESENCE: &str = "downlink-presence-log";

const HOUR: i64 = 3_600;

fn seconds(short: u64, long: u64) -> Duration {
    Duration::from_secs(pick(short, long))
}

impl Cluster<'_> {
    /// Has an accident, and mends it; what there is to say of it.
    pub(super) fn suffer(&mut self, fault: Fault, random: &mut Random) -> String {
        match fault {
            Fault::NodeKilled => self.node_killed(random),
            Fault::LeaderStepsDown => self.leader_steps_down(),
            Fault::LeaderKilled => self.leader_killed(),
            Fault::NatsRestarted => self.nats_restarted(),
            Fault::CutOff => self.cut_off(random),
            Fault::Loss => self.loss(random),
            Fault::ClockJumps => self.clock_jumps(),
        }
    }

    fn node_killed(&mut self, random: &mut Random) -> String {
        let index = random.below(NODES as u64) as usize;
        thread::sleep(seconds(1, 4));
        self.kill(index);
        thread::sleep(Duration::from_millis(random.below(1_000)));
        let begun = Instant::now();
        self.start_again(index);
        format!("node {index} was killed, and started again in {:?}", begun.elapsed())
    }

    fn leader_steps_down(&mut self) -> String {
        for stream in [MESSAGES, PRESENCE] {
            until("the leader steps down", || self.nats.step_down(stream).then_some(()));
        }
        let took = self.until_sends_are_taken();
        thread::sleep(seconds(1, 3));
        format!("the leaders stepped down; a send was taken after {took:?}")
    }

    fn leader_killed(&mut self) -> String {
        let leader = until("there is a leader", || self.nats.leader(MESSAGES));
        self.nats.servers[leader].kill();
        let took = self.until_sends_are_taken();
        thread::sleep(seconds(1, 5));
        self.nats.servers[leader].go_on();
        self.nats.until_well();
        format!("NATS server {leader}, the leader, was killed; a send was taken after {took:?}")
    }

    fn nats_restarted(&mut self) -> String {
        self.nats.servers.iter_mut().for_each(|server| server.kill());
        thread::sleep(seconds(1, 5));
        let begun = Instant::now();
        self.nats.servers.iter_mut().for_each(|server| server.go_on());
        self.nats.until_well();
        let well = begun.elapsed();
        self.until_sends_are_taken();
        format!(
            "all NATS servers were killed; well again {well:?} after their start, a send taken after {:?}",
            begun.elapsed()
        )
    }

    fn cut_off(&mut self, random: &mut Random) -> String {
        let index = random.below(NODES as u64) as usize;
        self.network.cut(index);
        let begun = Instant::now();
        until("it notices", || (self.node(index).api().get("/readyz").status == 503).then_some(()));
        let noticed = begun.elapsed();
        thread::sleep(seconds(13, 30).saturating_sub(noticed));
        self.network.heal();
        let healed = Instant::now();
        until("it is ready again", || (self.node(index).api().get("/readyz").status == 200).then_some(()));
        format!(
            "node {index} was cut off, noticed it after {noticed:?}, and was ready {:?} after its return",
            healed.elapsed()
        )
    }

    fn loss(&mut self, random: &mut Random) -> String {
        let index = random.below(NODES as u64) as usize;
        self.network.lose(index, 5);
        thread::sleep(seconds(5, 30));
        let took = self.until_sends_are_taken();
        self.network.heal();
        format!("node {index} lost 5 % of its packets; a send was taken after {took:?}")
    }

    fn clock_jumps(&mut self) -> String {
        for jump in [HOUR, -HOUR, 0] {
            self.clock.jump(jump);
            thread::sleep(seconds(1, 10));
        }
        format!("the clock of node {JUMPING} jumped by an hour, ahead and back")
    }
}
