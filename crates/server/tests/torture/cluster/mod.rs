//! Three nodes on three NATS servers that keep everything three times, while nodes and servers are killed, leaders step
//! down, a node is cut off, packets are lost and a clock jumps: nothing answered is lost, nothing comes twice or out of
//! order, and in the end everybody knows who is there.

mod admin;
mod balancer;
mod faults;
mod full;
#[allow(dead_code, reason = "each of the suites uses a part of it")]
#[path = "../../../../broker/tests/support/nats_server.rs"]
mod nats_server;
mod network;

use crate::{
    length::{alone, pick},
    load::{People, Reading, Traffic, World, names},
    support::{
        Random,
        application::{Application, SECRET},
        clock::WallClock,
        http::Api,
        server::{Server, Setup},
        socket::ALL,
        until,
    },
};
use balancer::Balancer;
use checker::Rules;
use faults::Fault;
use nats_server::NatsCluster;
use network::Network;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const NODES: usize = 3;
const CHANNELS: usize = 8;

/// The node whose clock jumps.
const JUMPING: usize = 0;

/// The nodes, and all that they stand on.
struct Cluster<'a> {
    network: &'a Network,
    nats: NatsCluster,
    setups: Vec<Setup>,
    /// `None` while it is down.
    nodes: Vec<Option<Server>>,
    balancer: Balancer,
    application: Application,
    clock: WallClock,
    /// What the nodes complain of; kept when a test fails.
    logs: Option<TempDir>,
}

impl<'a> Cluster<'a> {
    fn start(network: &'a Network) -> Self {
        let nats = NatsCluster::listening_at("0.0.0.0");
        let (application, clock, logs) =
            (Application::start(), WallClock::new(), tempfile::tempdir().unwrap());
        let (mut setups, mut nodes, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..NODES {
            let found_by = network.nats_of(index);
            let servers = nats.servers.each_ref().map(|server| server.url_by(&found_by));
            let setup = Setup::new("serve")
                .env("DOWNLINK_BROKER", "nats")
                .env("DOWNLINK_NATS_SERVERS", &servers.join(","))
                .env("DOWNLINK_NATS_MONITORS", &nats.monitors().join(","))
                .env("DOWNLINK_NATS_REPLICAS", "3")
                .env("DOWNLINK_RETENTION_MESSAGES", "1000000")
                .env("DOWNLINK_PRESENCE_URL", &application.url())
                .env("DOWNLINK_PRESENCE_SECRET", SECRET)
                .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "1")
                .env("DOWNLINK_DRAIN_SECONDS", "0")
                .env("DOWNLINK_LOG", "broker=debug,info")
                .log_to(&logs.path().join(format!("node-{index}.log")));
            let setup = if index == JUMPING { clock.of(setup) } else { setup };
            let node = setup.clone().start();
            addresses.push(node.address);
            // Where it comes back.
            setups.push(setup.listen(&node.address.to_string()));
            nodes.push(Some(node));
        }
        let balancer = Balancer::before(addresses);
        Self { network, nats, setups, nodes, balancer, application, clock, logs: Some(logs) }
    }

    fn node(&self, index: usize) -> &Server {
        self.nodes[index].as_ref().expect("it is up")
    }

    fn kill(&mut self, index: usize) {
        self.nodes[index].take().expect("it is up").kill();
    }

    /// Starts a node, again and again if NATS is not there, as a service manager does.
    fn start_again(&mut self, index: usize) {
        let setup = &self.setups[index];
        self.nodes[index] = Some(until("a node starts", || setup.clone().attempt().ok()));
    }

    /// The client ids that a node names as connected.
    fn present(&self, index: usize) -> Vec<String> {
        let ids = self.node(index).api().get("/v1/presence").json()["client_ids"].clone();
        serde_json::from_value(ids).unwrap()
    }

    /// How long it takes until a send is answered well, as an application sees it that tries all nodes.
    fn until_sends_are_taken(&self) -> Duration {
        let begun = Instant::now();
        until("sends are taken", || {
            let key = format!("Bearer {}", crate::support::http::API_KEY);
            let mut api = Api::new(self.balancer.address);
            let sent = api.try_call("POST", "/v1/messages?to=probe", &[("Authorization", &key)], b"probe");
            sent.is_ok_and(|answer| answer.status == 201).then_some(())
        });
        begun.elapsed()
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let kept = self.logs.take().expect("it is there until now").keep();
            println!("what the nodes said is kept in {}", kept.display());
        }
    }
}

