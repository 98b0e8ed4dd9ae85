//! Several nodes on one NATS: real processes on a real nats-server.

#[allow(dead_code, reason = "each of the suites uses a part of it")]
#[path = "../../../broker/tests/support/nats_server.rs"]
pub(crate) mod nats_server;

use crate::support::{
    http::{API_KEY, Api},
    server::{Server, Setup, downlink},
    socket::{Data, Frame, STREAMS, Socket},
    token::TOKEN_KEY,
    until,
};
use nats_server::{NatsCluster, NatsServer};
use protocol::socket::Transport;
use serde_json::json;
use std::thread;

fn node(nats: &NatsServer) -> Setup {
    Setup::new("serve")
        .env("DOWNLINK_BROKER", "nats")
        .env("DOWNLINK_NATS_SERVERS", &nats.url())
        .env("DOWNLINK_NATS_MONITORS", &nats.monitor())
}

fn nodes(nats: &NatsServer) -> [Server; 2] {
    [node(nats).start(), node(nats).start()]
}

/// A node on servers that keep everything three times.
fn replicated(nats: &NatsCluster) -> Setup {
    Setup::new("serve")
        .env("DOWNLINK_BROKER", "nats")
        .env("DOWNLINK_NATS_SERVERS", &nats.urls().join(","))
        .env("DOWNLINK_NATS_MONITORS", &nats.monitors().join(","))
        .env("DOWNLINK_NATS_REPLICAS", "3")
}

