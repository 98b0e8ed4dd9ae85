//! Pages of other origins: who may open sockets, and what a browser asks beforehand.

use crate::support::{
    server::memory,
    socket::{ALL, STREAMS},
};
use protocol::socket::Transport;

const PAGE: &str = "https://page.example";

#[test]
fn any_origin_may_open_sockets_without_credentials() {
    let server = memory().start();
    let token = server.api().token("ada");
    for transport in ALL {
        let socket = server.opening(transport, &token).header("Origin", PAGE).open();
        if transport != Transport::WebSocket {
            assert_eq!(socket.head.header("access-control-allow-origin"), Some("*"), "{transport:?}");
        }
        assert_eq!(socket.head.header("access-control-allow-credentials"), None);
        assert_eq!(socket.head.header("set-cookie"), None);
        // A page must see why it was refused.
        if let Err(refusal) = server.opening(transport, "nonsense").header("Origin", PAGE).try_open().unwrap()
        {
            assert_eq!(refusal.header("access-control-allow-origin"), Some("*"), "{transport:?}");
        }
    }
}

#[test]
fn streams_are_neither_kept_nor_buffered() {
    let server = memory().start();
    let token = server.api().token("ada");
    for (transport, kind) in
        STREAMS.into_iter().zip(["", "text/event-stream; charset=utf-8", "application/x-ndjson"])
    {
        if transport != Transport::WebSocket {
            let head = server.opening(transport, &token).open().head;
            assert_eq!(head.header("content-type"), Some(kind));
            assert_eq!(head.header("cache-control"), Some("no-store"));
            assert_eq!(head.header("x-accel-buffering"), Some("no"));
        }
    }
    let head = server.opening(Transport::LongPoll, &token).open().head;
    assert_eq!(
        (head.header("content-type"), head.header("cache-control")),
        (Some("application/json"), Some("no-store"))
    );
}

#[test]
fn preflights_are_answered() {
    let server = memory().start();
    let mut api = server.api();
    for path in ["/v1/socket", "/_ah/channel/socket", "/v1/socket/some-name"] {
        let headers = [
            ("Origin", PAGE),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "authorization, last-event-id"),
        ];
        let answer = api.try_call("OPTIONS", path, &headers, b"").unwrap();
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("GET") && methods.contains("POST"), "{methods}");
        let allowed = answer.header("access-control-allow-headers").unwrap().to_lowercase();
        for name in ["authorization", "content-type", "last-event-id"] {
            assert!(allowed.contains(name), "{allowed}");
        }
    }
}

#[test]
fn an_operator_may_name_the_origins() {
    let server = memory().env("DOWNLINK_ALLOWED_ORIGINS", &format!("{PAGE},https://other.example")).start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in ALL {
        for stranger in
            ["https://stranger.example", "null", "https://page.example.evil", "http://page.example"]
        {
            let (code, words) = server.opening(transport, &token).header("Origin", stranger).refused();
            let forbidden = (403, "forbidden_origin");
            let expected = if transport == Transport::WebSocket { (4403, words.as_str()) } else { forbidden };
            assert_eq!((code, words.as_str()), expected, "{transport:?}, {stranger}");
        }
        for origin in [PAGE, "https://other.example"] {
            let socket = server.opening(transport, &token).header("Origin", origin).open();
            if transport != Transport::WebSocket {
                assert_eq!(socket.head.header("access-control-allow-origin"), Some(origin));
                assert_eq!(socket.head.header("vary"), Some("Origin"));
            }
        }
        drop(server.opening(transport, &token).open());
    }
    let answer =
        api.try_call("OPTIONS", "/v1/socket", &[("Origin", "https://stranger.example")], b"").unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let socket = server.opening(Transport::Sse, &token).open();
    let path = format!("/v1/socket/{}", socket.name);
    let say = |api: &mut crate::support::http::Api, origin: &str| {
        api.try_call("POST", &path, &[("Origin", origin)], br#"{"close":true}"#).unwrap().status
    };
    assert_eq!(say(&mut api, "https://stranger.example"), 403);
    assert_eq!(say(&mut api, PAGE), 204);
}
