//! How many sockets there may be.

use crate::support::{
    server::memory,
    socket::{ALL, STREAMS},
    until,
};
use protocol::socket::Transport;

#[test]
fn sockets_of_a_client_are_bounded_and_come_free_again() {
    let server = memory().env("DOWNLINK_SOCKETS_PER_CLIENT", "2").start();
    let mut api = server.api();
    let (ada, bob) = (api.token("ada"), api.token("bob"));
    let mut open =
        vec![server.opening(Transport::Sse, &ada).open(), server.opening(Transport::WebSocket, &ada).open()];
    for transport in ALL {
        let (code, words) = server.opening(transport, &ada).refused();
        assert!(
            matches!((code, words.as_str()), (429, "too_many_sockets") | (1013, _)),
            "{transport:?}: {code}"
        );
        drop(server.opening(transport, &bob).open());
        until("bob has left", || (api.sockets("bob") <= 1).then_some(()));
    }
    open.pop();
    until("there is room again", || (api.sockets("ada") == 1).then_some(()));
    open.push(server.opening(Transport::Lines, &ada).open());
    api.send("ada", "all");
    for socket in &mut open {
        assert_eq!(socket.text(), "all");
    }
}

#[test]
fn sockets_of_an_address_are_bounded() {
    let server = memory().env("DOWNLINK_SOCKETS_PER_ADDRESS", "3").start();
    let mut api = server.api();
    let mut open: Vec<_> = STREAMS
        .iter()
        .enumerate()
        .map(|(number, transport)| server.opening(*transport, &api.token(&format!("id{number}"))).open())
        .collect();
    let token = api.token("one more");
    for transport in ALL {
        let (code, _) = server.opening(transport, &token).refused();
        assert!(matches!(code, 429 | 1013), "{transport:?}: {code}");
    }
    open.clear();
    until("there is room again", || server.opening(Transport::Lines, &token).try_open().unwrap().ok());
}
