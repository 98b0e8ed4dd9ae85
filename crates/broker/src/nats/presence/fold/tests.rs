use super::*;

const NOON: u64 = 1_800_000_000_000;

/// A log that is folded as it is written.
#[derive(Default)]
struct World {
    fold: Fold,
    place: u64,
    now_ms: u64,
    numbers: HashMap<Member, u64>,
}

fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

impl World {
    /// Two nodes, of which the first tells.
    fn of_two() -> Self {
        let mut world = Self { now_ms: NOON, ..Self::default() };
        world.beat(1);
        world.beat(2);
        world
    }

    fn say(&mut self, member: Member, beat: bool, records: &[Record<'_>]) -> Vec<ClientId> {
        self.place += 1;
        let number = *self.numbers.entry(member).and_modify(|number| *number += 1).or_default();
        let head = Head { member, number, tells: true, beat };
        self.fold.apply(self.place, self.now_ms, head, records)
    }

    fn beat(&mut self, member: Member) -> Vec<ClientId> {
        self.now_ms += 2_000;
        self.say(member, true, &[])
    }

    fn come(&mut self, member: Member, id: &str) -> Vec<ClientId> {
        let time_ms = self.now_ms;
        self.say(member, false, &[Record::Changed { id, connected: true, time_ms }])
    }

    fn go(&mut self, member: Member, id: &str) -> Vec<ClientId> {
        let time_ms = self.now_ms;
        self.say(member, false, &[Record::Changed { id, connected: false, time_ms }])
    }

    /// Tells everything that waits of a client id: `true` for connected.
    fn tell(&mut self, of: &str) -> Vec<bool> {
        let (mut told, mut last) = (Vec::new(), 0);
        while let Some(notice) = self.fold.first(&id(of)) {
            assert!(notice.generation > last, "{} after {last}", notice.generation);
            last = notice.generation;
            told.push(notice.connected);
            self.say(1, false, &[Record::Settled { id: of, generation: last }]);
        }
        told
    }
}

#[test]
fn first_socket_anywhere_and_last_socket_anywhere() {
    let mut world = World::of_two();
    assert_eq!(world.come(1, "ada"), [id("ada")]);
    assert_eq!(world.come(2, "ada"), []);
    assert_eq!(world.come(2, "ada"), [], "again");
    assert_eq!(world.tell("ada"), [true]);
    assert_eq!(world.go(1, "ada"), []);
    assert!(world.fold.is_connected(&id("ada")) && world.fold.is_on(&id("ada"), 2));
    assert!(!world.fold.is_on(&id("ada"), 1) && world.fold.is_elsewhere(&id("ada"), 1));
    assert_eq!(world.go(2, "ada"), [id("ada")]);
    assert_eq!(world.tell("ada"), [false]);
    assert_eq!(world.fold.standing(), Standing::default());
    assert!(world.fold.clients.is_empty());
}

#[test]
fn the_clients_of_a_node_that_died_are_gone_once() {
    let mut world = World::of_two();
    world.come(1, "ada");
    world.come(1, "both");
    world.come(2, "both");
    for of in ["ada", "both"] {
        world.tell(of);
    }
    world.now_ms += 1;
    let gone: Vec<_> = (0..20).flat_map(|_| world.beat(2)).collect();
    assert_eq!(gone, [id("ada")]);
    assert!(world.fold.is_connected(&id("both")));
    // What the dead one still had to say is void.
    assert_eq!(world.come(1, "ada"), []);
    assert!(!world.fold.is_connected(&id("ada")));
    assert_eq!(world.fold.first(&id("ada")).map(|notice| notice.connected), Some(false));
}

#[test]
fn who_comes_to_another_node_before_its_own_is_found_dead_never_left() {
    let mut world = World::of_two();
    world.come(1, "ada");
    world.tell("ada");
    (0..3).for_each(|_| drop(world.beat(2)));
    world.come(2, "ada");
    (0..20).for_each(|_| assert_eq!(world.beat(2), []));
    assert!(world.fold.is_connected(&id("ada")) && !world.fold.is_on(&id("ada"), 1));
}

#[test]
fn a_node_that_leaves_is_waited_for_as_long_as_it_said() {
    let mut world = World::of_two();
    world.come(1, "ada");
    world.tell("ada");
    world.say(1, false, &[Record::Leaving { beats: 12 }]);
    for _ in 0..11 {
        assert_eq!(world.beat(2), []);
    }
    assert_eq!(world.beat(2), [id("ada")]);
}

#[test]
fn pairs_that_cannot_have_been_told_are_dropped_and_two_wait_at_most() {
    let mut world = World::of_two();
    for _ in 0..5 {
        world.come(1, "ada");
        world.go(1, "ada");
        assert!(world.fold.standing().waiting <= 2);
    }
    world.come(2, "ada");
    assert_eq!(world.tell("ada"), [true]);
    assert_eq!(world.fold.standing(), Standing { connected: 1, waiting: 0 });
}

#[test]
fn generations_rise_whatever_the_clock_does_and_also_if_the_log_was_lost() {
    let mut world = World::of_two();
    let mut last = 0;
    for round in 0..10 {
        if round == 5 {
            world = World { now_ms: world.now_ms + 1, ..World::default() };
            world.beat(1);
        } else if round == 7 {
            world.now_ms -= 100_000;
        }
        world.come(1, "ada");
        let generation = world.fold.first(&id("ada")).unwrap().generation;
        assert!(generation > last && generation < 1 << 53, "{generation} after {last}");
        last = generation;
        world.tell("ada");
        world.go(1, "ada");
        world.tell("ada");
    }
}

#[test]
fn what_nobody_took_in_a_day_and_positions_of_tokens_that_are_over_are_forgotten() {
    let mut world = World::of_two();
    world.come(1, "ada");
    world.go(1, "ada");
    let expires_at = world.now_ms / 1000 + 60;
    world.say(2, false, &[Record::Position { token: 7, epoch: 1, offset: 2, expires_at }]);
    assert_eq!(world.fold.position(7), Some(Cursor::new(Epoch(1), Offset(2))));
    world.now_ms += 3_600_000;
    world.beat(1);
    assert_eq!((world.fold.position(7), world.fold.standing().waiting), (None, 2));
    world.now_ms += 24 * 3_600_000;
    world.beat(1);
    assert_eq!(world.fold.standing().waiting, 0);
    assert!(world.fold.clients.is_empty());
}

#[test]
fn where_no_application_is_told_nothing_waits() {
    let mut fold = Fold::default();
    let head = |number| Head { member: 1, number, tells: false, beat: true };
    fold.apply(1, NOON, head(0), &[]);
    let news = fold.apply(2, NOON, head(1), &[Record::Changed { id: "ada", connected: true, time_ms: NOON }]);
    assert_eq!((news, fold.standing()), (vec![], Standing { connected: 1, waiting: 0 }));
}

#[test]
fn who_is_elsewhere_comes_in_pages() {
    let mut world = World::of_two();
    for of in ["d", "b", "a", "c"] {
        world.come(2, of);
    }
    world.come(1, "mine");
    assert_eq!(world.fold.elsewhere(1, None, 3), ["a", "b", "c"].map(id));
    assert_eq!(world.fold.elsewhere(1, Some(&id("c")), 3), ["d"].map(id));
}

/// Nodes that start read pieces instead of the log: from then on they must not differ in anything.
#[test]
fn pieces_add_up_to_the_same_and_go_on_alike() {
    let mut world = World::of_two();
    world.come(1, "ada");
    world.go(1, "ada");
    world.come(2, "bob");
    world.say(2, false, &[Record::Position { token: 7, epoch: 1, offset: 2, expires_at: NOON }]);
    (0..3).for_each(|_| drop(world.beat(2)));
    let mut copy = Fold::default();
    for piece in world.fold.pieces() {
        copy.put(postcard::from_bytes(&postcard::to_allocvec(&piece).unwrap()).unwrap());
    }
    let all = |fold: &Fold| {
        let mut all: Vec<String> = fold.pieces().map(|piece| format!("{piece:?}")).collect();
        all.sort();
        (all, fold.standing())
    };
    assert_eq!(all(&copy), all(&world.fold));
    let mut copied =
        World { fold: copy, place: world.place, now_ms: world.now_ms, numbers: world.numbers.clone() };
    for _ in 0..5 {
        assert_eq!(copied.beat(2), world.beat(2));
    }
    assert_eq!(copied.come(2, "ada"), world.come(2, "ada"));
    assert_eq!(all(&copied.fold), all(&world.fold));
}
