//! This node's open channels: who is in them, and what was announced.

use crate::{
    catch_up::{self, serve},
    channel::Channel,
    clock::Clock,
    counters::Counters,
    drain::Returns,
    edge::{EdgeHandle, Lag},
    entry::{Fresh, message_frame},
    presence::Watch,
    socket::{Name, Replay, Socket, Wire},
    tail::Tail,
    timeline::{Timeline, What},
    turn,
    written::Written,
};
use broker::{
    broker::{Announce, Broker, Flush, Heard, NodeNumber, Place, Word},
    key::ChannelKey,
    message::{Message, Passing},
};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use protocol::{
    client_word::ClientWord,
    close::CloseCode,
    cursor::{Cursor, Offset},
    id::ClientId,
    message::Data,
    socket::Transport,
    token::Keyring,
};
use siphasher::sip::SipHasher13;
use smallvec::SmallVec;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    net::IpAddr,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

/// What an operator may limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sockets that one client id may have open.
    pub sockets_per_client: u32,
    /// Sockets that one address may have open.
    pub sockets_per_address: u32,
    /// Messages of one channel that are kept: whoever opens a socket gets no more, also of those still at hand.
    pub messages_per_channel: u32,
    /// Bytes of the newest messages that are held in memory for sockets that keep up.
    pub tail_bytes: usize,
}

/// The open channels of this node.
pub struct Hub {
    /// What stores and orders.
    pub broker: Arc<dyn Broker>,
    /// The time.
    pub clock: Clock,
    /// What was counted.
    pub counters: Counters,
    /// Verifies tokens; replaced when keys are rotated.
    pub keyring: RwLock<Arc<Keyring>>,
    /// The newest messages.
    pub(crate) tail: Tail,
    pub(crate) limits: Limits,
    /// What happened of late, for people who ask.
    pub timeline: Timeline,
    /// Marks of who came and went.
    pub(crate) watch: Watch,
    shards: Box<[Mutex<Shard>]>,
    addresses: Mutex<HashMap<IpAddr, u32>>,
    /// Sockets without a descriptor; looked through once a second.
    pub(crate) polls: Mutex<Vec<Arc<Socket>>>,
    edges: Box<[Arc<EdgeHandle>]>,
    /// Channels with announcements that nobody has sent yet.
    dirty: Mutex<Vec<(Arc<Channel>, Fresh)>>,
    /// Makes names for sockets: a keyed hash of a count is as good as a random number, and costs no system call.
    names: (SipHasher13, AtomicU64),
    /// Set once the node stops: when its sockets come back.
    returns: OnceLock<Returns>,
}

type Shard = HashMap<ChannelKey, Arc<Channel>, BuildHasherDefault<KeyIsHash>>;

/// A channel's key is a keyed hash already.
#[derive(Default)]
struct KeyIsHash(u64);

impl Hasher for KeyIsHash {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a channel key is one u128");
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Enough that threads seldom meet; a power of two.
const SHARDS: usize = 64;

/// A channel with so few sockets is served by whoever publishes; a hand-over to another thread costs more.
const SERVE_HERE_MAX: u32 = 8;

/// So many channels at once are handed over: a list of 10,000 ids must not hold up other sends.
const CHANNELS_HERE_MAX: usize = 64;

/// Sockets that are sent away while the node goes on are back within this time.
const SENT_AWAY_MS_MAX: u32 = 5_000;

/// The numbers of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let index = (set != 0).then(|| set.trailing_zeros() as u16)?;
        set &= set - 1;
        Some(index)
    })
}

/// Keeps a channel open while a socket is being opened.
pub struct Hold {
    hub: Arc<Hub>,
    channel: Arc<Channel>,
}

