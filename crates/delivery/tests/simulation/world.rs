//! A run: steps that the seed chooses, then everything heals, and every reader must get everything.

use super::{
    node::{Disks, Node},
    plan::Plan,
    power_disk::{PowerDisk, Random},
    readers::{END, Reader},
    senders::{Letter, Senders},
};
use crate::clock::Clock;
use broker::{
    broker::Broker,
    local::Durability,
    message::{Page, Position},
    presence::PresenceStore,
};
use checker::{Event, History, Place, Report, Rules};
use protocol::{cursor::Cursor, id::ClientId};
use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What the wall's clock says when a run begins.
const NOON_MS: u64 = 1_800_000_000_000;

const CHANNELS: [&str; 3] = ["ada", "bob", "cyd"];

/// How long an ordinary token lives.
const TOKEN_SECONDS: u32 = 7_200;

/// Readers at once.
const READERS_MAX: usize = 24;

/// Turns after which everybody must have everything once nothing goes wrong any more.
const HEALING_TURNS_MAX: u32 = 5_000;

/// Everything there is.
pub(super) struct World {
    plan: Plan,
    random: Random,
    /// Prints what happens.
    talks: bool,
    clock: Clock,
    wall_ms: &'static AtomicU64,
    disks: Disks,
    node: Option<Node>,
    history: History,
    readers: Vec<Reader>,
    begun: usize,
    senders: Senders,
    letters: u64,
}

