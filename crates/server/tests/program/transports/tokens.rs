//! Tokens: where they travel, which are refused, and what happens when their time is over.

use crate::support::{
    opening::Place,
    server::memory,
    socket::{ALL, Frame, STREAMS},
    token::{self, TOKEN_KEY, claims, sign, sign_with},
};
use protocol::socket::Transport;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn a_token_travels_in_three_places_and_the_first_counts() {
    let server = memory().start();
    let mut api = server.api();
    let (ada, bob) = (api.token("ada"), api.token("bob"));
    for (id, text) in [("ada", "for ada"), ("bob", "for bob")] {
        api.send(id, text);
    }
    for transport in ALL {
        for place in [Place::Header, Place::Query] {
            assert_eq!(
                server.opening(transport, &ada).place(place).open().text(),
                "for ada",
                "{transport:?}"
            );
        }
        let bearer = format!("Bearer {bob}");
        let header_and_query = server
            .opening(transport, &ada)
            .place(Place::Nowhere)
            .header("Authorization", &bearer)
            .query("token", &ada);
        assert_eq!(
            header_and_query.open().text(),
            "for bob",
            "{transport:?}: Authorization is over the query"
        );
    }
    let all = server
        .opening(Transport::WebSocket, &ada)
        .header("Authorization", &format!("Bearer {bob}"))
        .query("token", &bob);
    assert_eq!(all.open().text(), "for ada", "the subprotocol is over both");
    let socket = server.opening(Transport::WebSocket, &ada).place(Place::Query).open();
    assert_eq!(socket.head.header("sec-websocket-protocol"), None, "none was offered");
}

#[test]
fn tokens_in_the_query_can_be_turned_off() {
    let server = memory().env("DOWNLINK_TOKEN_IN_QUERY", "false").start();
    let token = server.api().token("ada");
    for transport in ALL {
        let (code, words) = server.opening(transport, &token).place(Place::Query).refused();
        assert!(
            matches!((code, words.as_str()), (401, "invalid_token") | (4401, "Invalid token.")),
            "{code} {words}"
        );
        drop(server.opening(transport, &token).place(Place::Header).open());
    }
}

#[test]
fn offered_subprotocols_must_hold_ours() {
    let server = memory().start();
    let token = server.api().token("ada");
    let opening = server.opening(Transport::WebSocket, &token).place(Place::Nowhere);
    let refused =
        opening.clone().header("Sec-WebSocket-Protocol", &format!("downlink.token.{token}")).refused();
    assert_eq!(refused.0, 4400);
    assert_eq!(opening.header("Sec-WebSocket-Protocol", "chat").query("token", &token).refused().0, 4400);
}

fn bad_tokens(good: &str) -> Vec<(&'static str, String)> {
    let with = |name: &str, value: Value| {
        let mut claims = claims("ada");
        claims[name] = value;
        sign(&claims, TOKEN_KEY)
    };
    let (text, signature) = good.rsplit_once('.').unwrap();
    let altered: String = signature.chars().rev().collect();
    let hs512 = json!({"alg": "HS512", "typ": "JWT"});
    let kid = json!({"alg": "HS256", "typ": "JWT", "kid": "unknown"});
    let mut without_aud = claims("ada");
    without_aud.as_object_mut().unwrap().remove("aud");
    vec![
        ("none", String::new()),
        ("not a token", "abc".into()),
        ("altered", format!("{text}.{altered}")),
        ("alg none", sign_with(&json!({"alg": "none", "typ": "JWT"}), &claims("ada"), TOKEN_KEY)),
        ("another algorithm", sign_with(&hs512, &claims("ada"), TOKEN_KEY)),
        ("an unknown kid", sign_with(&kid, &claims("ada"), TOKEN_KEY)),
        ("another key", sign(&claims("ada"), "another-secret-of-at-least-32-bytes!!")),
        ("another audience", with("aud", json!("elsewhere"))),
        ("no audience", sign(&without_aud, TOKEN_KEY)),
        ("of the future", with("iat", json!(token::now() + 300))),
        ("too long a life", with("exp", json!(token::now() + 86_400 + 120))),
        ("an empty client id", with("sub", json!(""))),
        ("too long a client id", with("sub", json!("x".repeat(257)))),
        ("a broken position", with("cur", json!("here"))),
    ]
}

#[test]
fn a_token_that_is_not_good_opens_nothing() {
    let server = memory().start();
    let good = server.api().token("ada");
    let mut old = claims("ada");
    (old["iat"], old["exp"]) = (json!(token::now() - 100), json!(token::now() - 1));
    let old = sign(&old, TOKEN_KEY);
    for transport in ALL {
        let socket = transport == Transport::WebSocket;
        for (name, token) in bad_tokens(&good) {
            let refused = server.opening(transport, &token).refused();
            let expected = if socket { (4401, "Invalid token.") } else { (401, "invalid_token") };
            assert_eq!((refused.0, refused.1.as_str()), expected, "{transport:?}: {name}");
        }
        let refused = server.opening(transport, &old).refused();
        let expected = if socket { (4401, "Token timed out.") } else { (401, "token_timed_out") };
        assert_eq!((refused.0, refused.1.as_str()), expected, "{transport:?}: timed out");
        // A list of audiences is as good.
        let mut many = claims("ada");
        many["aud"] = json!(["else", "downlink"]);
        drop(server.opening(transport, &sign(&many, TOKEN_KEY)).open());
    }
}