impl Hub {
    /// A hub over a broker, with its edges; attaches itself to the broker.
    ///
    /// # Panics
    /// Without a source of random numbers.
    #[must_use]
    pub fn new(
        broker: Arc<dyn Broker>,
        keyring: Keyring,
        clock: Clock,
        limits: Limits,
        edges: Vec<Arc<EdgeHandle>>,
    ) -> Arc<Self> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).expect("the system has random numbers");
        let hub = Arc::new(Self {
            broker,
            clock,
            counters: Counters::default(),
            keyring: RwLock::new(Arc::new(keyring)),
            tail: Tail::new(limits.tail_bytes),
            limits,
            timeline: Timeline::new(clock.now_ms()),
            watch: Watch::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            addresses: Mutex::default(),
            polls: Mutex::default(),
            edges: edges.into(),
            dirty: Mutex::default(),
            names: (SipHasher13::new_with_key(&secret), AtomicU64::new(0)),
            returns: OnceLock::new(),
        });
        hub.broker.attach(Arc::downgrade(&hub) as Weak<dyn Announce>);
        hub
    }

    fn shard(&self, key: ChannelKey) -> &Mutex<Shard> {
        // Other bits than the map inside takes.
        &self.shards[(key.0 >> 64) as usize % SHARDS]
    }

    /// The open channel of this key.
    #[must_use]
    pub fn channel(&self, key: ChannelKey) -> Option<Arc<Channel>> {
        self.shard(key).lock().get(&key).cloned()
    }

    /// Sockets that are open on a channel.
    #[must_use]
    pub fn sockets(&self, key: ChannelKey) -> u32 {
        self.shard(key).lock().get(&key).map_or(0, |channel| channel.sockets())
    }

    /// Channels that are open.
    #[must_use]
    pub fn channels(&self) -> usize {
        let canary = self.channel(self.broker.key(&ClientId::canary()));
        self.shards.iter().map(|shard| shard.lock().len()).sum::<usize>() - usize::from(canary.is_some())
    }

    /// Calls `each` for every open channel with a socket, the canary's too.
    pub(crate) fn for_each_channel(&self, mut each: impl FnMut(&Arc<Channel>)) {
        for shard in &self.shards {
            shard.lock().values().filter(|channel| channel.sockets() > 0).for_each(&mut each);
        }
    }

    /// The place of an offset in this life of the log.
    #[must_use]
    pub fn cursor(&self, offset: Offset) -> Cursor {
        Cursor::new(self.broker.end().epoch, offset)
    }

    /// The edge of this number.
    pub(crate) fn edge(&self, index: u16) -> &Arc<EdgeHandle> {
        &self.edges[usize::from(index)]
    }

    /// Every edge, a bit each.
    fn all_edges(&self) -> u64 {
        u64::MAX >> (u64::BITS as usize - self.edges.len())
    }

    /// A number that nobody guesses.
    pub(crate) fn secret(&self) -> u64 {
        self.names.0.hash(&self.names.1.fetch_add(1, Ordering::Relaxed).to_le_bytes())
    }

    /// Keeps the channel of a client id open until the hold is dropped.
    #[must_use]
    pub fn hold(self: &Arc<Self>, id: &ClientId) -> Hold {
        let key = self.broker.key(id);
        let mut shard = self.shard(key).lock();
        let channel = shard.entry(key).or_insert_with(|| {
            self.broker.follow(id, key);
            Arc::new(Channel::new(key, id.clone(), self.clock.now_ms()))
        });
        channel.hold();
        Hold { hub: Arc::clone(self), channel: Arc::clone(channel) }
    }

    /// Counts a socket of an address; false if it has too many.
    pub(crate) fn enter(&self, address: IpAddr) -> bool {
        let mut addresses = self.addresses.lock();
        let count = addresses.entry(address).or_default();
        let room = *count < self.limits.sockets_per_address;
        *count += u32::from(room);
        room
    }

    pub(crate) fn exit(&self, address: IpAddr) {
        let mut addresses = self.addresses.lock();
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }

    /// A socket is gone: its channel lets it go, and is forgotten with its last one.
    pub(crate) fn leave(&self, socket: &Socket) {
        let channel = &socket.channel;
        let (farewell, ended) = socket.ended();
        let mut shard = self.shard(channel.key).lock();
        if channel.leave(socket.place) {
            self.forget(&mut shard, channel);
        }
        // Whoever finds that it is gone also finds how.
        self.watch.went(channel, farewell);
        drop(shard);
        if channel.id.is_canary() {
            return;
        }
        self.timeline.note(channel.key, self.clock.now_ms(), ended);
        self.exit(socket.address);
        self.counters.open.of(socket.transport).subtract(1);
    }

    fn forget(&self, shard: &mut Shard, channel: &Channel) {
        shard.remove(&channel.key);
        self.broker.unfollow(&channel.id, channel.key);
        // A map never gives memory back by itself; after a storm most of it would stay for nothing.
        if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
            shard.shrink_to_fit();
        }
    }

    /// How far the sockets of all edges are behind that take no more.
    #[must_use]
    pub fn behind_by(&self) -> Lag {
        let mut all = Lag::default();
        self.edges.iter().for_each(|edge| all.join(edge.lag()));
        all
    }

    /// How many edges share the node's connections.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Tells every socket of this node to come back after a restart, each at its own time within `ms_max`, and takes no
    /// more of them.
    pub fn drain(&self, ms_max: u32) {
        let returns = *self.returns.get_or_init(|| Returns::new(self.counters.open.total(), ms_max));
        self.edges.iter().for_each(|edge| edge.drain());
        let polls = self.polls.lock();
        let count = polls.len() as u64;
        for (number, socket) in (0..).zip(&*polls) {
            self.restarting(socket, returns.after_ms(number, count));
        }
    }

    /// When the sockets of this node come back, if it stops.
    pub(crate) fn returns(&self) -> Option<Returns> {
        self.returns.get().copied()
    }

    /// Whether this node takes no more sockets.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.returns.get().is_some()
    }

    /// Sends one away.
    pub(crate) fn restarting(&self, socket: &Arc<Socket>, after_ms: u32) {
        self.close(socket, CloseCode::RESTART, CloseCode::RESTART.reason(), Some(after_ms));
    }

    /// Sends a socket away that was opened while the others were.
    pub(crate) fn restarting_late(&self, socket: &Arc<Socket>) {
        if let Some(returns) = self.returns() {
            self.restarting(socket, returns.after_ms(self.secret(), u64::from(u32::MAX)));
        }
    }

    /// The name of a socket of this node.
    pub(crate) fn name(&self, socket: &Socket) -> String {
        socket.name(self.broker.node())
    }

    /// The other node that a socket's name speaks of.
    #[must_use]
    pub fn elsewhere(&self, name: &str) -> Option<NodeNumber> {
        let here = self.broker.node()?;
        Name::parse(name)?.node.filter(|node| *node != here)
    }

    /// Finds a socket by the name that only its client knows.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Socket>> {
        let Name { key, secret, node } = Name::parse(name)?;
        if node != self.broker.node() {
            return None;
        }
        let channel = self.channel(key)?;
        let mut next = 0;
        loop {
            let members = channel.members(&mut next, 256);
            if members.is_empty() {
                return None;
            }
            if let Some(socket) = members.into_iter().find(|socket| socket.has_secret(secret)) {
                return Some(socket);
            }
        }
    }

    /// Sends what is new in a channel, or hands it over: to the edges that are returned, a bit each, and must be woken.
    fn send_fresh(&self, channel: &Arc<Channel>, fresh: &Fresh, how: Flush) -> u64 {
        if how == Flush::Here && channel.sockets() <= SERVE_HERE_MAX {
            let mut written = Written::of(&fresh.entry);
            for socket in channel.members(&mut 0, SERVE_HERE_MAX as usize) {
                written.note(&socket, serve(self, &socket, Some(fresh)));
            }
            written.measure(self);
            return 0;
        }
        let edges = channel.edges(self.all_edges());
        for index in bits(edges) {
            if channel.enqueue(index) {
                self.edge(index).channel(Arc::clone(channel), fresh.clone());
            }
        }
        edges
    }
}

