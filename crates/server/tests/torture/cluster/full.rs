//! The file system of NATS is full. JetStream answers nothing then, and takes nothing more until it is started again.

use super::nats_server::NatsServer;
use crate::{
    length::alone,
    support::{server::Setup, socket::Frame, until},
};
use protocol::socket::Transport;

const SMALL: u64 = 12 << 20;
const ROOM: u64 = 64 << 20;

#[test]
fn when_the_disk_of_nats_is_full_nothing_answered_is_lost_and_nothing_unanswered_is_called_stored() {
    let _alone = alone();
    let mut nats = NatsServer::small(SMALL);
    let node = Setup::new("serve")
        .env("DOWNLINK_BROKER", "nats")
        .env("DOWNLINK_NATS_SERVERS", &nats.url())
        .env("DOWNLINK_NATS_MONITORS", &nats.monitor())
        .start();
    let mut api = node.api();
    let mut socket = node.opening(Transport::Sse, &api.token("ada")).open();
    let mut send = |text: &str| {
        let content = [("Content-Type", "text/plain")];
        api.call("POST", "/v1/messages?to=ada", &content, text.as_bytes())
    };
    let text = |number: usize| format!("{number} {}", "x".repeat(30_000));
    let mut stored = 0;
    let refused = loop {
        let answer = send(&text(stored));
        if answer.status != 201 {
            break answer;
        }
        stored += 1;
        assert!(stored < 1_000, "it never was full");
    };
    assert_eq!((refused.status, refused.code()), (503, "outcome_unknown".into()));
    let ready = || node.api().get("/readyz?for=sends").status;
    until("it is seen that sends are not ready", || (ready() == 503).then_some(()));
    assert_eq!(node.api().get("/readyz?for=sockets").status, 200, "sockets are");
    for number in 0..stored {
        assert_eq!(socket.text(), text(number));
    }
    nats.give_room(ROOM);
    nats.kill();
    nats.go_on();
    until("there is room", || (send("room").status == 201).then_some(()));
    until("sends are ready again", || (ready() == 200).then_some(()));
    let kept = node.api().kept("ada");
    let (before, behind) = kept.split_at(stored);
    assert!((0..stored).all(|number| before[number] == text(number)), "all that was answered is there");
    // What was not answered may have been stored.
    let tries = behind.iter().filter(|kept| **kept != text(stored));
    assert!(tries.clone().all(|kept| kept == "room") && tries.count() > 0, "{} are kept", kept.len());
    for expected in behind {
        assert!(matches!(socket.frame(), Frame::Message(..)), "no gap, and {} in order", expected.len());
    }
    println!("the disk of NATS was full behind {stored} messages");
}
