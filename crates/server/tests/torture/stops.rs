//! SIGTERM: what is under way is finished, everybody is told, and the process ends with 0.

use crate::{
    length::alone,
    support::{
        http::{API_KEY, read_response, request},
        server::on_disk,
        socket::{Data, Frame},
        token::TOKEN_KEY,
        wire::Wire,
    },
};
use protocol::socket::Transport;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The beginning of a send whose body is not there yet.
fn begun(path: &str, length: usize) -> Vec<u8> {
    let (key, length) = (format!("Bearer {API_KEY}"), length.to_string());
    let headers = [
        ("Authorization", key.as_str()),
        ("Content-Type", "text/plain"),
        ("Content-Length", length.as_str()),
    ];
    request("POST", path, &headers, b"")
}

#[test]
fn a_send_that_is_under_way_at_a_stop_is_answered_and_stored() {
    let _alone = alone();
    for durability in ["fsync", "os"] {
        let mut server = on_disk(durability).start();
        let mut slow = Wire::connect(server.address).unwrap();
        slow.send(&begun("/v1/channels/ada/messages", 6)).unwrap();
        slow.send(b"har").unwrap();
        let mut kept_alive = Wire::connect(server.address).unwrap();
        kept_alive.send(&request("GET", "/healthz", &[], b"")).unwrap();
        assert_eq!(read_response(&mut kept_alive).unwrap().status, 200);
        thread::sleep(Duration::from_millis(100));
        server.terminate();
        // Longer than it takes to stop when nothing is under way.
        thread::sleep(Duration::from_secs(1));
        // What begins now is refused, and may be sent again.
        kept_alive.send(&request("GET", "/healthz", &[], b"")).unwrap();
        let refused = read_response(&mut kept_alive).unwrap();
        assert_eq!((refused.status, refused.code().as_str()), (503, "stopping"));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("connection"), Some("close"));
        slow.send(b"bor").unwrap();
        let answer = read_response(&mut slow).unwrap();
        assert_eq!(answer.status, 201, "{durability}: {}", answer.text());
        assert_eq!(server.wait().code(), Some(0));
        let server = server.start_again();
        assert_eq!(server.api().kept("ada"), ["harbor"], "{durability}");
    }
}

#[test]
fn a_request_that_never_ends_holds_up_a_stop_for_five_seconds() {
    let _alone = alone();
    let mut server = on_disk("os").start();
    let mut slow = Wire::connect(server.address).unwrap();
    slow.send(&begun("/v1/channels/ada/messages", 6)).unwrap();
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(9), "{took:?}");
}

/// Signals the process by itself: by the time that others have seen the word, the moment is over.
#[test]
fn a_stop_right_behind_the_word_that_it_listens_is_in_order() {
    let _alone = alone();
    for _ in 0..50 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_downlink"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs([("DOWNLINK_DURABILITY", "memory"), ("DOWNLINK_DRAIN_SECONDS", "0")])
            .envs([("DOWNLINK_API_KEY", API_KEY), ("DOWNLINK_TOKEN_KEY", TOKEN_KEY)])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map(Result::unwrap).find(|line| line.starts_with("listening on "));
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(said.is_some() && status.code() == Some(0), "{status}");
    }
}

#[test]
fn polls_are_answered_at_a_stop_and_told_when_to_come_back() {
    let _alone = alone();
    let mut server = on_disk("os").start();
    let token = server.api().token("ada");
    let mut polls: Vec<_> = (0..8).map(|_| server.opening(Transport::LongPoll, &token).open()).collect();
    server.api().send("ada", "before");
    for poll in &mut polls {
        assert_eq!(poll.text(), "before");
        poll.ask("20").unwrap();
    }
    // One that comes after the signal is answered in the same way: its socket is known.
    let mut late = server.opening(Transport::LongPoll, &token).open();
    assert_eq!(late.text(), "before");
    thread::sleep(Duration::from_millis(100));
    server.terminate();
    thread::sleep(Duration::from_millis(50));
    polls.push(late);
    let last = polls.len() - 1;
    let mut waits = Vec::new();
    for (index, poll) in polls.iter_mut().enumerate() {
        if index == last {
            poll.ask("20").unwrap();
        }
        let answer = read_response(&mut poll.wire).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let close = &answer.json()["close"];
        assert_eq!(close["code"], 1012);
        waits.push(close["retry_after_ms"].as_u64().expect("it says when to come back"));
    }
    assert_eq!(server.wait().code(), Some(0));
    assert!(waits.iter().all(|wait| (300..=1_300).contains(wait)), "{waits:?}");
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 6, "spread, so that they do not come back at once: {waits:?}");
    // And where each goes on is where it was.
    let server = server.start_again();
    server.api().send("ada", "after");
    for poll in polls {
        let mut again = server.opening(Transport::LongPoll, &token).after(&poll.at()).open();
        assert!(matches!(again.frame(), Frame::Message(_, Data::Text(text)) if text == "after"));
    }
}