impl Announce for Hub {
    fn announce(&self, message: Message) {
        let entry = self.tail.push(message, self.broker.end().epoch);
        if let Some(follower) = &entry.message.origin.follower {
            follower.announced(entry.offset());
        }
        for link in &entry.message.links {
            if let Some(channel) = self.channel(link.key) {
                channel.raise(entry.offset());
                let fresh = Fresh { entry: Arc::clone(&entry), previous: link.previous };
                self.dirty.lock().push((channel, fresh));
            }
        }
    }

    fn flush(&self, how: Flush) {
        let mut left = self.dirty.lock();
        if left.len() <= 1 {
            // Nearly always; the allocation serves the next.
            let only = left.pop();
            drop(left);
            let edges = only.map_or(0, |(channel, fresh)| self.send_fresh(&channel, &fresh, how));
            bits(edges).for_each(|index| self.edge(index).wake());
            return;
        }
        let mut dirty = std::mem::take(&mut *left);
        drop(left);
        let mut how = how;
        if dirty.len() > CHANNELS_HERE_MAX {
            how = Flush::HandOver;
            // They come in the order of their keys, which is none. What was opened at about the same time lies near each other,
            // here and in the kernel.
            dirty.sort_unstable_by_key(|(channel, _)| Arc::as_ptr(channel).addr());
        }
        let mut edges = 0;
        for (channel, fresh) in dirty.drain(..) {
            edges |= self.send_fresh(&channel, &fresh, how);
        }
        bits(edges).for_each(|index| self.edge(index).wake());
        let mut left = self.dirty.lock();
        if left.is_empty() && left.capacity() == 0 && dirty.capacity() <= CHANNELS_HERE_MAX {
            // The allocation serves the next one.
            *left = dirty;
        }
    }

