//! The overview: what is counted each second, and who is found.

use crate::support::{server::memory, until};
use protocol::socket::Transport;
use serde_json::{Value, json};

/// The newest value of a column.
fn last(stats: &Value, name: &str) -> u64 {
    let column = stats["samples"][name].as_array().unwrap_or_else(|| panic!("no {name} in {stats}"));
    column.last().map_or(0, |value| value.as_u64().unwrap())
}

#[test]
fn each_second_is_told_once() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    let _lines = server.opening(Transport::Lines, &token).open();
    api.send("ada", "hello");
    assert_eq!(socket.text(), "hello");
    let stats = until("a sample has seen it", || {
        let stats = api.get("/v1/console/stats").json();
        // The send counts once it is answered, which may be a second later.
        (last(&stats, "deliveries") == 2 && last(&stats, "sent") == 1).then_some(stats)
    });
    let values = ["websocket", "sse", "lines", "long_poll", "channels", "sent", "opened", "refused"];
    assert_eq!(values.map(|name| last(&stats, name)), [1, 0, 1, 0, 1, 1, 2, 0], "{stats}");
    assert_eq!((&stats["node"]["refusing"], &stats["node"]["draining"]), (&json!(null), &json!(false)));
    let columns = stats["samples"].as_object().unwrap();
    let lengths: Vec<usize> = columns.values().map(|column| column.as_array().unwrap().len()).collect();
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{lengths:?}");
    let next = stats["next"].as_u64().unwrap();
    let more = until("there is a later one", || {
        let more = api.get(&format!("/v1/console/stats?since={next}")).json();
        (more["next"].as_u64() > Some(next)).then_some(more)
    });
    let times = |stats: &Value| stats["samples"]["time_ms"].as_array().unwrap().clone();
    assert_eq!(times(&more).len() as u64, more["next"].as_u64().unwrap() - next);
    assert!(times(&more)[0].as_u64() > times(&stats).last().unwrap().as_u64());
    assert!(!stats.to_string().contains("ada"), "numbers of the whole node name nobody");
}

#[test]
fn a_part_of_an_id_finds_it_and_the_best_comes_first() {
    let server = memory().start();
    let mut api = server.api();
    let _sockets: Vec<_> = ["bob", "user-ada", "ada-2", "ada"]
        .iter()
        .map(|id| server.opening(Transport::Lines, &api.token(id)).open())
        .collect();
    let mut ids = |query: &str| -> (Vec<String>, u64) {
        let found = api.get(&format!("/v1/console/clients{query}")).json();
        let clients = found["clients"].as_array().unwrap();
        let ids = clients.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()).collect();
        (ids, found["matching"].as_u64().unwrap())
    };
    let ids_of = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(ids("?search=ADA"), (ids_of(&["ada", "ada-2", "user-ada"]), 3));
    assert_eq!(ids("?search=ada&limit=1"), (ids_of(&["ada"]), 3));
    assert_eq!(ids("?search=nobody"), (Vec::new(), 0));
    assert_eq!(ids("").1, 4);
}
