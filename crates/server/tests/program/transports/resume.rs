//! Where a socket starts, and that it goes on from there in order.

use crate::support::{
    http::Api,
    server::{memory, on_disk},
    socket::{ALL, Data, Frame},
    token,
};
use protocol::socket::Transport;
use serde_json::json;

#[test]
fn what_was_sent_between_token_and_opening_arrives() {
    for durability in ["memory", "os", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        api.send("ada", "before the token");
        let token = api.token("ada");
        let places = [api.send("ada", "one"), api.send("ada", "two")];
        for transport in ALL {
            let mut socket = server.opening(transport, &token).open();
            for (place, text) in places.iter().zip(["one", "two"]) {
                let expected = Frame::Message(Some(place.clone()), Data::Text(text.into()));
                assert_eq!(socket.frame(), expected, "{durability}, {transport:?}");
            }
            assert_eq!(socket.at(), places[1]);
        }
    }
}

#[test]
fn a_socket_goes_on_after_its_cursor_on_any_transport() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for (round, transport) in ALL.into_iter().chain(ALL).enumerate() {
        let mut opening = server.opening(transport, &token);
        if let Some(cursor) = &cursor {
            opening = opening.after(cursor);
        }
        // One while nobody listens, one while it does.
        api.send("ada", &format!("{round} away"));
        let mut socket = opening.open();
        all.push(socket.text());
        api.send("ada", &format!("{round} there"));
        all.push(socket.text());
        cursor = socket.cursor.clone();
    }
    let expected: Vec<String> =
        (0..8).flat_map(|round| [format!("{round} away"), format!("{round} there")]).collect();
    assert_eq!(all, expected, "each once, in order, however the transport changes");
}

#[test]
fn the_first_of_last_event_id_after_and_the_token_counts() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    let places: Vec<String> = ["one", "two", "three"].iter().map(|text| api.send("ada", text)).collect();
    for transport in ALL {
        let opening = || server.opening(transport, &token);
        assert_eq!(opening().open().text(), "one", "{transport:?}: the token's own place");
        assert_eq!(opening().after(&places[0]).open().text(), "two", "{transport:?}");
        let both = opening().after(&places[0]).header("Last-Event-ID", &places[1]);
        assert_eq!(both.open().text(), "three", "{transport:?}: Last-Event-ID is over after");
        let empty = opening().after(&places[0]).header("Last-Event-ID", "");
        assert_eq!(empty.open().text(), "two", "{transport:?}: an empty one says nothing");
    }
}

#[test]
fn a_token_without_a_place_starts_five_seconds_before_it_was_made() {
    let server = memory().start();
    let mut api = server.api();
    api.send("ada", "just before");
    for transport in ALL {
        let own = token::sign(&token::claims("ada"), token::TOKEN_KEY);
        assert_eq!(server.opening(transport, &own).open().text(), "just before", "{transport:?}");
        let mut later = token::claims("ada");
        later["iat"] = json!(token::now() + 20);
        let mut socket = server.opening(transport, &token::sign(&later, token::TOKEN_KEY)).open();
        let place = api.send("ada", "after");
        assert_eq!(socket.frame(), Frame::Message(Some(place), Data::Text("after".into())), "{transport:?}");
    }
}

/// Sends, while sockets come and go: each must see an unbroken sequence.
#[test]
fn a_socket_that_comes_and_goes_while_messages_flow_sees_each_once() {
    for durability in ["memory", "fsync"] {
        let server = on_disk(durability).start();
        let token = server.api().token("ada");
        let total = 600;
        let readers: Vec<_> = ALL
            .into_iter()
            .map(|transport| {
                let opening = server.opening(transport, &token);
                std::thread::spawn(move || read_in_pieces(&opening, total))
            })
            .collect();
        let mut api = server.api();
        for number in 0..total {
            send_number(&mut api, number);
        }
        for reader in readers {
            reader.join().unwrap();
        }
    }
}

fn send_number(api: &mut Api, number: usize) {
    api.send("ada", &number.to_string());
}

fn read_in_pieces(opening: &crate::support::opening::Opening, total: usize) {
    let (mut next, mut cursor) = (0, None::<String>);
    while next < total {
        let mut socket = match &cursor {
            Some(cursor) => opening.clone().after(cursor).open(),
            None => opening.clone().open(),
        };
        for _ in 0..(next % 37 + 3).min(total - next) {
            assert_eq!(socket.text(), next.to_string(), "{:?}", socket.transport);
            next += 1;
        }
        if socket.transport == Transport::LongPoll {
            // A poll's answer is taken as a whole: its cursor stands behind all of it.
            while let Some(text) = socket.left_text() {
                assert_eq!(text, next.to_string());
                next += 1;
            }
        }
        cursor = socket.cursor.clone();
    }
}

#[test]
fn the_compatible_path_opens_the_same_sockets() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("ada");
    for transport in ALL {
        let place = api.send("ada", "here");
        let mut socket = server.opening(transport, &token).path("/_ah/channel/socket").open();
        while socket.frame() != Frame::Message(Some(place.clone()), Data::Text("here".into())) {}
        let path = format!("/_ah/channel/socket/{}", socket.name);
        assert_eq!(api.try_call("POST", &path, &[], br#"{"close":true}"#).unwrap().status, 204);
        assert_eq!(socket.closed().0, 1000, "{transport:?}");
    }
}