impl World {
    pub(super) fn new(plan: Plan, talks: bool) -> Self {
        // A few bytes each, for the life of the test.
        let wall_ms: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(NOON_MS)));
        Self {
            random: Random(plan.seed),
            talks,
            clock: Clock::simulated(wall_ms),
            wall_ms,
            disks: Disks { journal: PowerDisk::new(), ledger: PowerDisk::new() },
            node: None,
            history: History::new(),
            readers: Vec::new(),
            begun: 0,
            senders: Senders::default(),
            letters: 0,
            plan,
        }
    }

    fn chance(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    #[allow(clippy::print_stdout, reason = "only when one seed is looked at")]
    fn tell(&self, what: impl FnOnce() -> String) {
        if self.talks {
            println!("{:>8} ms  {}", self.clock.elapsed_ms(), what());
        }
    }

    fn node(&mut self) -> &mut Node {
        self.node.as_mut().expect("a node runs between steps")
    }

    /// The run.
    pub(super) async fn run(&mut self) {
        self.tell(|| format!("{:?}", self.plan));
        self.start().await;
        for _ in 0..self.plan.steps {
            self.step().await;
        }
        self.heal().await;
    }

    async fn step(&mut self) {
        match self.random.below(100) {
            0..=21 => self.node().turn(),
            22..=31 => self.commit(),
            32..=45 => {
                let node = self.node.as_ref().expect("a node runs between steps");
                node.wake(&mut self.random);
            }
            46..=63 => self.read_one(),
            64..=75 => self.send(),
            76..=83 => self.connect_one(),
            84..=89 => {
                let millis = 10 + self.random.below(900);
                self.pass_time(millis).await;
            }
            90..=91 => {
                let seconds = 1 + self.random.below(20);
                for _ in 0..seconds {
                    self.pass_time(1_000).await;
                }
            }
            92..=94 if self.plan.cuts => self.cut_one(),
            95 => self.begin_reader(),
            96 => self.break_something(),
            97 if self.chance(2) => self.end_node().await,
            98 => self.tell_application().await,
            99 if self.plan.jumps && self.chance(4) => self.jump(),
            _ => {}
        }
    }

    // === time ===

    async fn pass_time(&mut self, millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
        let (now_ms, now, edge) = (self.clock.now_ms(), self.clock.seconds(), self.random.below(4) as usize);
        let node = self.node();
        // What is due may come before what waits, or after it.
        if let Some(edge) = node.edges.get(edge) {
            let (due, parked) = edge.look(now);
            due.into_iter().for_each(|slot| edge.beat(slot, now));
            parked.into_iter().for_each(|slot| edge.read_on(slot, &mut [0; 256]));
        }
        node.local.tick(now_ms);
        node.turn();
    }

    /// The wall's clock jumps, by two minutes at most. What was sent before is not sent again: the window in which a key counts is
    /// measured by that clock.
    fn jump(&mut self) {
        let by = self.random.below(240_000);
        let before = self.wall_ms.load(Ordering::Relaxed);
        self.wall_ms.store((before + by).saturating_sub(120_000), Ordering::Relaxed);
        self.senders.unsure.clear();
        self.tell(|| format!("the clock jumps by {} ms", by as i64 - 120_000));
    }

    // === senders ===

    fn commit(&mut self) {
        self.node().local.step();
        self.senders.collect();
    }

    fn send(&mut self) {
        let node = self.node.as_ref().expect("a node runs between steps");
        if !self.senders.unsure.is_empty() && self.random.below(3) == 0 {
            let letter = self.senders.unsure.swap_remove(0);
            self.tell(|| format!("again: {}", letter.value));
            return self.senders.send(node, &self.history, letter);
        }
        self.letters += 1;
        let value = format!("m{}", self.letters);
        let mut to = vec![CHANNELS[self.random.below(3) as usize].to_owned()];
        if self.random.below(6) == 0 {
            to = CHANNELS.map(str::to_owned).to_vec();
        }
        let key = (self.random.below(3) != 0).then(|| format!("key of {value}"));
        let ttl_seconds = if self.random.below(12) == 0 { 1 + self.random.below(5) as u32 } else { 0 };
        let bytes = self.random.below(self.plan.message_bytes_max) as usize;
        self.tell(|| format!("send {value} to {}", to.join(", ")));
        self.senders.send(node, &self.history, Letter { to, value, bytes, key, ttl_seconds });
    }

    // === readers ===

    fn begin_reader(&mut self) {
        if self.readers.len() >= READERS_MAX {
            return;
        }
        let (channel, outside) = (CHANNELS[self.random.below(3) as usize], self.random.below(4) == 0);
        // A time is compared with that of records: it says nothing where the clock jumps or the log is forgotten.
        let outside = outside && !self.plan.jumps && !self.plan.may_change_epoch();
        self.begun += 1;
        let node = self.node.as_ref().expect("a node runs between steps");
        let name = format!("reader {}", self.begun);
        let reader = Reader::begin(node, &self.history, name, channel, outside);
        self.readers.push(reader.talking(self.talks));
    }

    fn any_reader(&mut self) -> Option<usize> {
        (!self.readers.is_empty()).then(|| self.random.below(self.readers.len() as u64) as usize)
    }

    fn connect_one(&mut self) {
        let Some(index) = self.any_reader().filter(|index| !self.readers[*index].is_connected()) else {
            return;
        };
        let life = [5, 60, TOKEN_SECONDS][self.random.below(3) as usize];
        let node = self.node.as_ref().expect("a node runs between steps");
        self.readers[index].connect(node, &mut self.random, life);
    }

    fn read_one(&mut self) {
        let Some(index) = self.any_reader() else { return };
        let count = 1 + self.random.below(4_000) as usize;
        let node = self.node.as_ref().expect("a node runs between steps");
        self.readers[index].read(node, &self.history, &mut self.random, count);
    }

    fn cut_one(&mut self) {
        if let Some(index) = self.any_reader() {
            self.readers[index].cut();
        }
    }

    // === presence ===

    /// The application is told, and answers, or its answer is lost. With a ledger that survives nothing nothing is promised.
    async fn tell_application(&mut self) {
        if self.plan.durability == Durability::Memory {
            return;
        }
        let local = std::sync::Arc::clone(&self.node().local);
        let mut waiting = local.waiting();
        waiting.sort_unstable();
        for id in waiting {
            let Some(notice) = local.begin(&id) else { continue };
            self.history.record(Event::Notice {
                client_id: id.as_str().to_owned(),
                connected: notice.connected,
                generation: notice.generation,
                id: notice.generation.to_string(),
            });
            let is_heard = !self.chance(5);
            self.tell(|| format!("told: {notice:?}, answered: {is_heard}"));
            if is_heard {
                local.settle(vec![notice]).await;
            }
        }
    }

    // === faults ===

    fn break_something(&mut self) {
        if !self.plan.breaks_disk {
            return;
        }
        let (kind, which) = (self.random.below(6), self.random.below(4));
        let stored = self.random.below(600) as usize;
        self.tell(|| format!("disk fault {kind}"));
        // The journal is written far more often than the ledger.
        let disk = if which == 0 { &self.disks.ledger } else { &self.disks.journal };
        disk.with(|disk| {
            let faults = &mut disk.faults;
            match kind {
                0 => faults.sync = Some(io::ErrorKind::Other),
                1 => faults.write = Some((io::ErrorKind::Other, stored)),
                2 => faults.write = Some((io::ErrorKind::StorageFull, stored)),
                3 => faults.allocate = Some(io::ErrorKind::StorageFull),
                4 => faults.create = Some(io::ErrorKind::Other),
                _ => faults.allocate = None,
            }
        });
    }

    /// The node ends, in one of the ways there are, and another life of it begins.
    async fn end_node(&mut self) {
        let node = self.node.take().expect("a node runs between steps");
        let how = self.random.below(4);
        self.tell(|| format!("the node ends, {}", if how == 0 { "in order" } else { "killed" }));
        if how == 0 {
            node.stop().await;
        } else {
            node.kill();
        }
        self.node_died();
        self.crash();
        self.start().await;
    }

    /// Answers that were still to come never come; what lies in connections does.
    fn node_died(&mut self) {
        self.senders.node_died();
        self.readers.iter_mut().filter(|reader| reader.polls()).for_each(Reader::cut);
    }

    /// What a crash leaves on the disks.
    fn crash(&mut self) {
        let loses_power = self.plan.loses_power && self.random.below(2) == 0;
        self.tell(|| format!("power lost: {loses_power}"));
        let random = &mut self.random;
        let mut left = |disk: &PowerDisk| match loses_power {
            true => disk.after_power_loss(random),
            false => disk.after_kill(),
        };
        self.disks = Disks { journal: left(&self.disks.journal), ledger: left(&self.disks.ledger) };
    }

    /// Starts a node on what is left. In a run with power losses the power may fail again while it starts.
    async fn start(&mut self) {
        let mut crashes = if self.plan.loses_power { self.random.below(3) } else { 0 };
        loop {
            if self.plan.durability == Durability::Memory {
                self.disks = Disks { journal: PowerDisk::new(), ledger: PowerDisk::new() };
            }
            if crashes > 0 {
                let at = self.random.below(30);
                self.disks.journal.with(|disk| disk.faults.stop_at = Some(disk.changes + at));
            }
            match Node::start(&self.plan, &self.disks, self.clock, &mut self.random).await {
                Ok(node) if crashes == 0 => {
                    self.tell(|| {
                        format!("connected: {:?}, to be told: {:?}", node.local.here(), node.local.waiting())
                    });
                    self.node = Some(node);
                    return;
                }
                Ok(node) => node.kill(),
                Err(error) => {
                    assert!(crashes > 0, "seed {}: a start is refused: {error}", self.plan.seed);
                    self.tell(|| format!("a start fails: {error}"));
                }
            }
            crashes -= 1;
            self.crash();
        }
    }

    // === the end ===

    /// Nothing goes wrong any more: everything that was promised must come true.
    async fn heal(&mut self) {
        self.tell(|| "everything heals".to_owned());
        self.node.take().expect("a node runs between steps").kill();
        self.node_died();
        self.disks =
            Disks { journal: self.disks.journal.after_kill(), ledger: self.disks.ledger.after_kill() };
        (self.plan.breaks_disk, self.plan.loses_power) = (false, false);
        self.start().await;
        self.send_all().await;
        let mut turns = 0;
        while !self.readers.iter().all(|reader| reader.is_done) {
            turns += 1;
            let seed = self.plan.seed;
            let stuck = || self.readers.iter().filter(|reader| !reader.is_done).collect::<Vec<_>>();
            assert!(turns < HEALING_TURNS_MAX, "seed {seed}: they never get the end: {:#?}", stuck());
            self.everybody_reads();
            self.pass_time(100).await;
        }
        self.note_kept().await;
        self.note_presence().await;
    }

    /// What is not certain is sent again until it is, and then the end of each channel.
    async fn send_all(&mut self) {
        let ends = CHANNELS.map(|channel| Letter {
            to: vec![channel.to_owned()],
            value: END.to_owned(),
            bytes: 0,
            key: Some(format!("end of {channel}")),
            ttl_seconds: 0,
        });
        for letters in [std::mem::take(&mut self.senders.unsure), ends.to_vec()] {
            for letter in letters {
                self.senders.send(self.node.as_ref().expect("it runs"), &self.history, letter);
            }
            while !self.senders.is_idle() {
                self.pass_time(1).await;
                self.commit();
            }
            assert!(self.senders.unsure.is_empty(), "seed {}: a healthy node refuses", self.plan.seed);
        }
    }

    fn everybody_reads(&mut self) {
        let node = self.node.as_mut().expect("a node runs between steps");
        node.turn();
        node.wake_all();
        for reader in &mut self.readers {
            if !reader.is_connected() {
                reader.connect(node, &mut self.random, TOKEN_SECONDS);
            }
            reader.read(node, &self.history, &mut self.random, usize::MAX);
        }
    }

    async fn note_kept(&mut self) {
        let node = self.node.as_ref().expect("a node runs between steps");
        let (local, now_ms) = (std::sync::Arc::clone(&node.local), self.clock.now_ms());
        for channel in CHANNELS {
            let id = ClientId::from_bytes(channel.as_bytes()).expect("a good id");
            let (key, epoch) = (local.key(&id), local.end().epoch);
            let (mut messages, mut upto) =
                (Vec::<(Place, String)>::new(), Cursor::new(epoch, protocol::cursor::Offset(0)));
            loop {
                let page = Page { messages: 7, bytes: 10_000 };
                let position = Position::After(upto);
                let history = local.history(&id, key, position, page, now_ms).await.expect("a healthy disk");
                for message in &history.messages {
                    let place = Cursor::new(epoch, message.offset).to_string();
                    let text = String::from_utf8_lossy(message.data.bytes()).into_owned();
                    let value = text.split(' ').next().unwrap_or_default().to_owned();
                    messages.push((place.parse().expect("a cursor is a place"), value));
                }
                upto = Cursor::new(epoch, history.upto);
                if !history.more {
                    break;
                }
            }
            self.history.record(Event::Kept { channel: channel.to_owned(), messages });
        }
    }

    /// The readers of one channel stay, the others leave; when all is told, the application must know.
    async fn note_presence(&mut self) {
        let stays = CHANNELS[self.random.below(3) as usize];
        self.readers
            .iter_mut()
            .filter(|reader| reader.channel != stays || reader.polls())
            .for_each(Reader::leave);
        for _ in 0..300 {
            let node = self.node.as_mut().expect("a node runs between steps");
            node.turn();
            node.wake_all();
            for reader in self.readers.iter_mut().filter(|reader| reader.channel == stays && !reader.polls())
            {
                if !reader.is_connected() {
                    reader.connect(node, &mut self.random, TOKEN_SECONDS);
                }
                reader.read(node, &self.history, &mut self.random, usize::MAX);
            }
            self.pass_time(200).await;
            self.tell_application().await;
        }
        let node = self.node.as_ref().expect("a node runs between steps");
        for channel in CHANNELS.iter().filter(|_| self.plan.durability != Durability::Memory) {
            let id = ClientId::from_bytes(channel.as_bytes()).expect("a good id");
            let connected = node.hub.sockets(node.local.key(&id)) > 0;
            self.history.record(Event::Present { client_id: (*channel).to_owned(), connected });
        }
    }

    /// What the checker says.
    pub(super) fn judge(&self) -> Report {
        self.tell(|| {
            let mut history = Vec::new();
            self.history.write(&mut history).expect("memory takes it");
            format!("the history:\n{}", String::from_utf8_lossy(&history))
        });
        let rules = Rules { may_trim: self.plan.may_trim(), may_change_epoch: self.plan.may_change_epoch() };
        checker::check(&self.history.events(), rules)
    }
}
