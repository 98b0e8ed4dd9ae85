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
    io::ErrorKind,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
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

/// Opens with whatever token there is, until it is told to stop.
fn open_on(
    transport: Transport,
    address: SocketAddr,
    token: &Mutex<String>,
    stop: &AtomicBool,
) -> Vec<Socket> {
    let mut sockets = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let opening = Opening::new(address, transport, &token.lock().unwrap().clone());
        match opening.try_open() {
            Ok(opened) => sockets.extend(opened.ok()),
            // Deleted before it had a wire that could be told: it is told when it comes back.
            Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
        }
    }
    sockets
}

#[test]
fn nobody_with_a_token_from_before_stays_however_the_opening_races() {
    let server = memory().env("DOWNLINK_EDGE_THREADS", "4").start();
    let address = server.address;
    let mut api = server.api();
    let token = Arc::new(Mutex::new(api.token("ada")));
    let stop = Arc::new(AtomicBool::new(false));
    let openers: Vec<_> = ALL
        .iter()
        .map(|transport| {
            let (token, stop) = (Arc::clone(&token), Arc::clone(&stop));
            thread::spawn(move || open_on(*transport, address, &token, &stop))
        })
        .collect();
    for _ in 0..100 {
        until("somebody is there", || (api.sockets("ada") > 0).then_some(()));
        delete(&mut api);
        *token.lock().unwrap() = api.token("ada");
    }
    stop.store(true, Ordering::Relaxed);
    let sockets: Vec<Socket> = openers.into_iter().flat_map(|opener| opener.join().unwrap()).collect();
    delete(&mut api);
    for socket in sockets {
        // A poll has no connection that could be told; its next request is.
        if socket.transport != Transport::LongPoll {
            is_ended(socket);
        }
    }
    until("nobody is there", || (api.sockets("ada") == 0).then_some(()));
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