#[test]
fn a_socket_ends_with_its_token() {
    let server = memory().start();
    let begin = Instant::now();
    let token = token::short("ada", 3);
    let sockets: Vec<_> = ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    let threads: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| std::thread::spawn(move || (socket.closed(), begin.elapsed(), socket.transport)))
        .collect();
    for thread in threads {
        let (closed, took, transport) = thread.join().unwrap();
        assert_eq!((closed.0, closed.1.as_str()), (4401, "Token timed out."), "{transport:?}");
        // From up to a second before, since `exp` has whole seconds; to two after, for a tick and a busy machine.
        let due = Duration::from_millis(1900)..Duration::from_millis(5500);
        assert!(due.contains(&took), "{transport:?}: {took:?}");
        let (code, _) = server.opening(transport, &token).refused();
        assert!(matches!(code, 401 | 4401), "{transport:?}: and opens nothing any more");
    }
}

#[test]
fn a_new_token_keeps_the_socket_without_a_gap() {
    let server = memory().start();
    let mut api = server.api();
    let begin = Instant::now();
    let (token, renewed) = (token::short("ada", 3), api.token("ada"));
    let mut sockets: Vec<_> =
        STREAMS.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    let word = format!(r#"{{"token":"{renewed}"}}"#);
    sockets[0].say(&word);
    for socket in &sockets[1..] {
        let path = format!("/v1/socket/{}", socket.name);
        let answer = api.try_call("POST", &path, &[], word.as_bytes()).unwrap();
        assert_eq!(answer.status, 204, "{:?}: {}", socket.transport, answer.text());
    }
    // Until the first token is surely over, whatever the tick.
    let mut witness = server.opening(Transport::Lines, &token).open();
    assert_eq!(witness.closed().0, 4401);
    assert!(begin.elapsed() > Duration::from_millis(1900));
    std::thread::sleep(Duration::from_millis(1100));
    api.send("ada", "still there");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "still there", "{:?}", socket.transport);
    }
}

#[test]
fn a_new_token_must_be_good_and_of_the_same_client() {
    let server = memory().start();
    let mut api = server.api();
    let (ada, bob) = (api.token("ada"), api.token("bob"));
    for transport in STREAMS {
        for wrong in
            [bob.as_str(), "nonsense", &sign(&claims("ada"), "another-secret-of-at-least-32-bytes!!")]
        {
            let mut socket = server.opening(transport, &ada).open();
            let word = format!(r#"{{"token":"{wrong}"}}"#);
            if transport == Transport::WebSocket {
                socket.say(&word);
            } else {
                let path = format!("/v1/socket/{}", socket.name);
                let answer = api.try_call("POST", &path, &[], word.as_bytes()).unwrap();
                assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
            }
            assert_eq!(socket.closed(), (4401, "Invalid token.".into()), "{transport:?}");
        }
    }
}

#[test]
fn keys_rotate_by_their_names() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (new, old) = ("the-new-secret-of-at-least-32-bytes!", "the-old-secret-of-at-least-32-bytes!");
    let text = format!(
        "[[token.keys]]\nid = \"new\"\nsecret = \"{new}\"\n[[token.keys]]\nid = \"old\"\nsecret = \"{old}\"\n"
    );
    std::fs::write(file.path(), text).unwrap();
    let server =
        memory().env("DOWNLINK_TOKEN_KEY", "").arg("--config").arg(file.path().to_str().unwrap()).start();
    let header = |kid: &str| json!({"alg": "HS256", "typ": "JWT", "kid": kid});
    for (kid, key, good) in
        [("new", new, true), ("old", old, true), ("new", old, false), ("other", new, false)]
    {
        let token = sign_with(&header(kid), &claims("ada"), key);
        let opening = server.opening(Transport::Lines, &token);
        if good { drop(opening.open()) } else { assert_eq!(opening.refused().0, 401, "{kid}") }
    }
    drop(server.opening(Transport::Lines, &sign(&claims("ada"), new)).open());
    assert_eq!(
        server.opening(Transport::Lines, &sign(&claims("ada"), old)).refused().0,
        401,
        "no name: the first"
    );
    let mut made = server.opening(Transport::Lines, &server.api().token("ada")).open();
    server.api().send("ada", "x");
    assert!(matches!(made.frame(), Frame::Message(..)));
}