/// Sends until it is taken, as an application would.
fn send_at_last(api: &mut Api, id: &str, text: &str) -> String {
    let path = format!("/v1/messages?to={id}");
    let answer = until("a send is taken", || {
        let answer = api.call("POST", &path, &[("Content-Type", "text/plain")], text.as_bytes());
        (answer.status == 201).then_some(answer)
    });
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_sent_to_one_node_arrives_at_all_and_in_one_order() {
    let nats = NatsServer::start();
    let [a, b] = nodes(&nats);
    let (mut api_a, mut api_b) = (a.api(), b.api());
    let token = api_a.token("ada");
    // One on each node, over each transport; the token of one opens at the other.
    let mut sockets: Vec<_> = STREAMS
        .iter()
        .flat_map(|transport| [&a, &b].map(|node| node.opening(*transport, &token).open()))
        .collect();
    for number in 0..50 {
        let api = if number % 2 == 0 { &mut api_a } else { &mut api_b };
        let place = api.send("ada", &number.to_string());
        for socket in &mut sockets {
            assert_eq!(socket.frame(), Frame::Message(Some(place.clone()), Data::Text(number.to_string())));
        }
    }
    let kept: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!((api_a.kept("ada"), api_b.kept("ada")), (kept.clone(), kept));
    // What nobody keeps goes to all as well.
    let now = api_b.call("POST", "/v1/messages?to=ada", &[("Downlink-TTL", "0")], b"now");
    assert_eq!(now.status, 202);
    for socket in &mut sockets {
        assert!(matches!(socket.frame(), Frame::Message(None, _)));
    }
}

#[test]
fn each_node_is_ready_by_a_canary_of_its_own() {
    let nats = NatsServer::start();
    let [a, b] = nodes(&nats);
    for api in [&mut a.api(), &mut b.api()] {
        until("its canary has come through NATS", || (api.get("/readyz").status == 200).then_some(()));
        assert_eq!(api.get("/v1/presence").json()["client_ids"], json!([]), "nobody sees it");
    }
}

#[test]
fn a_repeated_send_is_stored_once_whichever_node_takes_it() {
    let nats = NatsServer::start();
    let [a, b] = nodes(&nats);
    let (mut api_a, mut api_b) = (a.api(), b.api());
    let keyed = [("Idempotency-Key", "order-1"), ("Content-Type", "text/plain")];
    let path = "/v1/messages?to=ada";
    let first = api_a.call("POST", path, &keyed, b"one");
    let again = api_b.call("POST", path, &keyed, b"one");
    assert_eq!((first.status, first.json()["id"].clone()), (201, again.json()["id"].clone()));
    let other = api_b.call("POST", path, &keyed, b"another");
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(api_b.kept("ada"), ["one"]);
    let items = json!([{"to": ["x", "y"], "data": "all"}, {"to": "x", "data": "one"}]);
    let answer = api_a.post("/v1/messages", &items).json();
    assert_eq!((answer[0]["stored"].clone(), answer[0]["failed"].clone()), (json!(2), json!([])), "{answer}");
    assert_eq!(api_b.kept("x"), ["all", "one"]);
}

#[test]
fn a_page_goes_on_at_another_node_when_its_own_is_killed() {
    let nats = NatsServer::start();
    let [mut a, b] = nodes(&nats);
    let mut api = b.api();
    let token = api.token("ada");
    let mut socket = a.opening(Transport::WebSocket, &token).open();
    let place = api.send("ada", "one");
    assert_eq!(socket.frame(), Frame::Message(Some(place.clone()), Data::Text("one".into())));
    a.kill();
    api.send("ada", "two");
    let mut socket = b.opening(Transport::Sse, &token).after(&place).open();
    assert_eq!(socket.text(), "two");
    // And back, to the node when it is there again, which has missed that.
    let a = a.start_again();
    let mut socket = a.opening(Transport::WebSocket, &token).after(&place).open();
    assert_eq!(socket.text(), "two");
    api.send("ada", "three");
    assert_eq!(socket.text(), "three");
}

#[test]
fn while_nats_is_away_sends_are_refused_and_sockets_stay() {
    let mut nats = NatsServer::start();
    let [a, b] = nodes(&nats);
    let (mut api_a, mut api_b) = (a.api(), b.api());
    let token = api_a.token("ada");
    let mut sockets = [&a, &b].map(|node| node.opening(Transport::WebSocket, &token).open());
    api_a.send("ada", "before");
    sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), "before"));
    nats.kill();
    let refused = until("sends are refused", || {
        let answer = api_a.call("POST", "/v1/messages?to=ada", &[], b"while it is away");
        (answer.status == 503 && answer.code() == "broker_away").then_some(answer)
    });
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(api_a.get("/healthz").status, 200, "the node itself is well");
    nats.go_on();
    send_at_last(&mut api_b, "ada", "after");
    for socket in &mut sockets {
        let mut heard = socket.text();
        // A send whose outcome was not known may have been stored.
        while heard == "while it is away" {
            heard = socket.text();
        }
        assert_eq!(heard, "after", "without coming back");
    }
}

/// Connections to it stay: nothing but a message that does not come back shows it.
#[test]
fn a_nats_that_stands_still_is_seen_by_the_canary() {
    let nats = NatsServer::start();
    let node = node(&nats).start();
    let mut api = node.api();
    until("it is ready", || (api.get("/readyz").status == 200).then_some(()));
    nats.freeze();
    for what in ["sockets", "sends"] {
        let path = format!("/readyz?for={what}");
        let seen = until("it is seen", || Some(api.get(&path)).filter(|answer| answer.status == 503));
        assert_eq!(seen.json()[what]["ready"], false, "{}", seen.text());
    }
    assert_eq!(api.get("/healthz").status, 200, "the node itself is well");
    nats.thaw();
    until("it is ready again", || (api.get("/readyz").status == 200).then_some(()));
}

/// What was stored while nobody asked says nothing of now.
#[test]
fn the_first_who_asks_for_sends_is_not_told_of_what_was_stored_before() {
    let nats = NatsServer::start();
    let node = node(&nats).start();
    let mut api = node.api();
    api.send("ada", "one");
    nats.freeze();
    let answer = api.get("/readyz?for=sends");
    assert_eq!(answer.status, 503, "{}", answer.text());
    nats.thaw();
    until("it is ready", || (api.get("/readyz?for=sends").status == 200).then_some(()));
}

