//! How long messages take that are sent one by one: item 40.

use crate::support::{server::on_disk, socket::ALL};
use std::time::{Duration, Instant};

#[test]
fn item_40_a_message_is_there_long_before_the_old_service_had_it() {
    let server = on_disk("os").start();
    let mut api = server.api();
    let mut socket = server.opening(ALL[0], &api.token("a")).open();
    let mut took = Vec::new();
    for burst in 0..20 {
        let start = Instant::now();
        (0..20).for_each(|number| drop(api.send("a", &format!("{burst}.{number}"))));
        for number in 0..20 {
            assert_eq!(socket.text(), format!("{burst}.{number}"));
        }
        took.push(start.elapsed());
    }
    took.sort_unstable();
    // For a whole burst, sent one by one; the old service took so long for one message.
    assert!(took[took.len() / 2] < Duration::from_millis(200), "{took:?}");
}
