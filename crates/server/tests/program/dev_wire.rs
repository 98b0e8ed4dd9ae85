//! The wire of the old development server, told as HTTP requests: channel-api.md, 3.1 and items 42 to 48.

mod channel_test;
mod tabs;
mod texts;

use crate::support::{
    application::{Application, SECRET},
    http::{API_KEY, Response, read_response, request},
    server::{Server, memory, on_disk},
    token::{TOKEN_KEY, claims, now, sign},
    wire::Wire,
};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

/// One request; tokens are not escaped, as the old client does not.
#[track_caller]
pub(crate) fn ask(server: &Server, method: &str, query: &str) -> (String, Response) {
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request(method, &format!("/_ah/channel/dev?{query}"), &[], b"")).unwrap();
    let line = String::from_utf8(wire.up_to(b"\r\n").unwrap().unwrap()).unwrap().trim_end().to_owned();
    // The rest reads like a response of its own.
    let mut rest = b"HTTP/1.1 ".to_vec();
    rest.extend_from_slice(line.strip_prefix("HTTP/1.1 ").unwrap().as_bytes());
    let mut head = Vec::new();
    while let Some(more) = wire.up_to(b"\r\n").unwrap().filter(|more| more != b"\r\n" && !more.is_empty()) {
        head.push(String::from_utf8(more).unwrap().trim_end().to_lowercase());
    }
    let of =
        |name: &str| head.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    assert_eq!(of("cache-control").as_deref(), Some("no-cache"), "{query}");
    let length = of("content-length").map_or(0, |text| text.parse().unwrap());
    let headers = head.iter().filter_map(|line| line.split_once(": ")).map(|(a, b)| (a.into(), b.into()));
    let status = line[9..12].parse().unwrap();
    let body = if method == "HEAD" { Vec::new() } else { wire.exactly(length).unwrap() };
    (line, Response { status, headers: headers.collect(), body })
}

/// A poll that must be answered with 200; what it brought.
#[track_caller]
pub(crate) fn poll(server: &Server, token: &str) -> Option<String> {
    let (line, answer) = ask(server, "GET", &format!("command=poll&channel={token}&client=1"));
    assert_eq!(line, "HTTP/1.1 200 OK");
    let kind = answer.header("content-type");
    assert_eq!(kind, (!answer.body.is_empty()).then_some("application/json"));
    (!answer.body.is_empty()).then(|| answer.text())
}