#[test]
fn a_node_stops_also_while_nats_is_away() {
    let mut nats = NatsServer::start();
    let mut a = node(&nats).start();
    nats.kill();
    until("it is noticed", || (a.api().get("/readyz").status == 503).then_some(()));
    a.terminate();
    assert!(a.wait().success(), "in order");
}

#[test]
fn a_deletion_ends_sockets_and_tokens_on_all_nodes() {
    let nats = NatsServer::start();
    let [a, b] = nodes(&nats);
    let (mut api_a, mut api_b) = (a.api(), b.api());
    let token = api_a.token("ada");
    let mut socket = b.opening(Transport::WebSocket, &token).open();
    api_a.send("ada", "one");
    assert_eq!(socket.text(), "one");
    assert_eq!(api_a.call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
    assert!(matches!(socket.frame(), Frame::Close { code: 4410, .. }));
    assert_eq!(b.opening(Transport::Sse, &token).refused().0, 410);
    assert_eq!(api_b.kept("ada"), Vec::<String>::new());
    let mut socket = a.opening(Transport::WebSocket, &api_b.token("ada")).open();
    api_b.send("ada", "two");
    assert_eq!(socket.text(), "two");
}

#[test]
fn a_start_that_cannot_keep_its_promise_says_why() {
    let lazy = NatsServer::with("jetstream { store_dir: \"$STORE\" }");
    let (code, said) = node(&lazy).fail();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("sync_interval: always"), "{said}");
    let (code, said) = node(&lazy).env("DOWNLINK_NATS_SERVERS", "").fail();
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("broker.servers"), "{said}");
    let (code, said) = node(&lazy).env("DOWNLINK_NATS_SERVERS", "nats://127.0.0.1:1").fail();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be reached") && said.contains("127.0.0.1:1"), "{said}");
}

#[test]
fn a_nats_server_that_is_away_is_looked_for_and_told_if_it_does_not_sync() {
    let nats = NatsServer::start();
    let mut lazy = NatsServer::with("jetstream { store_dir: \"$STORE\" }");
    lazy.kill();
    let monitors = |seen: &[String]| node(&nats).env("DOWNLINK_NATS_MONITORS", &seen.join(","));
    let (code, said) = monitors(&[nats.monitor(), lazy.monitor()]).fail();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nothing can be seen") && said.contains(&lazy.monitor()), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let said = || std::fs::read_to_string(&log).unwrap();
    let most = monitors(&[nats.monitor(), nats.monitor(), lazy.monitor()]);
    let a = most.log_to(&log).start();
    assert!(said().contains("the others cannot be seen now"), "{}", said());
    a.api().send("ada", "one");
    lazy.go_on();
    until("it is told", || said().contains("does not keep what it answers").then_some(()));
}

#[test]
fn with_three_replicas_no_server_is_missed() {
    let mut nats = NatsCluster::start();
    let [a, b] = [replicated(&nats).start(), replicated(&nats).start()];
    let (mut api_a, mut api_b) = (a.api(), b.api());
    let token = api_a.token("ada");
    // Nobody reads, so nobody would answer a WebSocket's pings, while servers come and go.
    let mut sockets = [a.opening(Transport::Sse, &token).open(), b.opening(Transport::Lines, &token).open()];
    let mut sent = vec![send_at_last(&mut api_a, "ada", "all three")];
    for index in 0..3 {
        nats.servers[index].kill();
        sent.push(send_at_last(&mut api_b, "ada", &format!("without {index}")));
        nats.servers[index].go_on();
        nats.until_well();
    }
    for socket in &mut sockets {
        let mut heard = Vec::new();
        while heard.last() != sent.last() {
            match socket.frame() {
                Frame::Message(id, _) => heard.push(id.unwrap()),
                other => panic!("no gap, no close, but {other:?} behind {heard:?} of {sent:?}"),
            }
        }
        // A try whose outcome was not known may have been stored beside the one that was answered.
        heard.retain(|id| sent.contains(id));
        assert_eq!(heard, sent);
    }
}

