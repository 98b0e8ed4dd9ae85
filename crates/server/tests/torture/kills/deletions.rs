//! A channel that is deleted again and again while the server is killed: what was deleted never comes back.

use crate::{
    load::World,
    support::{
        http::{API_KEY, Response},
        opening::Opening,
        until,
    },
};
use protocol::socket::Transport;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const CHANNEL: &str = "deleted";

/// Sends, deletes, looks; until it is told to stop. How many times it deleted.
pub(super) fn run(world: &World, stop: &AtomicBool) -> usize {
    // A history of its own: what the others promise does not hold for what is deleted.
    let world = World::new(world.address);
    let mut publisher = world.publisher();
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let before = world.token(CHANNEL);
        for part in 0..3 {
            publisher.send(CHANNEL, &format!("{rounds}.{part}"));
        }
        call(&world, "DELETE", "");
        assert_eq!(kept(&world), Vec::<String>::new(), "after deletion {rounds}");
        assert_eq!(opened_with(&world, &before), 410, "a token from before deletion {rounds}");
        let after = format!("{rounds} after");
        publisher.send(CHANNEL, &after);
        assert_eq!(kept(&world), [after], "after deletion {rounds}");
        assert_eq!(opened_with(&world, &world.token(CHANNEL)), 200, "a token from after deletion {rounds}");
        rounds += 1;
        thread::sleep(Duration::from_millis(5));
    }
    rounds
}

/// Calls until there is an answer.
fn call(world: &World, method: &str, rest: &str) -> Response {
    let key = format!("Bearer {API_KEY}");
    let (path, headers) = (format!("/v1/channels/{CHANNEL}{rest}"), [("Authorization", key.as_str())]);
    until("an answer", || {
        let response = world.api().try_call(method, &path, &headers, b"").ok();
        response.filter(|response| response.status / 100 == 2)
    })
}

fn kept(world: &World) -> Vec<String> {
    let page = call(world, "GET", "/messages").json();
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["data"].as_str().unwrap().to_owned()).collect()
}

/// The status of a stream that is opened with this token.
fn opened_with(world: &World, token: &str) -> u16 {
    until("an answer", || match Opening::new(world.address, Transport::Lines, token).try_open() {
        Ok(Ok(_)) => Some(200),
        Ok(Err(refusal)) if refusal.status == 503 => None,
        Ok(Err(refusal)) => Some(refusal.status),
        Err(_) => None,
    })
}