#[test]
fn item_42_connect_and_poll() {
    let server = memory().start();
    let token = server.api().token("ada");
    let (line, answer) = ask(&server, "GET", &format!("command=connect&channel={token}"));
    assert_eq!((line.as_str(), answer.text().as_str()), ("HTTP/1.1 200 OK", "1"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(poll(&server, &token), None);
    for text in ["one", "{\"two\": \"<3>\"}", "  ", "l1\nl2\r\n", "ünï 😀"] {
        server.api().send("ada", text);
    }
    for text in ["one", "{\"two\": \"<3>\"}", "  ", "l1\nl2\r\n", "ünï 😀"] {
        assert_eq!(poll(&server, &token).as_deref(), Some(text), "one a poll, oldest first, as it was sent");
    }
    assert_eq!(poll(&server, &token), None);
}

#[test]
fn item_43_a_poll_connects_and_brings_what_waits() {
    let app = Application::start();
    let server = telling(&app);
    let token = server.api().token("ada");
    server.api().send("ada", "sent before");
    assert_eq!(poll(&server, &token).as_deref(), Some("sent before"));
    app.hears("ada", &[true]);
}

fn telling(app: &Application) -> Server {
    memory()
        .env("DOWNLINK_PRESENCE_URL", &app.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "30")
        .start()
}

#[test]
fn item_44_refused_tokens_are_told_in_the_status_line() {
    let server = memory().start();
    let good = server.api().token("ada");
    let mut old = claims("ada");
    (old["iat"], old["exp"]) = (json!(now() - 100), json!(now() - 1));
    let forged = sign(&claims("ada"), "another-secret-of-more-than-thirty-two-bytes");
    for command in ["connect", "poll", "disconnect"] {
        for (token, expected) in [
            (sign(&old, TOKEN_KEY), "HTTP/1.1 401 Token+timed+out."),
            (forged.clone(), "HTTP/1.1 401 Invalid+token."),
            ("nonsense".into(), "HTTP/1.1 401 Invalid+token."),
            (format!("{good}x"), "HTTP/1.1 401 Invalid+token."),
        ] {
            let (line, answer) = ask(&server, "GET", &format!("command={command}&channel={token}"));
            assert_eq!((line.as_str(), answer.body.len()), (expected, 0), "{command}");
        }
    }
    assert_eq!(server.api().call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
    let (line, _) = ask(&server, "GET", &format!("command=poll&channel={good}"));
    assert_eq!(line, "HTTP/1.1 401 Invalid+token.", "it is from before the deletion");
}

#[test]
fn item_45_item_47_what_is_missing_or_unknown() {
    let server = memory().start();
    let token = server.api().token("ada");
    for query in [
        String::new(),
        "command=connect".into(),
        "command=poll&channel=".into(),
        format!("channel={token}"),
        format!("command=&channel={token}"),
        format!("command=nonsense&channel={token}"),
        format!("command=Connect&channel={token}"),
    ] {
        let (line, answer) = ask(&server, "GET", &query);
        assert_eq!((line.as_str(), answer.body.len()), ("HTTP/1.1 400 Bad Request", 0), "{query}");
    }
    for client in ["", "&client=", "&client=2", "&client=nonsense&x=y"] {
        let (line, _) = ask(&server, "GET", &format!("command=connect&channel={token}{client}"));
        assert_eq!(line, "HTTP/1.1 200 OK", "{client}");
    }
}

#[test]
fn item_46_disconnect_ends_presence_at_once_by_any_method() {
    let app = Application::start();
    let server = telling(&app);
    for method in ["GET", "POST", "HEAD"] {
        let token = server.api().token(method);
        assert_eq!(poll(&server, &token), None);
        app.hears(method, &[true]);
        let (line, answer) = ask(&server, method, &format!("command=disconnect&channel={token}"));
        assert_eq!((line.as_str(), answer.body.len()), ("HTTP/1.1 200 OK", 0));
        // Sooner than silence would have ended it.
        app.hears_within(Duration::from_secs(4), method, &[true, false]);
        let (line, _) = ask(&server, "GET", &format!("command=disconnect&channel={token}"));
        assert_eq!(line, "HTTP/1.1 200 OK", "also when nobody is there");
    }
}

/// The timers of a page go on between its farewell and its end.
#[test]
fn item_46_polls_right_behind_a_farewell_do_not_come_back() {
    let app = Application::start();
    let server = telling(&app);
    let [goes, stays, again] = ["goes", "stays", "again"].map(|id| server.api().token(id));
    for (id, token) in [("goes", &goes), ("stays", &stays), ("again", &again)] {
        ask(&server, "GET", &format!("command=connect&channel={token}"));
        app.hears(id, &[true]);
        ask(&server, "GET", &format!("command=disconnect&channel={token}"));
        let left = Instant::now();
        app.hears_within(Duration::from_secs(4), id, &[true, false]);
        server.api().send(id, "later");
        assert_eq!(poll(&server, token), None);
        assert!(left.elapsed() < Duration::from_secs(5), "too slow to tell");
    }
    ask(&server, "GET", &format!("command=connect&channel={again}"));
    assert_eq!(poll(&server, &again).as_deref(), Some("later"), "who connects is there at once");
    app.hears("again", &[true, false, true]);
    // It was asked whether it really wants to go, and stayed.
    let mut message = None;
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(500));
        message = message.or(poll(&server, &stays));
    }
    assert_eq!(message.as_deref(), Some("later"), "nothing is lost");
    assert_eq!(app.told("stays"), [true, false, true]);
    assert_eq!(app.told("goes"), [true, false]);
}

#[test]
fn item_48_who_polls_stays_and_who_is_silent_has_left() {
    let app = Application::start();
    let server = telling(&app);
    let (polls, silent) = (server.api().token("polls"), server.api().token("silent"));
    assert_eq!(poll(&server, &silent), None);
    let start = Instant::now();
    for _ in 0..24 {
        assert_eq!(poll(&server, &polls), None);
        thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(app.told("silent"), [true, false], "after five seconds, without a further grace");
    let silence = app.last_at("silent") - start;
    assert!(silence > Duration::from_secs(5) && silence < Duration::from_secs(9), "{silence:?}");
    assert_eq!(app.told("polls"), [true]);
}

#[test]
fn a_token_has_one_place_and_two_tokens_have_two() {
    let server = memory().start();
    let [first, second] = [(); 2].map(|()| server.api().token("ada"));
    for number in 0..6 {
        server.api().send("ada", &number.to_string());
    }
    for number in 0..3 {
        assert_eq!(poll(&server, &first), Some(number.to_string()));
    }
    ask(&server, "GET", &format!("command=disconnect&channel={first}"));
    ask(&server, "GET", &format!("command=connect&channel={first}"));
    for number in 3..6 {
        assert_eq!(poll(&server, &first), Some(number.to_string()), "connecting again rewinds nothing");
    }
    for number in 0..6 {
        assert_eq!(poll(&server, &second), Some(number.to_string()));
    }
}

#[test]
fn a_place_outlives_a_kill() {
    for durability in ["fsync", "os"] {
        let mut server = on_disk(durability).start();
        let token = server.api().token("ada");
        for number in 0..12 {
            server.api().send("ada", &number.to_string());
        }
        for number in 0..12 {
            assert_eq!(poll(&server, &token), Some(number.to_string()), "{durability}");
            if number % 3 == 0 {
                server = server.restart();
            }
        }
        assert_eq!(poll(&server, &token), None);
    }
}

#[test]
fn bytes_and_what_nobody_keeps() {
    let server = memory().start();
    let token = server.api().token("ada");
    assert_eq!(poll(&server, &token), None);
    let key = format!("Bearer {API_KEY}");
    let send = |headers: &[(&str, &str)], body: &[u8]| {
        let headers: Vec<_> = [("Authorization", key.as_str())].iter().chain(headers).copied().collect();
        server.api().try_call("POST", "/v1/channels/ada/messages", &headers, body).unwrap().status
    };
    assert_eq!(send(&[("Downlink-TTL", "0")], b"for who is there"), 202);
    assert_eq!(poll(&server, &token).as_deref(), Some("for who is there"));
    assert_eq!(send(&[("Content-Type", "application/octet-stream")], &[0, 255]), 201);
    let (_, answer) = ask(&server, "GET", &format!("command=poll&channel={token}"));
    assert_eq!(answer.body, [0, 255]);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    let mut wire = Wire::connect(server.address).unwrap();
    wire.send(&request("GET", "/_ah/channel/receive", &[], b"")).unwrap();
    assert_eq!(read_response(&mut wire).unwrap().status, 404, "no application is known");
}
