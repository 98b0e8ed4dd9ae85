//! No key, token or message reaches a log, a metric, or an answer where it does not belong.
//!
//! The program runs at its most talkative, is brought to say all that it can say, and everything it said is searched.

mod answers;
mod application;
mod browsers;
mod commands;
mod sockets;

use base64::{Engine, prelude::BASE64_STANDARD};
use std::{fs, path::PathBuf};

use crate::support::{
    http::API_KEY,
    server::{Server, Setup},
    token::TOKEN_KEY,
};

/// A message's text that occurs nowhere else.
const BODY: &str = "the-body-of-a-message-that-nobody-else-reads";

/// Long enough to be the API key of somebody else.
const WRONG_KEY: &str = "another-key-of-the-api-0123456789";

/// Texts that must not be found.
struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Those of every server of these tests.
    fn new() -> Self {
        let mut secrets = Self(Vec::new());
        secrets.add("the API key", API_KEY);
        secrets.add("the token key", TOKEN_KEY);
        secrets.add("a message", BODY);
        secrets.add("a wrong API key", WRONG_KEY);
        secrets
    }

    /// A secret in any form in which a careless line would show it.
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 8, "{what} is long enough not to be found by chance");
        let beginning = &secret.as_bytes()[..secret.len().min(12)];
        let numbers: Vec<String> = beginning.iter().map(u8::to_string).collect();
        let digits: String = beginning.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = BASE64_STANDARD.encode(&beginning[..beginning.len() / 3 * 3]);
        for (form, text) in [
            ("", secret.to_owned()),
            ("numbers of", numbers.join(", ")),
            ("hex of", digits),
            ("base64 of", base64),
        ] {
            self.0.push((format!("{form} {what}"), text));
        }
    }

    /// A token: none of it that could be used, its signature above all.
    fn add_token(&mut self, what: &str, token: &str) {
        self.add(what, token);
        let signature = token.rsplit_once('.').expect("a token has three parts").1;
        if !signature.is_empty() {
            self.0.push((format!("the signature of {what}"), signature.to_owned()));
        }
    }

    #[track_caller]
    fn are_not_in(&self, place: &str, text: &str) {
        for (what, secret) in &self.0 {
            let found = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(found, None, "{what} is in {place}");
        }
    }
}

/// A server that says everything it can say, and where that goes.
struct Talkative {
    server: Server,
    directory: tempfile::TempDir,
}

impl Talkative {
    fn start(setup: Setup) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = setup.env("DOWNLINK_LOG", "trace").log_to(&directory.path().join("log")).start();
        Self { server, directory }
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Ends it in order, and searches all that it said on either output.
    #[track_caller]
    fn said_none_of(mut self, secrets: &Secrets) {
        self.server.terminate();
        let status = self.server.wait();
        assert!(status.success(), "it was told to stop, and ended with {status}");
        let log = fs::read_to_string(self.log_file()).unwrap();
        assert!(log.contains("TRACE"), "it was talkative");
        secrets.are_not_in("the log", &log);
        secrets.are_not_in("standard output", &self.server.printed().join("\n"));
    }
}

#[test]
fn a_secret_is_found_in_any_form() {
    let mut secrets = Secrets::new();
    secrets.add_token("a token", "eyJhbGciOiJub25lIn0.eyJhdWQiOiJkb3dubGluayJ9.c2lnbmF0dXJl");
    let digits: String = BODY.bytes().map(|byte| format!("{byte:02x}")).collect();
    for text in [
        format!("TRACE sent {BODY}"),
        format!("TRACE sent {:?}", BODY.as_bytes()),
        format!("TRACE sent {digits}"),
        format!("TRACE sent {}", BASE64_STANDARD.encode(BODY)),
        "TRACE signature c2lnbmF0dXJl".to_owned(),
    ] {
        let search = || secrets.are_not_in("the log", &text);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(search)).is_err(), "{text}");
    }
    secrets.are_not_in("the log", "TRACE sent 43 bytes to channel 7");
}
