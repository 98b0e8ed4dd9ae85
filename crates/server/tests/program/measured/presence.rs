//! Ten thousand at once.

use crate::{
    presence::telling,
    support::{application::Application, http::Api, opening::Opening, until, wire::Wire},
};
use protocol::socket::Transport;
use std::{
    thread,
    time::{Duration, Instant},
};

const CLIENTS: usize = 10_000;

#[test]
fn ten_thousand_that_leave_at_once_stall_neither_messages_nor_notices() {
    let app = Application::start();
    let server = telling(&app).start();
    let address = server.address;
    // Polls need no descriptor each, and end together: ten seconds after the last.
    thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                let mut api = Api::new(address);
                let mut wire = Wire::connect(address).unwrap();
                for client in (part..CLIENTS).step_by(4) {
                    let token = api.token(&format!("storm {client}"));
                    let poll = Opening::new(address, Transport::LongPoll, &token).query("wait", "0");
                    wire.send(&poll.bytes()).unwrap();
                    assert_eq!(crate::support::http::read_response(&mut wire).unwrap().status, 200);
                }
            });
        }
    });
    let count = |connected: bool| app.tries().iter().filter(|one| one.connected == connected).count();
    until("all have come", || (count(true) == CLIENTS).then_some(()));
    let token = server.api().token("listener");
    let mut listener = server.opening(Transport::WebSocket, &token).open();
    let (mut slowest_message, mut slowest_notice) = (Duration::ZERO, Duration::ZERO);
    let mut comers = Vec::new();
    let mut api = Api::new(server.address);
    let mut left_before = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(false) < CLIENTS {
        assert!(Instant::now() < deadline, "{} of {CLIENTS} have left", count(false));
        let start = Instant::now();
        api.send("listener", "tick");
        assert_eq!(listener.text(), "tick");
        slowest_message = slowest_message.max(start.elapsed());
        let left = count(false);
        if left > left_before && left < CLIENTS {
            // In the middle of it somebody comes.
            let id = format!("comer {}", comers.len());
            let token = api.token(&id);
            let start = Instant::now();
            comers.push(server.opening(Transport::WebSocket, &token).open());
            app.hears(&id, &[true]);
            slowest_notice = slowest_notice.max(start.elapsed());
        }
        left_before = left;
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!comers.is_empty(), "somebody came in the middle");
    assert!(slowest_message < Duration::from_secs(1), "{slowest_message:?}");
    assert!(slowest_notice < Duration::from_secs(2), "{slowest_notice:?}");
}