#[test]
fn a_node_starts_while_nats_chooses_a_leader() {
    let mut nats = NatsCluster::start();
    drop(replicated(&nats).start());
    // Whichever leads what: one after the other is gone when a node starts.
    for index in 0..3 {
        nats.servers[index].kill();
        let node = replicated(&nats).start();
        send_at_last(&mut node.api(), "ada", &format!("without {index}"));
        drop(node);
        nats.servers[index].go_on();
        nats.until_well();
    }
    let kept = replicated(&nats).start().api().kept("ada");
    assert_eq!(kept, ["without 0", "without 1", "without 2"]);
}

#[test]
fn a_node_waits_for_nats_while_most_servers_are_away() {
    let mut nats = NatsCluster::start();
    // No monitors: the operator says that they sync.
    let node = |nats: &NatsCluster| {
        replicated(nats).env("DOWNLINK_NATS_MONITORS", "").env("DOWNLINK_NATS_ASSERT_SYNCED", "true")
    };
    drop(node(&nats).start());
    nats.servers[0].kill();
    nats.servers[1].kill();
    // What is left answers nothing at first, and in the end that there is no leader, which must not end a start either.
    until("there is no leader", || {
        let mut doctor = downlink();
        doctor.arg("doctor").env("DOWNLINK_API_KEY", API_KEY).env("DOWNLINK_TOKEN_KEY", TOKEN_KEY);
        doctor.env("DOWNLINK_BROKER", "nats").env("DOWNLINK_NATS_SERVERS", nats.servers[2].url());
        let seen = doctor.output().unwrap().stdout;
        String::from_utf8(seen).unwrap().contains("unavailable").then_some(())
    });
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let starting = node(&nats).log_to(&log);
    let starting = thread::spawn(|| starting.start());
    until("it waits", || {
        std::fs::read_to_string(&log).is_ok_and(|said| said.contains("it is tried again")).then_some(())
    });
    nats.servers[0].go_on();
    let node = starting.join().unwrap();
    send_at_last(&mut node.api(), "ada", "with two");
}

/// 2.10, and what this Debian has: 2.9 in Debian 12.
#[test]
fn an_old_nats_will_do_for_development_and_is_warned_of() {
    for program in nats_server::old_programs() {
        let version = std::process::Command::new(&program).arg("--version").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        let is_old = version.contains(" v2.9.") || version.contains(" v2.10.");
        assert!(is_old || program.ends_with("nats-debian/usr/sbin/nats-server"), "{version}");
        let nats = NatsServer::of(&program);
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let a = node(&nats).env("DOWNLINK_DURABILITY", "os").log_to(&log).start();
        let b = node(&nats).env("DOWNLINK_DURABILITY", "os").start();
        let (mut api_a, mut api_b) = (a.api(), b.api());
        let token = api_a.token("ada");
        let sent: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let (before, behind) = sent.split_at(10);
        before.iter().for_each(|text| drop(api_a.send("ada", text)));
        let mut sockets = [a.opening(Transport::Sse, &token), b.opening(Transport::WebSocket, &token)]
            .map(|opening| opening.open());
        behind.iter().for_each(|text| drop(api_b.send("ada", text)));
        for socket in &mut sockets {
            assert_eq!(socket.texts(20), sent, "{version}");
        }
        assert_eq!(api_a.kept("ada"), sent, "{version}");
        let said = std::fs::read_to_string(&log).unwrap();
        assert_eq!(said.contains("too old for anything but development"), is_old, "{version}: {said}");
    }
}

