//! Applications that have no handlers for notices, as many of the App Engine time had none.

use super::{application::metric, in_front_of, telling};
use crate::support::{
    application::{Application, TAKEN},
    until,
};
use protocol::socket::Transport;
use std::{fs, thread, time::Duration};

const REFUSED: &str = r#"notices_total{result="refused"}"#;

#[test]
fn what_has_no_handler_is_told_once_and_never_again() {
    for status in ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"] {
        let app = Application::start();
        app.answers(move |_| (Duration::ZERO, status));
        let server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0").start();
        let token = server.api().token("ada");
        for round in 1..=3 {
            let socket = server.opening(Transport::WebSocket, &token).open();
            until("it came", || (metric(&server, REFUSED) == 2 * round - 1).then_some(()));
            drop(socket);
            until("it went", || (metric(&server, REFUSED) == 2 * round).then_some(()));
            until("it is settled", || (metric(&server, "notices_waiting") == 0).then_some(()));
        }
        // A second and a half: the first repetition would have come.
        thread::sleep(Duration::from_millis(1_500));
        let generations: Vec<_> = app.tries().iter().map(|notice| notice.generation).collect();
        assert!(
            generations.len() == 6 && generations.is_sorted_by(|a, b| a < b),
            "{status}: {generations:?}"
        );
        assert_eq!(metric(&server, r#"notices_total{result="failed"}"#), 0, "{status}");
        assert_eq!(metric(&server, "notices_stopped"), 0, "{status}: the other notices go on");
        // An application that has its handlers now hears at once.
        app.answers(|_| TAKEN);
        let _socket = server.opening(Transport::WebSocket, &token).open();
        app.hears("ada", &[true]);
    }
}

#[test]
fn behind_dev_an_application_without_handlers_is_left_in_peace() {
    let app = Application::start();
    app.answers(|notice| if notice.connected { TAKEN } else { (Duration::ZERO, "404 Not Found") });
    let server = in_front_of(&app);
    let token = server.api().token("ada");
    let socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
    drop(socket);
    until("it went", || (metric(&server, REFUSED) == 1).then_some(()));
    until("it is settled", || (metric(&server, "notices_waiting") == 0).then_some(()));
    let _socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true, true]);
}

#[test]
fn the_log_says_once_for_each_start_that_there_is_no_handler() {
    let (app, folder) = (Application::start(), tempfile::tempdir().unwrap());
    let log = folder.path().join("log");
    app.answers(|_| (Duration::ZERO, "404 Not Found"));
    let mut server = telling(&app).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0").log_to(&log).start();
    let lines = || {
        let text = fs::read_to_string(&log).unwrap();
        text.lines().filter(|line| line.contains("no handler")).map(str::to_owned).collect::<Vec<_>>()
    };
    for starts in 1..=2 {
        let token = server.api().token("ada");
        for round in 1..=3 {
            let socket = server.opening(Transport::Lines, &token).open();
            until("it came", || (metric(&server, REFUSED) == 2 * round - 1).then_some(()));
            drop(socket);
            until("it went", || (metric(&server, REFUSED) == 2 * round).then_some(()));
        }
        assert_eq!(lines().len(), starts, "{:?}", lines());
        server = server.restart();
    }
    assert!(lines()[0].contains("/_ah/channel/connected/"), "it says which: {:?}", lines());
}

#[test]
fn in_the_other_format_nothing_but_success_settles_it() {
    let app = Application::start();
    let mut left = ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"].into_iter();
    app.answers(move |_| left.next().map_or(TAKEN, |status| (Duration::ZERO, status)));
    let server = telling(&app)
        .env("DOWNLINK_PRESENCE_FORMAT", "standard")
        .env("DOWNLINK_PRESENCE_URL", &format!("{}/hook", app.url()))
        .start();
    let token = server.api().token("ada");
    let _socket = server.opening(Transport::WebSocket, &token).open();
    app.hears("ada", &[true]);
    assert_eq!(app.tries().len(), 4);
    assert_eq!(metric(&server, REFUSED), 0);
}
