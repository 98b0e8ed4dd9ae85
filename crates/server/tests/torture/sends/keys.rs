//! A send that is repeated under its key is stored once and answered alike, before and after a kill.

use crate::{
    length::alone,
    load::World,
    support::{
        clock::WallClock,
        http::{Api, Response},
        server::on_disk,
    },
};
use serde_json::{Value, json};
use std::{thread, time::Duration};

fn send(api: &mut Api, channel: &str, key: &str, text: &str) -> Response {
    let headers = [("Idempotency-Key", key), ("Content-Type", "text/plain")];
    api.call("POST", &format!("/v1/channels/{channel}/messages"), &headers, text.as_bytes())
}

/// The id of a send that must be stored, now or before.
#[track_caller]
fn id(api: &mut Api, channel: &str, key: &str, text: &str) -> String {
    let response = send(api, channel, key, text);
    assert_eq!(response.status, 201, "{}", response.text());
    response.json()["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn reused(api: &mut Api, channel: &str, key: &str, text: &str) {
    let response = send(api, channel, key, text);
    assert_eq!((response.status, response.code().as_str()), (422, "idempotency_key_reused"));
}

/// What a batch answers, item by item, in both of its forms.
fn batch(api: &mut Api, items: &[Value], array: bool) -> Vec<Value> {
    if array {
        let answer = api.post("/v1/messages", &json!(items));
        return answer.json().as_array().unwrap().clone();
    }
    let lines: String = items.iter().map(|item| format!("{item}\n")).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    let answer = api.call("POST", "/v1/messages", &headers, lines.as_bytes());
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn keys_hold_through_a_kill_for_single_sends_lists_and_batches() {
    let _alone = alone();
    for durability in ["fsync", "os"] {
        let mut server = on_disk(durability).start();
        let mut api = server.api();
        let first = id(&mut api, "ada", "k1", "one");
        let elsewhere = id(&mut api, "bob", "k1", "one");
        assert_ne!(first, elsewhere, "the key is the channel's own");
        let items = [
            json!({"to": "ada", "data": "batch", "idempotency_key": "k2"}),
            json!({"to": "bob", "base64": "AAEC", "idempotency_key": "k2"}),
            json!({"to": ["ada", "bob"], "data": "both", "idempotency_key": "k3"}),
        ];
        let ids = |answers: &[Value]| -> Vec<String> {
            answers.iter().map(|answer| answer["id"].as_str().unwrap().to_owned()).collect()
        };
        let stored = ids(&batch(&mut api, &items, false));
        for _ in 0..3 {
            let mut api = server.api();
            assert_eq!(id(&mut api, "ada", "k1", "one"), first, "{durability}");
            assert_eq!(id(&mut api, "bob", "k1", "one"), elsewhere, "{durability}");
            reused(&mut api, "ada", "k1", "two");
            for array in [false, true] {
                assert_eq!(ids(&batch(&mut api, &items, array)), stored, "{durability}");
                let others = items.clone().map(|mut item| {
                    item["data"] = json!("other");
                    item.as_object_mut().unwrap().remove("base64");
                    item
                });
                for answer in batch(&mut api, &others, array) {
                    assert_eq!(answer["code"], "idempotency_key_reused", "{durability}");
                }
            }
            server = server.restart();
        }
        let texts = server.api().kept("ada");
        assert_eq!(texts, ["one", "batch", "both"], "{durability}: each was stored once");
    }
}

#[test]
fn many_who_send_the_same_at_once_through_kills_get_one_answer() {
    let _alone = alone();
    for durability in ["fsync", "os"] {
        let mut server = on_disk(durability).start();
        let world = World::new(server.address);
        for round in 0..3 {
            let text = format!("round {round}");
            let senders: Vec<_> = (0..20)
                .map(|_| {
                    let (mut publisher, text) = (world.publisher(), text.clone());
                    thread::spawn(move || publisher.send("ada", &text))
                })
                .collect();
            thread::sleep(Duration::from_millis(1 + 3 * round));
            server = server.restart();
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            assert_eq!(server.api().kept("ada").len() as u64, round + 1, "{durability}: stored once");
        }
        world.read_kept("ada");
        // Two places of one message, whoever was told so, break promise 7.
        let report = world.judge(&format!("one key with {durability}"), checker::Rules::default());
        assert_eq!(report.stored, 3);
    }
}

#[test]
fn the_window_of_keys_is_ten_minutes_and_a_restart_does_not_move_it() {
    let _alone = alone();
    // The last one is the restart that would show if it began the window anew: nothing is read back from the disk later.
    for restarts in [[false; 3], [true; 3], [true, false, false]] {
        let clock = WallClock::new();
        let mut server = clock.of(on_disk("os")).start();
        let first = id(&mut server.api(), "ada", "k", "hello");
        clock.jump(590);
        if restarts[0] {
            server = server.restart();
        }
        thread::sleep(Duration::from_millis(1_100));
        assert_eq!(id(&mut server.api(), "ada", "k", "hello"), first, "after nearly ten minutes");
        reused(&mut server.api(), "ada", "k", "other");
        clock.jump(601);
        if restarts[1] {
            server = server.restart();
        }
        let second = id(&mut server.api(), "ada", "k", "other");
        assert_ne!(second, first, "after more than ten minutes the key is free");
        // A clock that is set back finds it taken by the newer one, and stores nothing twice.
        clock.jump(0);
        if restarts[2] {
            server = server.restart();
        }
        assert_eq!(id(&mut server.api(), "ada", "k", "other"), second);
        assert_eq!(server.api().kept("ada"), ["hello", "other"]);
    }
}

#[test]
fn the_number_of_keys_is_bounded_also_after_a_restart() {
    let _alone = alone();
    let server = on_disk("os").env("DOWNLINK_IDEMPOTENCY_KEYS", "10").start();
    let mut api = server.api();
    let ids: Vec<String> =
        (0..15).map(|number| id(&mut api, "ada", &format!("k{number}"), "hello")).collect();
    let server = server.restart();
    let mut api = server.api();
    for number in (5..15).rev() {
        assert_eq!(
            id(&mut api, "ada", &format!("k{number}"), "hello"),
            ids[number],
            "the newest ten are known"
        );
    }
    assert_eq!(api.kept("ada").len(), 15);
    assert_ne!(id(&mut api, "ada", "k4", "hello"), ids[4], "older ones are not");
    assert_eq!(api.kept("ada").len(), 16);
}
