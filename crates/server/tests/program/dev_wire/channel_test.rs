//! The cases that the old SDK tested of its own development server, as HTTP requests: item 47.

use super::ask;
use crate::support::{
    server::{Server, memory},
    token::{TOKEN_KEY, claims, now, sign},
};
use serde_json::json;

/// What is asked, and what the server must answer: status line, `Content-Type`, body.
type Case<'a> = (&'a str, String, &'a str, Option<&'a str>, &'a str);

const OK: &str = "HTTP/1.1 200 OK";
const BAD: &str = "HTTP/1.1 400 Bad Request";
const INVALID: &str = "HTTP/1.1 401 Invalid+token.";
const TIMED_OUT: &str = "HTTP/1.1 401 Token+timed+out.";

#[test]
fn item_47_the_cases_of_the_old_server_hold() {
    let server = memory().start();
    let mut api = server.api();
    let good = api.token("connects");
    let [waiting, nothing, unconnected] = ["waiting", "nothing", "unconnected"].map(|id| {
        let token = api.token(id);
        if id != "nothing" {
            api.send(id, "a message");
        }
        token
    });
    ask(&server, "GET", &format!("command=connect&channel={waiting}"));
    ask(&server, "GET", &format!("command=connect&channel={nothing}"));
    let invalid = sign(&claims("a"), "another-secret-of-more-than-thirty-two-bytes");
    let mut over = claims("a");
    (over["iat"], over["exp"]) = (json!(now() - 100), json!(now() - 1));
    let over = sign(&over, TOKEN_KEY);
    let of = |command: &str, token: &str| format!("command={command}&channel={token}");
    let cases: [Case<'_>; 12] = [
        ("connect", of("connect", &good), OK, Some("text/plain"), "1"),
        ("connect with an invalid token", of("connect", &invalid), INVALID, None, ""),
        ("connect with a token that timed out", of("connect", &over), TIMED_OUT, None, ""),
        ("poll, and a message waits", of("poll", &waiting), OK, Some("application/json"), "a message"),
        ("poll, and nothing waits", of("poll", &nothing), OK, None, ""),
        ("poll without connect", of("poll", &unconnected), OK, Some("application/json"), "a message"),
        ("poll with an invalid token", of("poll", &invalid), INVALID, None, ""),
        ("poll with a token that timed out", of("poll", &over), TIMED_OUT, None, ""),
        ("no command", format!("channel={good}"), BAD, None, ""),
        ("no channel", "command=connect".to_owned(), BAD, None, ""),
        ("an unknown command", of("dance", &good), BAD, None, ""),
        // The one difference that was chosen: the old server did not know its own client's farewell.
        ("disconnect", of("disconnect", &good), OK, None, ""),
    ];
    for (name, query, line, kind, body) in cases {
        let (found, answer) = ask(&server, "GET", &query);
        assert_eq!(found, line, "{name}");
        assert_eq!((answer.header("content-type"), answer.text().as_str()), (kind, body), "{name}");
    }
    script(&server);
}

/// The thirteenth.
fn script(server: &Server) {
    let answer = server.api().try_call("GET", "/_ah/channel/jsapi", &[], b"").unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/javascript"));
    assert!(answer.text().contains("appengine"));
    let cache = answer.header("cache-control").unwrap();
    let seconds = cache.split("max-age=").nth(1).map_or(0, |text| text.parse::<u32>().unwrap());
    assert!(seconds <= 600, "not for long: {cache}");
}
