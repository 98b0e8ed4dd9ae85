use super::*;
use crate::{
    broker::{Announce, Broker, Health, Heard, Place, Word},
    key::ChannelKey,
    local::{Durability, Local, Options},
    message::{Message, Origin, Passing, Recipients},
};
use journal::MemoryDisk;
use protocol::message::Data;
use std::time::Duration;

const NOON: u64 = 1_800_000_000_000;

/// A hub with a bug: one message is too much for it.
struct Broken;

impl Announce for Broken {
    fn announce(&self, message: Message) {
        assert_ne!(message.data.bytes(), &b"too much"[..], "the bug");
    }

    fn flush(&self, _: Flush) {}

    fn pass(&self, _: &Passing, _: Place) -> Option<Place> {
        None
    }

    fn word(&self, _: &Word) -> Heard {
        Heard::NoSuchSocket
    }

    fn deleted(&self, _: ChannelKey) {}

    fn new_epoch(&self) {}
}

fn draft(text: &str) -> Draft {
    let to = Recipients::One("ada".parse().unwrap());
    Draft {
        to,
        data: Data::Text(text.to_owned().into()),
        ttl_seconds: 0,
        idempotency_key: None,
        origin: Origin::default(),
    }
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let options = Options {
        durability: Durability::Fsync,
        retention: Duration::from_secs(60),
        retention_messages: 10,
        retention_bytes: 1 << 20,
        idempotency_keys: 10,
        hash_secret: [0; 16],
        accept_loss: false,
        new_epoch: false,
        boot_id: String::new(),
        new_epoch_number: None,
    };
    let disk = || Arc::new(MemoryDisk::new());
    let (local, _) = Local::open(disk(), disk(), options, NOON).unwrap();
    let broken: Arc<dyn Announce> = Arc::new(Broken);
    local.attach(Arc::downgrade(&broken));
    local.publish(draft("good"), NOON).await.unwrap();
    assert_eq!(local.publish(draft("too much"), NOON).await, Err(PublishError::OutcomeUnknown));
    // Who comes while the thread is still ending is taken, and told the same.
    let mut later = Err(PublishError::OutcomeUnknown);
    while later == Err(PublishError::OutcomeUnknown) {
        later = local.publish(draft("later"), NOON).await;
    }
    assert_eq!(later, Err(PublishError::Unavailable));
    assert_eq!(local.health(), Health::Refusing(PublishError::Unavailable));
    local.close().await;
}
