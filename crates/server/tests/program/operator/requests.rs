//! A request has a name: in its answer, in its problem, and on the way of its message to the sockets.

use crate::http2::CARRIED;
use crate::support::{
    front::Front,
    http::{Response, read_head, read_response, request},
    opening::Opening,
    server::{Server, memory, on_disk},
    socket::{ALL, STREAMS},
    tls::Authority,
    until,
    wire::Wire,
};
use serde_json::Value;
use std::fs;

fn named(server: &Server, method: &str, path: &str, name: &str, body: &[u8]) -> Response {
    server.api().call(method, path, &[("X-Request-Id", name)], body)
}

/// The name in an answer.
fn name(answer: &Response) -> Option<&str> {
    answer.header("x-request-id")
}

#[test]
fn a_name_that_is_given_is_answered() {
    let server = memory().start();
    let sends: [(&str, &str, &[u8]); 5] = [
        ("POST", "/v1/channels/ada/messages", b"in the lane"),
        ("POST", "/v1/messages?to=ada", b"by the general server"),
        ("POST", "/v1/messages", br#"[{"to":"ada","data":"one of many"}]"#),
        ("GET", "/v1/channels/ada", b""),
        ("GET", "/healthz", b""),
    ];
    for (method, path, body) in sends {
        let answer = named(&server, method, path, "order-4711:a_b.c", body);
        assert!(answer.status < 300, "{path}: {}", answer.text());
        assert_eq!(name(&answer), Some("order-4711:a_b.c"), "{path}");
    }
}

/// Opens it, once named and once not, and looks at the head of its answer.
#[track_caller]
fn is_named(opening: &Opening) {
    let socket = opening.clone().header("X-Request-Id", "open-1").open();
    assert_eq!(name(&socket.head), Some("open-1"), "{:?}", socket.transport);
    let names = [(); 2].map(|()| name(&opening.clone().open().head).unwrap().to_owned());
    assert!(names[0].len() == 16 && names[0] != names[1], "{names:?}");
}

#[test]
fn the_answer_that_becomes_a_socket_has_its_requests_name() {
    let server = memory().start();
    let token = server.api().token("ada");
    ALL.iter().for_each(|transport| is_named(&server.opening(*transport, &token)));
    // A WebSocket that is refused is answered as one that is not, and told afterwards.
    let mut wire = Wire::connect(server.address).unwrap();
    let refused = server.opening(ALL[0], "no.good.token").header("X-Request-Id", "refused-1");
    wire.send(&refused.bytes()).unwrap();
    let head = read_head(&mut wire).unwrap();
    assert_eq!((head.status, name(&head)), (101, Some("refused-1")));
}

#[test]
fn over_http_2_requests_and_sockets_have_names_as_elsewhere() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let token = api.token("ada");
    CARRIED.iter().for_each(|transport| is_named(&front.opening(*transport, &token)));
    let path = "/v1/channels/ada/messages";
    let sent = api.call("POST", path, &[("X-Request-Id", "order-1")], b"hello");
    assert_eq!((sent.status, name(&sent)), (201, Some("order-1")));
    let refused = api.call("POST", path, &[("X-Request-Id", "order-2")], b"");
    assert_eq!((refused.status, name(&refused)), (400, Some("order-2")));
    assert_eq!(refused.json()["request_id"], "order-2");
    let refused = api.get("/v1/nothing");
    assert_eq!(refused.json()["request_id"].as_str(), name(&refused));
    assert_eq!(front.connections(), 1, "all of this went over one connection");
}

