//! Looking: at a channel, at what is kept of it, at who is there, at the server itself.

use crate::support::{
    http::escape,
    server::{Setup, memory},
    socket::ALL,
    until,
};
use protocol::socket::Transport;
use serde_json::json;

#[test]
fn a_channel_shows_its_sockets_and_what_they_acknowledged() {
    let server = memory().start();
    let mut api = server.api();
    let nobody = api.get("/v1/channels/ada").json();
    assert_eq!(
        (&nobody["connected"], &nobody["since"], &nobody["acked"]),
        (&json!(false), &json!(null), &json!(null))
    );
    assert_eq!(nobody["sockets"], json!([]));
    let token = api.token("ada");
    let mut sockets: Vec<_> = ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    let places = [api.send("ada", "one"), api.send("ada", "two")];
    for socket in &mut sockets {
        assert_eq!(socket.texts(2), ["one", "two"]);
    }
    sockets[0].say(&format!(r#"{{"ack":"{}"}}"#, places[0]));
    let path = format!("/v1/socket/{}", sockets[1].name);
    let ack = format!(r#"{{"ack":"{}"}}"#, places[1]);
    assert_eq!(server.api().try_call("POST", &path, &[], ack.as_bytes()).unwrap().status, 204);
    let look = until("both acknowledgements are there", || {
        let look = api.get("/v1/channels?client_id=ada").json();
        let acked =
            look["sockets"].as_array().unwrap().iter().filter(|socket| socket["acked"].is_string()).count();
        (acked == 2).then_some(look)
    });
    assert_eq!((&look["connected"], &look["acked"]), (&json!(true), &json!(places[1])), "{look}");
    let mut transports: Vec<&str> = look["sockets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|socket| socket["transport"].as_str().unwrap())
        .collect();
    transports.sort_unstable();
    assert_eq!(transports, ["lines", "long_poll", "sse", "websocket"]);
    assert_eq!(look["lag"], 0, "{look}");
    assert!(!look.to_string().contains(&sockets[1].name), "a socket's name is its client's secret");
    drop(sockets);
    until("all but the poll, which may come again, have left", || (api.sockets("ada") == 1).then_some(()));
}

#[test]
fn what_is_kept_comes_in_pages() {
    let server = memory().start();
    let mut api = server.api();
    let texts: Vec<String> = (0..300).map(|number| format!("message {number}")).collect();
    let items: Vec<_> = texts.iter().map(|text| json!({"to": "ada", "data": text})).collect();
    let ids = api.post("/v1/messages", &json!(items)).json();
    let page = api.get("/v1/channels/ada/messages").json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 256);
    assert_eq!((&page["gap"], &page["messages"][0]["id"]), (&json!(null), &ids[0]["id"]));
    assert!(page["messages"][0]["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(api.kept("ada"), texts);
    let after = ids[297]["id"].as_str().unwrap();
    let page = api.get(&format!("/v1/channels/ada/messages?after={after}")).json();
    assert_eq!((page["messages"].as_array().unwrap().len(), &page["next"]), (2, &json!(null)));
    let page = api.get("/v1/channels/ada/messages?limit=2").json();
    assert_eq!((page["messages"].as_array().unwrap().len(), &page["next"]), (2, &ids[1]["id"]));
    // A page has at most a megabyte of data.
    let big = "x".repeat(32_768);
    (0..40).for_each(|_| drop(api.send("big", &big)));
    let page = api.get("/v1/channels/big/messages").json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 32);
    assert_eq!(api.kept("big").len(), 40);
}

#[test]
fn who_is_present_comes_in_pages_of_their_order() {
    let server = memory().start();
    let mut api = server.api();
    assert_eq!(api.get("/v1/presence").json(), json!({"client_ids": [], "next": null}));
    let ids = ["a", "b/c", "d e", "é", "😀"];
    let sockets: Vec<_> =
        ids.iter().map(|id| server.opening(Transport::Lines, &api.token(id)).open()).collect();
    assert_eq!(api.get("/v1/presence").json()["client_ids"], json!(ids));
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = api
            .get(&format!(
                "/v1/presence?limit=2{}",
                if after.is_empty() { String::new() } else { format!("&after={}", escape(&after)) }
            ))
            .json();
        seen.extend(page["client_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    drop(sockets);
    until("nobody is there", || (api.get("/v1/presence").json()["client_ids"] == json!([])).then_some(()));
}

#[test]
fn health_and_metrics_need_no_key_and_name_no_client() {
    let server = memory().start();
    let mut api = server.api();
    let mut socket = server.opening(Transport::WebSocket, &api.token("ada-the-secret-client")).open();
    api.send("ada-the-secret-client", "hello");
    assert_eq!(socket.text(), "hello");
    let health = api.try_call("GET", "/healthz", &[], b"").unwrap();
    assert_eq!((health.status, health.json()), (200, json!({"status": "ok"})));
    let metrics = api.try_call("GET", "/metrics", &[], b"").unwrap();
    assert_eq!(metrics.status, 200);
    let text = metrics.text();
    for line in [
        "downlink_sockets_open{transport=\"websocket\"} 1",
        "downlink_messages_total{result=\"stored\"} 1",
        "downlink_deliveries_total 1",
        "downlink_tokens_made_total 1",
        "downlink_broker_healthy 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("ada-the-secret-client"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_later_versions_bring_is_not_there_yet() {
    for setup in [memory(), Setup::new("dev").env("DOWNLINK_DURABILITY", "memory")] {
        let server = setup.start();
        let mut api = server.api();
        assert_eq!(api.get("/_ah/channel/receive").status, 404);
        for path in ["/_ah/channel/jsapi", "/channel.js", "/downlink.mjs"] {
            let script = api.try_call("GET", path, &[], b"").unwrap();
            assert_eq!(script.status, 200, "{path}");
            assert!(script.header("content-type").unwrap().starts_with("text/javascript"), "{path}");
        }
        let kind = api.get("/_ah/channel/jsapi").text();
        assert!(kind.contains("goog") && kind.contains("appengine"));
    }
}
