//! Several pages with one token, and pages whose server is killed: each message once.

use super::{ask, poll, telling};
use crate::support::{
    Random,
    application::{Application, SECRET},
    http::Api,
    server::{memory, on_disk},
    token::short,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Polls over one connection, as a page does; what came, or `None` if the server is gone.
fn try_poll(api: &mut Api, token: &str) -> Option<String> {
    let answer =
        api.try_call("GET", &format!("/_ah/channel/dev?command=poll&channel={token}"), &[], b"").ok()?;
    (answer.status == 200).then(|| answer.text())
}

fn numbers(texts: &[String]) -> Vec<u32> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn two_tabs_at_the_same_moment_share_one_place() {
    let server = memory().env("DOWNLINK_EDGE_THREADS", "4").start();
    let token = server.api().token("ada");
    let done = Arc::new(AtomicBool::new(false));
    let tabs: Vec<_> = (0..4)
        .map(|_| {
            let (mut api, token, done) = (server.api(), token.clone(), Arc::clone(&done));
            thread::spawn(move || {
                let mut texts = Vec::new();
                loop {
                    let over = done.load(Ordering::Relaxed);
                    match try_poll(&mut api, &token).unwrap() {
                        text if !text.is_empty() => texts.push(text),
                        _ if over => return texts,
                        _ => {}
                    }
                }
            })
        })
        .collect();
    let mut api = server.api();
    (0..300).for_each(|number| drop(api.send("ada", &number.to_string())));
    done.store(true, Ordering::Relaxed);
    let tabs: Vec<Vec<u32>> = tabs.into_iter().map(|tab| numbers(&tab.join().unwrap())).collect();
    assert!(tabs.iter().all(|tab| tab.is_sorted()), "in order in each of them");
    let mut all = tabs.concat();
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..300), "each in one of them: {all:?}");
}

#[test]
fn killed_at_any_moment_nothing_comes_twice() {
    for durability in ["fsync", "os"] {
        let mut server = on_disk(durability).start();
        let mut api = server.api();
        let token = api.token("ada");
        (0..600).for_each(|number| drop(api.send("ada", &number.to_string())));
        let page = {
            let (address, token) = (server.address, token.clone());
            thread::spawn(move || {
                let (mut texts, start) = (Vec::new(), Instant::now());
                let mut api = Api::new(address);
                while start.elapsed() < Duration::from_secs(60) {
                    match try_poll(&mut api, &token) {
                        Some(text) if text == "end" => return texts,
                        Some(text) if !text.is_empty() => texts.push(text),
                        _ => thread::sleep(Duration::from_millis(2)),
                    }
                }
                panic!("no end after {} messages", texts.len());
            })
        };
        let mut random = Random(0x5eed_0048);
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(20 + random.below(150)));
            server = server.restart();
        }
        server.api().send("ada", "end");
        let seen = numbers(&page.join().unwrap());
        assert!(
            seen.windows(2).all(|pair| pair[0] < pair[1]),
            "{durability}: twice or out of order: {seen:?}"
        );
        // An answer that was on its way when the server was killed is lost: the old wire has no word for its arrival.
        assert!(seen.len() >= 595, "{durability}: one a kill at most, but {} are missing", 600 - seen.len());
    }
}

#[test]
fn a_token_that_times_out_while_it_polls_says_so_and_ends_its_presence() {
    let app = Application::start();
    let server = telling(&app);
    let token = short("ada", 3);
    assert_eq!(poll(&server, &token), None);
    app.hears("ada", &[true]);
    let line = crate::support::until("its time is over", || {
        let (line, answer) = ask(&server, "GET", &format!("command=poll&channel={token}"));
        thread::sleep(Duration::from_millis(100));
        (answer.status != 200).then_some(line)
    });
    assert_eq!(line, "HTTP/1.1 401 Token+timed+out.");
    app.hears("ada", &[true, false]);
}

#[test]
fn item_48_the_silence_that_ends_it_is_a_setting() {
    let app = Application::start();
    let server = memory()
        .env("DOWNLINK_PRESENCE_URL", &app.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_SILENCE_SECONDS", "2")
        .start();
    let (polls, silent) = (server.api().token("polls"), server.api().token("silent"));
    let start = Instant::now();
    assert_eq!(poll(&server, &silent), None);
    while app.told("silent") != [true, false] {
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", app.told("silent"));
        assert_eq!(poll(&server, &polls), None);
        thread::sleep(Duration::from_millis(500));
    }
    let silence = app.last_at("silent") - start;
    assert!(silence > Duration::from_secs(2) && silence < Duration::from_secs(6), "{silence:?}");
    assert_eq!(app.told("polls"), [true]);
    // Who was silent may come again, with what was sent meanwhile.
    server.api().send("silent", "meanwhile");
    assert_eq!(poll(&server, &silent).as_deref(), Some("meanwhile"));
    app.hears("silent", &[true, false, true]);
}