#[test]
fn a_refusal_has_a_name_in_its_problem_whether_one_was_given_or_not() {
    let server = memory().start();
    let mut api = server.api();
    let key = [("Idempotency-Key", "k")];
    assert_eq!(api.call("POST", "/v1/channels/ada/messages", &key, b"one").status, 201);
    let refused = [
        // In the lane.
        api.call("POST", "/v1/channels/ada/messages", &key, b"other"),
        // By the general server, the router, and what looks at requests first.
        api.call("POST", "/v1/channels/ada/messages", &[], b""),
        api.get("/v1/nothing"),
        api.get("/v1/presence?limit=x"),
        api.try_call("GET", "/v1/presence", &[], b"").unwrap(),
        api.try_call("GET", "/v1/presence", &[("Host", "two")], b"").unwrap(),
    ];
    let mut names = Vec::new();
    for answer in &refused {
        let made = name(answer).unwrap();
        assert_eq!((made.len(), answer.json()["request_id"].as_str()), (16, Some(made)), "{}", answer.text());
        // It is a whole document all the same.
        assert!(answer.status >= 400 && !answer.code().is_empty());
        names.push(made.to_owned());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), refused.len(), "each has its own");
    let answer = named(&server, "GET", "/v1/nothing", "mine", b"");
    assert_eq!(answer.json()["request_id"], "mine");
}

#[test]
fn a_name_that_could_do_harm_is_not_repeated() {
    // A log of its own, which says little: where all is logged, every send has a name.
    let folder = tempfile::tempdir().unwrap();
    let server = memory().log_to(&folder.path().join("log")).start();
    let long = "x".repeat(65);
    for wrong in ["", "a b", "<script>", "a\"b", "{}", "a;b", long.as_str()] {
        for path in ["/v1/channels/ada/messages", "/v1/messages?to=ada"] {
            let answer = named(&server, "POST", path, wrong, b"hello");
            assert_eq!(answer.status, 201, "{wrong:?}");
            assert_ne!(name(&answer), Some(wrong));
        }
    }
    // Nobody asked for it, and nobody looks: a plain send does without.
    let answer = server.api().call("POST", "/v1/channels/ada/messages", &[], b"hello");
    assert_eq!(name(&answer), None);
    // Two names are none.
    let two = [("X-Request-Id", "a"), ("X-Request-Id", "b"), ("Connection", "close")];
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request("GET", "/healthz", &two, b"")).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 200);
}

#[test]
fn a_message_can_be_followed_from_its_request_to_every_socket() {
    for durability in ["fsync", "os"] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let server = on_disk(durability)
            .env("DOWNLINK_LOG", "warn,downlink::follow=debug")
            .env("DOWNLINK_LOG_FORMAT", "json")
            .log_to(&log)
            .start();
        let token = server.api().token("ada");
        let mut sockets: Vec<_> =
            STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
        let answer = named(&server, "POST", "/v1/channels/ada/messages", "follow-me", b"a secret text");
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let offset: u64 = id.split_once('.').unwrap().1.parse().unwrap();
        sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), "a secret text"));
        let lines = until("all stations are in the log", || {
            let text = fs::read_to_string(&log).unwrap();
            let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let mine: Vec<Value> = lines.into_iter().filter(|line| line["request"] == "follow-me").collect();
            (mine.len() >= 2 + STREAMS.len()).then_some(mine)
        });
        assert!(lines.iter().all(|line| line["offset"] == offset), "{lines:?}");
        let count = |what: &str| lines.iter().filter(|line| line["message"] == what).count();
        assert_eq!((count("announced"), count("stored")), (1, 1), "{lines:?}");
        assert_eq!(count("written to a socket"), STREAMS.len(), "{lines:?}");
        for transport in STREAMS {
            assert!(lines.iter().any(|line| line["transport"] == transport.as_str()), "{lines:?}");
        }
        // What is logged on behalf of any other request has its name around it.
        named(&server, "POST", "/v1/messages?to=ada", "around-it", b"another");
        let line = until("it is in the log", || {
            let text = fs::read_to_string(&log).unwrap();
            let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["message"] == "stored" && line["span"]["name"] == "request")
        });
        assert_eq!(line["span"]["id"], "around-it", "{line}");
        assert!(!fs::read_to_string(&log).unwrap().contains("a secret text"));
        // One that brought no name has one now, since somebody looks.
        let answer = server.api().call("POST", "/v1/channels/ada/messages", &[], b"no name");
        assert!(name(&answer).is_some());
        drop(sockets);
    }
}
