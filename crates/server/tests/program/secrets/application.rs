//! `dev` and the application behind it: what passes through is as secret as what is Downlink's own.

use super::{BODY, Secrets, Talkative};
use crate::support::{
    application::{Application, SECRET},
    http::{API_KEY, read_response, request},
    server::Setup,
    socket::ALL,
    wire::Wire,
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

/// A cookie of the application's own.
const COOKIE: &str = "session=the-cookie-of-a-visitor-0123456789";

/// An application that answers every request with a secret of its own.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut scratch = [0; 16 * 1024];
            while matches!(stream.read(&mut scratch), Ok(1..)) {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nSet-Cookie: {COOKIE}\r\nContent-Length: {}\r\n\r\n{BODY}",
                    BODY.len()
                );
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    format!("http://{address}")
}

#[test]
fn what_passes_through_to_the_application_is_not_logged() {
    let mut secrets = Secrets::new();
    secrets.add("a cookie", COOKIE);
    secrets.add("a password", "dXNlcjpwYXNzd29yZA==");
    let app = application();
    let setup = Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").arg("--app").arg(&app);
    let talkative = Talkative::start(setup.env("DOWNLINK_PRESENCE_SECRET", SECRET));
    let token = talkative.server.api().token("ada");
    secrets.add_token("a token", &token);
    for headers in [[("Cookie", COOKIE)], [("Authorization", "Basic dXNlcjpwYXNzd29yZA==")]] {
        for path in ["/chat", &format!("/chat?token={token}"), "/chat/%zz", "/_ah/channel/receive"] {
            let mut wire = Wire::connect(talkative.server.address).unwrap();
            wire.send(&request("POST", path, &headers, BODY.as_bytes())).unwrap();
            let answer = read_response(&mut wire).unwrap();
            assert_eq!((answer.status, answer.text().as_str()), (200, BODY), "{path}");
        }
    }
    talkative.said_none_of(&secrets);
}

#[test]
fn an_application_that_fails_is_no_reason_to_tell() {
    let mut secrets = Secrets::new();
    secrets.add("the secret of notices", SECRET);
    secrets.add("a cookie", COOKIE);
    // Takes connections, answers notices with a redirect that names a secret, and everything else with rubbish.
    let app = Application::start();
    app.answers(|_| (std::time::Duration::ZERO, "500 Internal Server Error"));
    let setup = Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").arg("--app").arg(&app.url());
    let setup = setup.env("DOWNLINK_PRESENCE_SECRET", SECRET).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0");
    let talkative = Talkative::start(setup);
    let mut api = talkative.server.api();
    let token = api.token("ada");
    secrets.add_token("a token", &token);
    for transport in ALL {
        drop(talkative.server.opening(transport, &token).open());
    }
    crate::support::until("a notice was refused", || (!app.tries().is_empty()).then_some(()));
    talkative.said_none_of(&secrets);
    // An application that is not there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = Setup::new("dev").env("DOWNLINK_DURABILITY", "memory").arg("--app");
    let talkative = Talkative::start(setup.arg(&format!("http://{nobody}")));
    let path = format!("/chat?token={token}");
    let answer = talkative.server.api().try_call("POST", &path, &[("Cookie", COOKIE)], BODY.as_bytes());
    let answer = answer.unwrap();
    assert_eq!(answer.status, 502);
    secrets.are_not_in("the answer for an application that is away", &answer.text());
    talkative.said_none_of(&secrets);
}

#[test]
fn dev_shows_the_key_of_the_api_to_its_terminal_and_its_own_page_alone() {
    let directory = tempfile::tempdir().unwrap();
    let made = |name: &str| {
        let text = std::fs::read_to_string(directory.path().join(name)).unwrap();
        text.trim().to_owned()
    };
    let setup = Setup::new("dev")
        .env("DOWNLINK_API_KEY", "")
        .env("DOWNLINK_TOKEN_KEY", "")
        .env("DOWNLINK_DATA_DIR", directory.path().to_str().unwrap());
    let talkative = Talkative::start(setup);
    let (api_key, token_key) = (made("api.key"), made("token.key"));
    let mut wire = Wire::connect(talkative.server.address).unwrap();
    wire.send(&request("GET", "/demo/start", &[], b"")).unwrap();
    let rebound = read_response(&mut wire).unwrap();
    assert!(!rebound.text().contains(&api_key), "`Host: test` is not this machine's name");
    let local = format!("GET /demo/start HTTP/1.1\r\nHost: {}\r\n\r\n", talkative.server.address);
    wire.send(local.as_bytes()).unwrap();
    let answer = read_response(&mut wire).unwrap();
    assert!(answer.text().contains(&api_key) && !answer.text().contains(&token_key));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut secrets = Secrets::new();
    secrets.add("the token key that was made", &token_key);
    secrets.add("the hash key that was made", &made("hash.key"));
    let log = talkative.log_file();
    let kept = talkative.directory.path().join("kept");
    std::fs::hard_link(log, &kept).unwrap();
    let said = std::fs::read_to_string(&kept).unwrap();
    assert!(!said.contains(&api_key), "the key is for the terminal, not for the log");
    assert_ne!(api_key, API_KEY);
    talkative.said_none_of(&secrets);
}
