//! The overview: what is counted each second, and who is found.

use crate::support::{length::pick, server::memory, until};
use protocol::socket::Transport;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

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
        (last(&stats, "deliveries") == 2).then_some(stats)
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

/// Numbers and a search cost next to nothing also where very many are there.
#[test]
fn with_thousands_of_sockets_it_stays_quick() {
    let server = memory().start();
    let mut api = server.api();
    let count: usize = pick(2_000, 10_000);
    let sockets: Vec<_> = (0..count)
        .map(|number| {
            let token = api.token(&format!("client-{number:05}"));
            server.opening(Transport::WebSocket, &token).open()
        })
        .collect();
    for path in [
        "/v1/console/stats".to_owned(),
        "/v1/console/clients?search=client-0".to_owned(),
        "/v1/console/clients?search=nobody".to_owned(),
        format!("/v1/console/client?client_id=client-{:05}", count - 1),
    ] {
        let mut took: Vec<Duration> = (0..9)
            .map(|_| {
                let begun = Instant::now();
                assert_eq!(api.get(&path).status, 200);
                begun.elapsed()
            })
            .collect();
        took.sort_unstable();
        eprintln!("{path} with {count} sockets: {:?}", took[4]);
        // A hundred times what it takes: it only tells looking from copying.
        assert!(took[4] < Duration::from_millis(250), "{path} took {:?}", took[4]);
    }
    let found = api.get("/v1/console/clients?search=client-").json();
    assert_eq!((found["clients"].as_array().unwrap().len(), &found["matching"]), (50, &json!(count)));
    drop(sockets);
}
