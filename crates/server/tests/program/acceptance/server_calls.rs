//! What the application calls: items 1, 2, 4, 5, 6, 7, 8. Item 9 stands in `api::one`.

use crate::{
    dev_wire,
    support::{
        application::{Application, SECRET},
        http::{Api, Response, escape},
        server::memory,
        socket::{ALL, Data, Frame},
        until,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use protocol::socket::Transport;
use serde_json::{Value, json};

/// A send in each of its forms; the path's is left out where a path cannot carry the id.
fn send_in_every_form(api: &mut Api, id: &str, text: &str) -> Vec<Response> {
    let mut paths = vec![format!("/v1/messages?to={}", escape(id))];
    if !matches!(id, "." | "..") {
        paths.push(format!("/v1/channels/{}/messages", escape(id)));
    }
    paths.iter().map(|path| api.call("POST", path, &[], text.as_bytes())).collect()
}

#[test]
fn item_1_each_call_gives_another_token_and_all_connect() {
    let server = memory().start();
    let mut api = server.api();
    let tokens: Vec<String> = (0..20).map(|_| api.token("a")).collect();
    for (index, token) in tokens.iter().enumerate() {
        assert!(!token.is_empty());
        assert!(!tokens[..index].contains(token), "the {index}th is not new");
    }
    for transport in ALL {
        let mut sockets: Vec<_> =
            tokens.iter().map(|token| server.opening(transport, token).open()).collect();
        let text = format!("for {transport:?}");
        api.send("a", &text);
        for socket in &mut sockets {
            while socket.text() != text {}
        }
    }
}

#[test]
fn item_2_a_client_id_has_up_to_256_bytes() {
    let server = memory().start();
    let mut api = server.api();
    for id in ["x".repeat(256), "é".repeat(128), "😀".repeat(64)] {
        let token = api.token(&id);
        assert!(send_in_every_form(&mut api, &id, "hello").iter().all(|answer| answer.status == 201));
        assert_eq!(server.opening(Transport::WebSocket, &token).open().texts(2), ["hello", "hello"]);
        assert_eq!(dev_wire::poll(&server, &token).as_deref(), Some("hello"));
    }
    for id in ["x".repeat(257), "é".repeat(129), format!("x{}", "😀".repeat(64))] {
        let mut answers = send_in_every_form(&mut api, &id, "hello");
        answers.push(api.post("/v1/channels", &json!({"client_id": id})));
        answers.push(api.get(&format!("/v1/channels?client_id={}", escape(&id))));
        for answer in answers {
            assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_client_id"));
        }
        let answer = api.post("/v1/messages", &json!([{"to": id, "data": "hello"}])).json();
        assert_eq!(answer[0]["code"], "invalid_client_id");
    }
}

#[test]
fn item_4_difficult_client_ids_come_back_as_they_are() {
    let app = Application::start();
    let server =
        memory().env("DOWNLINK_PRESENCE_URL", &app.url()).env("DOWNLINK_PRESENCE_SECRET", SECRET).start();
    let mut api = server.api();
    let ids = [
        "a/b",
        "-",
        "a-b-c",
        "me@example.com",
        "~",
        "a:b",
        "50%",
        "%41",
        "a&b=c",
        "1+1",
        "two words",
        " ",
        "Ada",
        "ADA",
        "ada",
        "ünïcödé",
        "Ü",
        "日本",
        "😀",
        ".",
        "..",
        "?x#y",
        "\"'<b>\\",
        "a;b,c",
        "a\tb",
        "a\nb",
        "\u{1}",
        "\u{2028}",
    ];
    for id in ids {
        let token = api.token(id);
        for answer in send_in_every_form(&mut api, id, id) {
            assert_eq!(answer.status, 201, "{id:?}: {}", answer.text());
            assert_eq!(dev_wire::poll(&server, &token).as_deref(), Some(id), "{id:?}: the development wire");
        }
        let mut socket = server.opening(Transport::WebSocket, &token).open();
        assert_eq!(socket.text(), id);
        app.hears(id, &[true]);
        let look = api.get(&format!("/v1/channels?client_id={}", escape(id))).json();
        assert_eq!((&look["client_id"], &look["connected"]), (&json!(id), &json!(true)));
        dev_wire::ask(&server, "GET", &format!("command=disconnect&channel={token}"));
        socket.say(r#"{"close":true}"#);
        app.hears(id, &[true, false]);
    }
    until("nobody is there", || (api.get("/v1/presence").json()["client_ids"] == json!([])).then_some(()));
}

#[test]
fn item_5_a_token_lives_one_minute_to_a_day_and_two_hours_if_nothing_is_said() {
    let server = memory().start();
    let mut api = server.api();
    for (duration, minutes) in [
        (json!(1), 1),
        (json!(1440), 1440),
        (json!(120.0), 120),
        (json!(null), 120),
        (Value::Bool(false), 120),
    ] {
        let body = match &duration {
            Value::Bool(_) => json!({"client_id": "a"}),
            _ => json!({"client_id": "a", "duration_minutes": duration}),
        };
        let answer = api.post("/v1/channels", &body);
        assert_eq!(answer.status, 201, "{duration}: {}", answer.text());
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        // Both are whole seconds; not one less than was asked for.
        assert!((minutes * 60..=minutes * 60 + 1).contains(&life), "{duration}: {life} s");
        drop(server.opening(Transport::Sse, &token).open());
    }
    for wrong in ["0", "-1", "1441", "1.5", "\"60\"", "\"\"", "true", "[1]", "1.5e0"] {
        let body = format!(r#"{{"client_id":"a","duration_minutes":{wrong}}}"#);
        let answer = api.call("POST", "/v1/channels", &[], body.as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_duration"), "{wrong}");
    }
}

#[test]
fn item_6_a_message_has_its_limit_in_bytes_and_arrives_unchanged() {
    // The limit of the old API; Downlink's own is one byte more.
    for limit in [32_767, 32_768] {
        let server = memory().env("DOWNLINK_MESSAGE_BYTES", &limit.to_string()).start();
        let mut api = server.api();
        let token = api.token("a");
        let texts = [
            "x".repeat(limit),
            format!("{}{}", "é".repeat(limit / 2), "x".repeat(limit % 2)),
            "\u{1}".repeat(limit),
        ];
        for text in &texts {
            assert_eq!(text.len(), limit);
            api.send("a", text);
        }
        for transport in ALL {
            assert_eq!(server.opening(transport, &token).open().texts(3), texts, "{transport:?}");
        }
        for text in &texts {
            assert_eq!(dev_wire::poll(&server, &token).as_ref(), Some(text));
        }
        for long in ["x".repeat(limit + 1), "é".repeat(limit / 2 + 1)] {
            for answer in send_in_every_form(&mut api, "a", &long) {
                assert_eq!((answer.status, answer.code().as_str()), (413, "message_too_large"));
            }
            let answer = api.post("/v1/messages", &json!([{"to": "a", "data": long}])).json();
            assert_eq!(answer[0]["code"], "message_too_large");
        }
        assert_eq!(api.kept("a").len(), 3);
    }
}

#[test]
fn item_7_an_empty_message_is_refused_and_reaches_nobody() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("a");
    let mut sockets: Vec<_> = ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    for answer in send_in_every_form(&mut api, "a", "") {
        assert_eq!((answer.status, answer.code().as_str()), (400, "empty_message"));
    }
    for kind in ["application/octet-stream", "text/plain"] {
        for ttl in ["0", "60"] {
            let headers = [("Content-Type", kind), ("Downlink-TTL", ttl)];
            let answer = api.call("POST", "/v1/channels/a/messages", &headers, b"");
            assert_eq!((answer.status, answer.code().as_str()), (400, "empty_message"));
        }
    }
    let answers =
        api.post("/v1/messages", &json!([{"to": "a", "data": ""}, {"to": "a", "base64": ""}])).json();
    assert_eq!(
        (&answers[0]["code"], &answers[1]["code"]),
        (&json!("empty_message"), &json!("empty_message"))
    );
    let place = api.send("a", "something");
    for socket in &mut sockets {
        let expected = Frame::Message(Some(place.clone()), Data::Text("something".into()));
        assert_eq!(socket.frame(), expected, "{:?}: nothing came before it", socket.transport);
    }
    assert_eq!(dev_wire::poll(&server, &token).as_deref(), Some("something"));
}

#[test]
fn item_8_a_send_to_nobody_succeeds_and_a_later_token_does_not_bring_it() {
    let server = memory().start();
    let mut api = server.api();
    let earlier = api.token("a");
    let answer = api.call("POST", "/v1/channels/a/messages", &[], b"to nobody");
    assert_eq!((answer.status, answer.json()["sockets"].as_u64()), (201, Some(0)));
    let later = api.token("a");
    api.send("a", "to all");
    for transport in ALL {
        assert_eq!(
            server.opening(transport, &earlier).open().texts(2),
            ["to nobody", "to all"],
            "{transport:?}"
        );
        assert_eq!(server.opening(transport, &later).open().text(), "to all", "{transport:?}");
    }
    assert_eq!(dev_wire::poll(&server, &earlier).as_deref(), Some("to nobody"));
    assert_eq!(dev_wire::poll(&server, &later).as_deref(), Some("to all"));
}
