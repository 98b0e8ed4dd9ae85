//! An address of their own for operators: what is there is not on the public one, and the API is on both.

use crate::support::{
    http::Api,
    server::{memory, on_disk},
    until,
};
use protocol::socket::Transport;

const OPERATORS: [&str; 6] =
    ["/metrics", "/openapi.json", "/docs", "/docs/docs.js", "/console", "/v1/console/stats"];

#[test]
fn what_operators_ask_is_on_their_address_alone() {
    let server = memory().env("DOWNLINK_ADMIN_LISTEN", "127.0.0.1:0").start();
    let said = until("it says where", || {
        server
            .printed()
            .into_iter()
            .find_map(|line| Some(line.strip_prefix("operators are served on http://")?.to_owned()))
    });
    let (mut public, mut admin) = (server.api(), Api::new(said.parse().unwrap()));
    for path in OPERATORS {
        assert_eq!(public.get(path).code(), "not_found", "{path}");
        assert_eq!(admin.get(path).status, 200, "{path}");
    }
    for api in [&mut public, &mut admin] {
        assert_eq!(api.get("/healthz").status, 200);
        assert_eq!(api.get("/v1/presence").status, 200);
    }
    // It is one node: what is sent there arrives here.
    let mut socket = server.opening(Transport::WebSocket, &admin.token("ada")).open();
    admin.send("ada", "hello");
    assert_eq!(socket.text(), "hello");
}

#[test]
fn without_it_everything_is_on_one_address() {
    let server = memory().start();
    for path in OPERATORS {
        assert_eq!(server.api().get(path).status, 200, "{path}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let server = memory().start();
    let taken = server.address.to_string();
    let (code, text) = on_disk("os").env("DOWNLINK_ADMIN_LISTEN", &taken).fail();
    assert!(code == Some(1) && text.contains(&taken) && text.contains("taken"), "{code:?}: {text}");
    let (code, text) = memory().listen("127.0.0.1:7").env("DOWNLINK_ADMIN_LISTEN", "127.0.0.1:7").fail();
    assert!(code == Some(64) && text.contains("DOWNLINK_ADMIN_LISTEN"), "{code:?}: {text}");
}
