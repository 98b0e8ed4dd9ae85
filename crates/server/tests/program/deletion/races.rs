//! Deletions while clients open, send and read.

use crate::support::{
    http::Api,
    opening::Opening,
    server::{memory, on_disk},
    socket::{ALL, Data, Frame, Socket},
    until,
};
use protocol::socket::Transport;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

fn delete(api: &mut Api) {
    assert_eq!(api.call("DELETE", "/v1/channels/ada", &[], b"").status, 204);
}

/// Reads to the end that must come: a socket of a token from before a deletion.
fn is_ended(mut socket: Socket) {
    loop {
        match socket.next() {
            Ok(Frame::Close { code, .. }) => return assert_eq!(code, 4410, "{:?}", socket.transport),
            Ok(Frame::End(_)) => panic!("{:?}: ended without a word", socket.transport),
            Ok(_) => {}
            Err(error) => panic!("{:?}: still there: {error}", socket.transport),
        }
    }
}

#[test]
fn nobody_with_a_token_from_before_stays_however_the_opening_races() {
    let server = memory().start();
    let address = server.address;
    let mut api = server.api();
    for _ in 0..5 {
        let token = api.token("ada");
        let stop = Arc::new(AtomicBool::new(false));
        let openers: Vec<_> = ALL
            .iter()
            .map(|transport| {
                let (opening, stop) = (Opening::new(address, *transport, &token), Arc::clone(&stop));
                thread::spawn(move || {
                    let mut sockets = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        sockets.extend(opening.clone().try_open().unwrap().ok());
                    }
                    sockets
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(30));
        (0..5).for_each(|_| delete(&mut api));
        stop.store(true, Ordering::Relaxed);
        let sockets: Vec<Socket> = openers.into_iter().flat_map(|opener| opener.join().unwrap()).collect();
        assert!(!sockets.is_empty());
        for socket in sockets {
            // A poll has no connection that could be told; its next request is.
            if socket.transport != Transport::LongPoll {
                is_ended(socket);
            }
        }
        until("nobody is there", || (api.sockets("ada") == 0).then_some(()));
    }
}

#[test]
fn a_reader_with_a_new_token_never_sees_what_was_before() {
    for durability in ["memory", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let stop = Arc::new(AtomicBool::new(false));
        let sender = {
            let (mut api, stop) = (server.api(), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    api.send("ada", "noise");
                }
            })
        };
        let mut cursor = None::<String>;
        for round in 0..30 {
            let secret = format!("before deletion {round}");
            let place = api.send("ada", &secret);
            delete(&mut api);
            let token = api.token("ada");
            let mark = format!("after deletion {round}");
            api.send("ada", &mark);
            let mut opening = server.opening(ALL[round % 4], &token);
            // Also with a cursor from long before.
            if let Some(cursor) = cursor.as_ref().filter(|_| round % 2 == 1) {
                opening = opening.after(cursor);
            }
            let mut socket = opening.open();
            loop {
                match socket.frame() {
                    Frame::Message(_, Data::Text(text)) if text == mark => break,
                    Frame::Message(_, Data::Text(text)) => assert_eq!(text, "noise", "{durability}"),
                    Frame::Gap { .. } => {}
                    other => panic!("{durability}: {other:?}"),
                }
            }
            cursor = Some(place);
        }
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap();
    }
}
