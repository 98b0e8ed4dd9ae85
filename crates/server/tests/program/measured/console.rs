//! The console beside thousands of sockets.

use crate::support::{length::pick, server::memory};
use protocol::socket::Transport;
use serde_json::json;
use std::time::{Duration, Instant};

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
