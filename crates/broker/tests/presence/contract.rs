//! One suite for all stores.

use crate::{NOON, Node, change, id, local, nats_server::NatsServer, until};
use broker::{
    broker::Broker,
    local::Local,
    presence::{Notice, PresenceStore},
};
use journal::MemoryDisk;
use protocol::cursor::{Cursor, Epoch, Offset};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// Where stores of one kind keep what they know.
trait Stand {
    /// A store; the one before is closed first.
    fn open(&mut self) -> Arc<dyn PresenceStore>;
}

#[derive(Default)]
struct OnDisk(Arc<MemoryDisk>, Option<Arc<Local>>);

impl Stand for OnDisk {
    fn open(&mut self) -> Arc<dyn PresenceStore> {
        if let Some(before) = self.1.take() {
            wait(before.close());
        }
        let store = self.1.insert(local(&self.0));
        Arc::clone(store) as Arc<dyn PresenceStore>
    }
}

struct OnNats(NatsServer, Option<Node>);

impl Stand for OnNats {
    fn open(&mut self) -> Arc<dyn PresenceStore> {
        if let Some(node) = self.1.take() {
            node.block_on(node.store.leave(Duration::from_secs(60)));
        }
        let node = self.1.insert(Node::start(&self.0));
        Arc::clone(&node.store) as Arc<dyn PresenceStore>
    }
}

macro_rules! contract {
    (@of $name:ident, $stand:expr, $($test:ident),*) => {
        mod $name {
            use super::*;
            $(#[test]
            fn $test() {
                super::$test(&mut $stand);
            })*
        }
    };
    ($($test:ident),*) => {
        contract!(@of local_store, OnDisk::default(), $($test),*);
        contract!(@of nats_store, OnNats(NatsServer::start(), None), $($test),*);
    };
}

contract!(
    a_change_is_told_once_and_what_is_none_is_not,
    notices_alternate_and_the_last_state_goes_out,
    what_was_tried_is_not_dropped,
    what_waits_outlives_the_store,
    the_place_of_a_reader_is_kept
);

fn wait<T>(future: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(future)
}

fn record(store: &Arc<dyn PresenceStore>, of: &str, connected: bool) {
    wait(store.record(vec![change(of, connected)], NOON)).unwrap();
}

/// Tells everything that waits of a client id, of which there is something.
fn tell(store: &Arc<dyn PresenceStore>, of: &str) -> Vec<Notice> {
    let mut told = vec![until("there is something to tell", || store.begin(&id(of)))];
    loop {
        let more = wait(store.settle(vec![told.last().unwrap().clone()]));
        match store.begin(&id(of)) {
            Some(notice) => told.push(notice),
            None => break,
        }
        assert_eq!(more, [id(of)]);
    }
    assert!(told.is_sorted_by(|one, other| one.generation < other.generation), "{told:?}");
    assert!(told.iter().all(|notice| notice.generation < 1 << 53 && notice.time_ms == NOON));
    told
}

fn states(told: &[Notice]) -> Vec<bool> {
    told.iter().map(|notice| notice.connected).collect()
}

fn a_change_is_told_once_and_what_is_none_is_not(stand: &mut dyn Stand) {
    let store = stand.open();
    wait(store.record(vec![change("ada", true), change("bob", false)], NOON)).unwrap();
    record(&store, "ada", true);
    assert!(store.is_connected(&id("ada")) && store.is_here(&id("ada")));
    assert!(!store.is_connected(&id("bob")) && !store.is_elsewhere(&id("ada")));
    assert_eq!((store.standing().connected, store.standing().waiting), (1, 1));
    assert_eq!(states(&tell(&store, "ada")), [true]);
    assert_eq!((store.standing().connected, store.standing().waiting), (1, 0));
    record(&store, "ada", false);
    assert_eq!(states(&tell(&store, "ada")), [false]);
    assert_eq!((store.standing().connected, store.standing().waiting), (0, 0));
}

fn notices_alternate_and_the_last_state_goes_out(stand: &mut dyn Stand) {
    let store = stand.open();
    let mut told = Vec::new();
    for round in 0..4 {
        for toggle in 0..=round {
            record(&store, "ada", toggle % 2 == 0);
            assert!(store.standing().waiting <= 2);
        }
        record(&store, "ada", round % 2 == 0);
        if !store.waiting().is_empty() || round == 0 {
            told.extend(tell(&store, "ada"));
        }
    }
    record(&store, "ada", true);
    record(&store, "ada", false);
    record(&store, "ada", true);
    if !store.waiting().is_empty() {
        told.extend(tell(&store, "ada"));
    }
    assert!(
        told.is_sorted_by(|one, other| one.generation < other.generation && one.connected != other.connected)
    );
    assert!(told[0].connected && told.last().unwrap().connected, "{told:?}");
}

fn what_was_tried_is_not_dropped(stand: &mut dyn Stand) {
    let store = stand.open();
    record(&store, "ada", true);
    let first = until("it is there", || store.begin(&id("ada")));
    for connected in [false, true, false, true, false] {
        record(&store, "ada", connected);
        assert_eq!(store.begin(&id("ada")).unwrap().generation, first.generation, "in order");
    }
    assert_eq!(states(&tell(&store, "ada")), [true, false]);
}

fn what_waits_outlives_the_store(stand: &mut dyn Stand) {
    let store = stand.open();
    record(&store, "ada", true);
    record(&store, "bob", true);
    let told = tell(&store, "bob");
    let waits = store.begin(&id("ada")).unwrap();
    drop(store);
    let store = stand.open();
    assert_eq!(until("it is told of", || store.begin(&id("ada"))), waits);
    assert_eq!(store.waiting(), [id("ada")]);
    assert!(store.is_connected(&id("ada")) && store.is_connected(&id("bob")));
    record(&store, "carl", true);
    assert!(tell(&store, "carl")[0].generation > told[0].generation);
}

fn the_place_of_a_reader_is_kept(stand: &mut dyn Stand) {
    let store = stand.open();
    let place = |offset| Cursor::new(Epoch(3), Offset(offset));
    assert_eq!(store.position(7), None);
    for offset in [40, 50] {
        wait(store.keep_position(7, place(offset), u64::MAX / 2));
        assert_eq!(store.position(7), Some(place(offset)));
    }
    drop(store);
    assert_eq!(stand.open().position(7), Some(place(50)));
}