/// Two channels with a reader on each transport, and one that takes another at each return; on the others one each.
fn read(world: &World, channels: &[String]) -> Vec<Reading> {
    let mut readers = Vec::new();
    for (index, channel) in channels.iter().enumerate() {
        if index < 2 {
            readers.extend(ALL.iter().map(|transport| world.reader(channel, &[*transport]).read()));
        }
        let turned = [index, index + 1, index + 2, index + 3].map(|index| ALL[index % ALL.len()]);
        readers.push(world.reader(channel, &turned).read());
    }
    readers
}

/// Under load, with people who come and go, these faults, one after the other.
fn bears(network: &Network, what: &str, faults: &[Fault], seed: u64) {
    let mut cluster = Cluster::start(network);
    let world = World::of_cluster(cluster.balancer.address);
    let channels = names("channel", CHANNELS);
    let readers = read(&world, &channels);
    let stop = Arc::new(AtomicBool::new(false));
    let people = People::come(&world, &stop);
    let pause = Duration::from_millis(pick(5, 20));
    let traffic = Traffic { publishers: 4, pause, change_nodes: true, ..Traffic::default() };
    let publishing = world.publish(&traffic, &channels);
    let (mut random, begun) = (Random(seed), Instant::now());
    for fault in faults {
        let said = cluster.suffer(*fault, &mut random);
        println!("{:>4} s: {said}", begun.elapsed().as_secs());
    }
    let repeated = publishing.stop();
    stop.store(true, Ordering::Relaxed);
    world.end(&channels);
    let seen: Vec<_> = readers.into_iter().map(Reading::join).collect();
    channels.iter().for_each(|channel| world.read_kept(channel));
    let people = people.settle();
    all_know_who_is_there(&cluster, &people.there());
    people.judge(&world, &cluster.application, true);
    let report = world.judge(what, Rules::default());
    let opened: usize = seen.iter().map(|seen| seen.opened).sum();
    println!(
        "{repeated} tries were repeated, {opened} sockets opened by {} readers; connections by node {:?}",
        seen.len(),
        cluster.balancer.taken()
    );
    assert!(report.stored > 100 && report.notices > 10, "there was a load: {report}");
    assert!(repeated > 0, "sends were under way");
    assert!(opened > seen.len(), "some came back: {seen:?}");
}

/// Every node names those who have a socket anywhere, and nobody else, and nothing of it is left to be told: a word that is
/// still under way could be one that is not true any more.
fn all_know_who_is_there(cluster: &Cluster<'_>, there: &[String]) {
    for index in 0..NODES {
        until(&format!("node {index} names {there:?}"), || (cluster.present(index) == there).then_some(()));
    }
    for index in 0..NODES {
        until("all is told", || {
            let metrics = cluster.node(index).api().get("/metrics").text();
            let waiting = metrics.lines().find_map(|line| line.strip_prefix("downlink_notices_waiting "));
            (waiting.expect("there is such a metric") == "0").then_some(())
        });
    }
}

#[test]
fn nodes_and_nats_servers_are_killed_under_load() {
    let _alone = alone();
    network::in_its_own("cluster::nodes_and_nats_servers_are_killed_under_load", |network| {
        use Fault::{LeaderKilled, LeaderStepsDown, NatsRestarted, NodeKilled};
        let round = [NodeKilled, LeaderStepsDown, NodeKilled, LeaderKilled, NodeKilled, NatsRestarted];
        bears(network, "a cluster that is killed", &round.repeat(pick(1, 15)), 0xc1_0001);
    });
}

#[test]
fn a_node_is_cut_off_loses_packets_and_its_clock_jumps_under_load() {
    let _alone = alone();
    let name = "cluster::a_node_is_cut_off_loses_packets_and_its_clock_jumps_under_load";
    network::in_its_own(name, |network| {
        use Fault::{ClockJumps, CutOff, Loss};
        let round = [Loss, ClockJumps, CutOff];
        bears(network, "a cluster whose network fails", &round.repeat(pick(1, 6)), 0xc1_0002);
    });
}