    fn pass(&self, message: &Passing, from: Place) -> Option<Place> {
        let mut frames = Frames::of(&message.data);
        let mut room = turn::sends(message.data.bytes().len());
        let mut next = from;
        while let Some(key) = message.keys.get(next.channel) {
            if room == 0 {
                return Some(next);
            }
            let members = self.channel(*key).map(|channel| channel.members(&mut next.socket, room));
            let members = members.unwrap_or_default();
            if members.is_empty() {
                next = Place { channel: next.channel + 1, socket: 0 };
            }
            room -= members.len();
            members.iter().for_each(|socket| self.pass_to(socket, &mut frames));
        }
        None
    }

    fn deleted(&self, key: ChannelKey) {
        self.timeline.note(key, self.clock.now_ms(), What::Deleted);
        if let Some(channel) = self.channel(key) {
            self.close_all(&channel, CloseCode::GONE);
        }
    }

    fn word(&self, word: &Word) -> Heard {
        let Some(socket) = self.find(&word.socket) else { return Heard::NoSuchSocket };
        let Ok(said) = ClientWord::parse(&word.text) else { return Heard::Invalid };
        match self.take_word(&socket, said) {
            Ok(()) => Heard::Done,
            Err((code, reason)) => Heard::Closed(code.0, reason.to_owned()),
        }
    }

    fn new_epoch(&self) {
        self.tail.clear();
        self.for_each_channel(|channel| {
            channel.restart();
            // Whoever comes back brings a cursor of the old life, and is told of the gap as it opens.
            self.close_all(channel, CloseCode::RESTART);
        });
    }
}

impl Hub {
    /// Sends every socket away, to come back here or to another node. Unlike [`drain`](Self::drain), more are taken.
    pub(crate) fn send_away(&self) {
        let count = self.counters.open.total();
        let returns = Returns::new(count, SENT_AWAY_MS_MAX);
        let mut channels = Vec::new();
        self.for_each_channel(|channel| channels.push(Arc::clone(channel)));
        let mut number = 0;
        for channel in channels {
            channel.for_each_socket(|socket| {
                self.restarting(socket, returns.after_ms(number, count));
                number += 1;
            });
        }
    }

    /// Closes every socket of a channel.
    fn close_all(&self, channel: &Channel, code: CloseCode) {
        channel.for_each_socket(|socket| self.close(socket, code, code.reason(), None));
    }

    /// Gives a passing message to a socket that is not behind; to others it is lost, as its sender wished.
    fn pass_to(&self, socket: &Arc<Socket>, frames: &mut Frames<'_>) {
        let mut state = socket.state.lock();
        if state.replay != Replay::No || state.partial.is_some() || state.cursor < socket.channel.latest() {
            return;
        }
        if let Wire::Poll(poll) = &mut state.wire {
            poll.pass(frames.data);
            return;
        }
        let frame = frames.of_transport(socket.transport);
        let progress = catch_up::write_control(self, &mut state, frame);
        catch_up::hand_over(self, socket, &mut state, progress);
    }
}

/// The frames of a message that nobody keeps, each made for the first socket that needs it.
struct Frames<'a> {
    data: &'a Data,
    made: SmallVec<[(Transport, Bytes); 1]>,
}

impl<'a> Frames<'a> {
    fn of(data: &'a Data) -> Self {
        Self { data, made: SmallVec::new() }
    }

    fn of_transport(&mut self, transport: Transport) -> Bytes {
        if let Some((_, frame)) = self.made.iter().find(|(made, _)| *made == transport) {
            return frame.clone();
        }
        let frame = message_frame(transport, None, self.data);
        self.made.push((transport, frame.clone()));
        frame
    }
}

impl Hold {
    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// The hub.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut shard = self.hub.shard(self.channel.key).lock();
        if self.channel.release() {
            self.hub.forget(&mut shard, &self.channel);
        }
    }
}