/// Says a word for a socket of one node to another one: the status.
fn say(node: &Server, socket: &Socket, word: &str) -> (u16, String) {
    let path = format!("/v1/socket/{}", socket.name);
    let answer = node.api().try_call("POST", &path, &[], word.as_bytes()).unwrap();
    let code = if answer.status == 204 { String::new() } else { answer.code() };
    (answer.status, code)
}

#[test]
fn a_word_for_a_socket_is_heard_whichever_node_takes_it() {
    let nats = NatsServer::start();
    let [mut a, b] = nodes(&nats);
    let mut api = a.api();
    let heard = || (204, String::new());
    for transport in [Transport::Sse, Transport::Lines, Transport::LongPoll] {
        let token = api.token("ada");
        let mut socket = a.opening(transport, &token).open();
        let place = api.send("ada", "one");
        assert_eq!(socket.text(), "one");
        assert_eq!(say(&b, &socket, &format!(r#"{{"ack":"{place}"}}"#)), heard(), "{transport:?}");
        assert_eq!(api.get("/v1/channels/ada").json()["acked"], json!(place), "{transport:?}");
        assert_eq!(say(&b, &socket, &json!({ "token": api.token("ada") }).to_string()), heard());
        assert_eq!(say(&b, &socket, r#"{"say":"x"}"#), (400, "invalid_word".into()));
        assert_eq!(say(&b, &socket, r#"{"close":true}"#), heard(), "{transport:?}");
        if transport != Transport::LongPoll {
            assert_eq!(socket.closed().0, 1000, "{transport:?}");
        }
        let gone = until("the name is gone", || {
            Some(say(&b, &socket, r#"{"close":true}"#)).filter(|said| *said != heard())
        });
        assert_eq!(gone, (404, "no_such_socket".into()));
        assert_eq!(api.sockets("ada"), 0);
    }
    let token = api.token("ada");
    // A token of somebody else closes it, as on its own node.
    let mut socket = a.opening(Transport::Sse, &token).open();
    let foreign = json!({ "token": api.token("bob") }).to_string();
    assert_eq!(say(&b, &socket, &foreign), (401, "invalid_token".into()));
    until("it is closed", || matches!(socket.frame(), Frame::Close { code: 4401, .. }).then_some(()));
    // What is left of a node that died: nothing, and that is said at once.
    let socket = a.opening(Transport::Sse, &token).open();
    a.kill();
    let begun = std::time::Instant::now();
    let said = until("NATS has noticed", || {
        Some(say(&b, &socket, r#"{"close":true}"#)).filter(|said| said.0 != 503)
    });
    assert_eq!(said, (404, "no_such_socket".into()));
    assert!(begun.elapsed() < std::time::Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn polls_may_go_to_a_different_node_each_time() {
    let nats = NatsServer::start();
    let nodes = [node(&nats).start(), node(&nats).start(), node(&nats).start()];
    let mut apis = nodes.each_ref().map(Server::api);
    let token = apis[0].token("ada");
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Accept", "application/json")];
    let mut poll = |number: usize, query: &str| {
        let answer = apis[number % 3].try_call("GET", &format!("/v1/socket{query}"), &headers, b"").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let mut answer = poll(0, "");
    let (mut heard, mut api) = (Vec::new(), nodes[1].api());
    for number in 1..30 {
        api.send("ada", &number.to_string());
        let (socket, cursor) = (answer["socket"].as_str().unwrap(), answer["cursor"].as_str().unwrap());
        answer = poll(number, &format!("?socket={socket}&after={cursor}&wait=20"));
        assert!(answer.get("gap").is_none() && answer.get("close").is_none(), "{answer}");
        let messages = answer["messages"].as_array().unwrap();
        heard.extend(messages.iter().map(|message| message["data"].as_str().unwrap().to_owned()));
    }
    let sent: Vec<String> = (1..30).map(|number| number.to_string()).collect();
    assert_eq!(heard, sent, "each once, in order");
}
