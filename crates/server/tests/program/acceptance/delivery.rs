//! What arrives, and where: items 35, 36, 37, 41. (40 is `measured/burst.rs`.)

use crate::{
    dev_wire,
    support::{
        server::{memory, on_disk},
        socket::{ALL, Data, Frame},
    },
};
use std::thread;

#[test]
fn item_35_a_thousand_messages_arrive_in_order_each_once() {
    for durability in ["memory", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let token = api.token("a");
        let sockets: Vec<_> = ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
        let readers: Vec<_> = sockets
            .into_iter()
            .map(|mut socket| thread::spawn(move || (0..1_000).map(|_| socket.frame()).collect::<Vec<_>>()))
            .collect();
        let texts: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        let expected: Vec<_> = texts
            .iter()
            .map(|text| Frame::Message(Some(api.send("a", text)), Data::Text(text.clone())))
            .collect();
        for (reader, transport) in readers.into_iter().zip(ALL) {
            assert_eq!(reader.join().unwrap(), expected, "{durability}, {transport:?}");
        }
        for text in &texts {
            assert_eq!(dev_wire::poll(&server, &token).as_ref(), Some(text), "{durability}");
        }
        assert_eq!(dev_wire::poll(&server, &token), None);
    }
}

#[test]
fn item_36_eight_long_messages_four_of_them_before_it_opens() {
    let server = on_disk("fsync").start();
    let mut api = server.api();
    for transport in ALL {
        let id = format!("{transport:?}");
        let texts: Vec<String> =
            (0..8).map(|number| format!("{number}: {}", "long and longer ".repeat(40))).collect();
        let token = api.token(&id);
        for text in &texts[..4] {
            assert!(text.len() > 500);
            api.send(&id, text);
        }
        let mut socket = server.opening(transport, &token).open();
        for text in &texts[4..] {
            api.send(&id, text);
        }
        assert_eq!(socket.texts(8), texts, "{transport:?}");
        for text in &texts {
            assert_eq!(dev_wire::poll(&server, &token).as_ref(), Some(text), "the development wire");
        }
    }
}

#[test]
fn item_37_what_is_sent_to_one_reaches_no_other() {
    let server = memory().start();
    let mut api = server.api();
    // As alike as ids can be.
    let ids = ["a", "A", "aa", "a ", " a", "a/", "%61", "a\u{301}", "á", "b"];
    let tokens: Vec<String> = ids.iter().map(|id| api.token(id)).collect();
    let mut sockets: Vec<_> =
        tokens.iter().map(|token| ALL.map(|transport| server.opening(transport, token).open())).collect();
    for round in 0..10 {
        for id in ids {
            api.send(id, &format!("{round} for {id}"));
        }
    }
    for ((id, sockets), token) in ids.iter().zip(&mut sockets).zip(&tokens) {
        let expected: Vec<String> = (0..10).map(|round| format!("{round} for {id}")).collect();
        for socket in sockets {
            assert_eq!(socket.texts(10), expected, "{id:?}, {:?}", socket.transport);
        }
        for text in &expected {
            assert_eq!(dev_wire::poll(&server, token).as_ref(), Some(text), "{id:?}");
        }
        assert_eq!(dev_wire::poll(&server, token), None);
    }
}

#[test]
fn item_41_two_clients_of_one_client_id_each_get_everything_every_time() {
    let server = memory().start();
    let mut api = server.api();
    for one in ALL {
        for other in ALL {
            let id = format!("{one:?} and {other:?}");
            // Of one token, and each of its own.
            let tokens = [api.token(&id), api.token(&id)];
            let mut sockets = [(one, 0), (other, 0), (one, 1), (other, 1)]
                .map(|(transport, token)| server.opening(transport, &tokens[token]).open());
            for number in 0..5 {
                api.send(&id, &number.to_string());
            }
            for socket in &mut sockets {
                assert_eq!(socket.texts(5), ["0", "1", "2", "3", "4"], "{id}");
            }
            assert_eq!(api.sockets(&id), 4, "{id}");
        }
    }
}
