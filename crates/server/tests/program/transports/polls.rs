//! What only long-polls have: polls tied together, waits, bounded answers, and an end without a connection.

use crate::support::{
    server::memory,
    socket::{Data, Frame},
    until,
};
use protocol::socket::Transport;
use serde_json::{Value, json};
use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

fn poll(api: &mut crate::support::http::Api, token: &str, query: &str) -> Value {
    let headers = [("Authorization", format!("Bearer {token}")), ("Accept", "application/json".to_owned())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = api.try_call("GET", &format!("/v1/socket{query}"), &headers, b"").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_first_poll_is_answered_at_once_and_the_next_one_waits() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let begin = Instant::now();
    let first = poll(&mut api, &token, "");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(first["messages"], json!([]));
    let (socket, cursor) = (first["socket"].as_str().unwrap(), first["cursor"].as_str().unwrap());
    let begin = Instant::now();
    let nothing = poll(&mut api, &token, &format!("?socket={socket}&after={cursor}&wait=1"));
    assert!((Duration::from_millis(900)..Duration::from_secs(6)).contains(&begin.elapsed()));
    assert_eq!((&nothing["socket"], &nothing["messages"]), (&json!(socket), &json!([])));
    let mut waiting = server.opening(Transport::LongPoll, &token).open();
    let thread = std::thread::spawn(move || (waiting.text(), Instant::now()));
    until("it waits", || (api.sockets("ada") == 2).then_some(()));
    api.send("ada", "here");
    let sent = Instant::now();
    let (text, arrived) = thread.join().unwrap();
    assert_eq!(text, "here");
    assert!(arrived.saturating_duration_since(sent) < Duration::from_secs(5), "a message ends the wait");
}

#[test]
fn an_answer_holds_at_most_256_messages_or_a_megabyte() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let items: Vec<_> = (0..300).map(|number| json!({"to": "ada", "data": number.to_string()})).collect();
    api.post("/v1/messages", &json!(items));
    let first = poll(&mut api, &token, "");
    assert_eq!(first["messages"].as_array().unwrap().len(), 256);
    let (socket, cursor) = (first["socket"].as_str().unwrap(), first["cursor"].as_str().unwrap());
    assert_eq!(first["messages"][255]["id"], cursor);
    let second = poll(&mut api, &token, &format!("?socket={socket}&after={cursor}"));
    assert_eq!(second["messages"].as_array().unwrap().len(), 44);
    let token = api.token("big");
    (0..40).for_each(|_| drop(api.send("big", &"x".repeat(32_768))));
    assert_eq!(poll(&mut api, &token, "")["messages"].as_array().unwrap().len(), 32);
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let first = poll(&mut api, &token, "");
    let (socket, cursor) = (first["socket"].as_str().unwrap(), first["cursor"].as_str().unwrap());
    api.send("ada", "one");
    let query = format!("?socket={socket}&after={cursor}");
    for _ in 0..3 {
        assert_eq!(
            poll(&mut api, &token, &query)["messages"][0]["data"],
            "one",
            "the client's own word counts"
        );
    }
    // Of another client's socket nothing is to be had.
    let bob = api.token("bob");
    let foreign = poll(&mut api, &bob, &format!("?socket={socket}&wait=0"));
    assert_ne!(foreign["socket"], socket);
    assert_eq!(foreign["messages"], json!([]));
}

#[test]
fn a_poll_takes_the_place_of_one_that_its_client_has_given_up() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let first = poll(&mut api, &token, "");
    let (socket, cursor) = (first["socket"].as_str().unwrap(), first["cursor"].as_str().unwrap());
    let query = format!("?socket={socket}&after={cursor}&wait=20");
    let (answers, answered) = mpsc::channel();
    // The connection of the earlier one is dead, but nobody has told the server.
    for _ in 0..2 {
        let (mut api, token, query, answers) = (server.api(), token.clone(), query.clone(), answers.clone());
        thread::spawn(move || answers.send(poll(&mut api, &token, &query)).unwrap());
    }
    let given_up = answered.recv_timeout(Duration::from_secs(10)).expect("the earlier one ends");
    assert_eq!(given_up["messages"], json!([]));
    api.send("ada", "for the later one");
    let later = answered.recv_timeout(Duration::from_secs(10)).expect("a message ends the wait");
    assert_eq!(later["messages"][0]["data"], "for the later one");
}

#[test]
fn a_wait_is_a_number_up_to_sixty() {
    let server = memory().start();
    let token = server.api().token("ada");
    for wrong in ["61", "-1", "x", "1.5", ""] {
        let refused = server.opening(Transport::LongPoll, &token).query("wait", wrong).refused();
        assert_eq!(refused, (400, "bad_request".into()), "{wrong:?}");
    }
}

#[test]
fn a_poll_that_waits_keeps_its_socket_and_one_that_went_away_loses_it() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut stays = server.opening(Transport::LongPoll, &token).open();
    let mut goes = server.opening(Transport::LongPoll, &token).open();
    let answered = Instant::now();
    let waiting = std::thread::spawn(move || stays.text());
    until("the one that went away has left", || (api.sockets("ada") == 1).then_some(()));
    let took = answered.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(18)).contains(&took), "{took:?}");
    api.send("ada", "to who stayed");
    assert_eq!(waiting.join().unwrap(), "to who stayed");
    // Whoever comes back later gets a new socket, and everything.
    let old = goes.name.clone();
    assert_eq!(goes.frame(), Frame::Message(goes.cursor.clone(), Data::Text("to who stayed".into())));
    assert_ne!(goes.name, old);
}
